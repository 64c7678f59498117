// The last photos and sentences of a visit.

import assert from "node:assert/strict";
import { test } from "node:test";

import { MOST, remembered } from "../../demo/pages/align/static/recent.js";

const entry = (src, text, beta = null) => ({ src, text, beta });
const seen = (...steps) => steps.reduce(remembered, []).map(({ src, text }) => `${src}:${text}`);

test("newest first; a photo's first sentence takes the place of the bare photo", () => {
  assert.deepEqual(seen(entry("a", "")), ["a:"]);
  assert.deepEqual(seen(entry("a", ""), entry("a", "a dog"), entry("b", "")), ["b:", "a:a dog"]);
});

test("what was there before comes to the front, once", () => {
  const steps = [entry("a", "x"), entry("a", "y"), entry("b", "x"), entry("a", "x")];
  assert.deepEqual(seen(...steps), ["a:x", "b:x", "a:y"]);
});

test("another beta changes its entry", () => {
  const [one, ...others] = [entry("a", "x"), entry("a", "x", 0.2)].reduce(remembered, []);
  assert.equal(one.beta, 0.2);
  assert.deepEqual(others, []);
});

test("a photo that is shown again without a sentence adds nothing", () => {
  assert.deepEqual(seen(entry("a", "x"), entry("a", "")), ["a:x"]);
});

test("ten, and no more", () => {
  const many = Array.from({ length: 14 }, (_, k) => entry("a", `sentence ${k}`));
  assert.equal(seen(...many).length, MOST);
  assert.equal(seen(...many)[0], "a:sentence 13");
});
