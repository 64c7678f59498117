// Words and numbers as the pages show them.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";

import { regionColour, regionName, short, visible } from "../../demo/web/static/dom.js";

test("characters that would reorder or hide text are shown as spaces", () => {
  assert.equal(visible("a\u202egod\u2066b"), "a god b");
  assert.equal(visible("zero\u200bwidth\ufeff\u0000\n"), "zero width   ");
  assert.equal(visible("می\u200cخواهم 👩\u200d🚀"), "می\u200cخواهم 👩\u200d🚀", "joiners belong to the words");
  assert.equal(visible("犬 dog <b>"), "犬 dog <b>");
});

test("scores: three places, and large ones whole", () => {
  assert.equal(short(0.12345), "0.123");
  assert.equal(short(-99.9999), "-100.000");
  assert.equal(short(100), "100");
  assert.equal(short(-1234.5678), "-1235");
});

test("region 0 is the photo, and each has a colour of the palette", () => {
  assert.equal(regionName(0), "photo");
  assert.equal(regionName(7), "7");
  assert.equal(regionColour(7), "var(--region-7)");
  assert.equal(regionColour(19), "var(--region-19)");
  assert.equal(regionColour(20), "var(--region-1)", "after the last colour they come again");
  assert.equal(regionColour(39), "var(--region-1)");
});

test("no module names a colour of the palette by a region's own number", () => {
  const folder = new URL("../../demo/", import.meta.url);
  for (const file of readdirSync(folder, { recursive: true })) {
    if (!file.endsWith(".js") || file.endsWith("dom.js")) continue;
    assert.doesNotMatch(readFileSync(new URL(file, folder), "utf8"), /--region-\$\{/, file);
  }
});
