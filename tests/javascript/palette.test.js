// The palette: a colour for each region, in light and in dark, told apart and readable.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const REGIONS = 20; // the whole photo and nineteen regions

const css = readFileSync(new URL("../../demo/web/static/palette.css", import.meta.url), "utf8");

// -> for each block of the style sheet that has region colours: Map(region -> [r, g, b])
function themes() {
  const blocks = [...css.matchAll(/\{([^{}]*)\}/g)].map(([, block]) => block);
  return blocks.map(colours).filter((found) => found.size);
}

function colours(block) {
  const found = new Map();
  for (const [, region, hex] of block.matchAll(/--region-(\d+):\s*#([0-9a-f]{6})\b/gi)) {
    found.set(Number(region), hex.match(/../g).map((two) => parseInt(two, 16)));
  }
  return found;
}

// Relative luminance and contrast as WCAG 2.2 defines them.
function luminance(rgb) {
  const [r, g, b] = rgb.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

const contrast = (one, other) => {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
};

test("both themes have a colour for each region, no two alike", () => {
  assert.ok(themes().length >= 2, "light and dark");
  for (const theme of themes()) {
    assert.deepEqual([...theme.keys()].sort((a, b) => a - b), Array.from({ length: REGIONS }, (_, k) => k));
    assert.equal(new Set([...theme.values()].map(String)).size, REGIONS);
  }
});

test("words in these colours can be read on their ground", () => {
  const [light, ...dark] = themes();
  const white = [255, 255, 255];
  const black = [0, 0, 0];
  for (const [region, colour] of light) {
    assert.ok(contrast(colour, white) >= 3, `light: region ${region}: ${contrast(colour, white).toFixed(2)}`);
  }
  for (const theme of dark) {
    for (const [region, colour] of theme) {
      assert.ok(contrast(colour, black) >= 3, `dark: region ${region}: ${contrast(colour, black).toFixed(2)}`);
    }
  }
});
