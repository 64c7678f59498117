// A word's scores over the photo: levels to scores, sums, scale, colours and places, by hand.

import assert from "node:assert/strict";
import { test } from "node:test";

import { between, colourOf, ends, scoresOf, summed, whereabouts } from "../../demo/viewer/static/score_map.js";

const base64 = (...levels) => Buffer.from(levels).toString("base64");
const grid = { rows: 2, columns: 2 };
const maps = {
  ...grid,
  words: [
    { low: 0, high: 0.51, levels: base64(0, 255, 100, 50) },
    null,
    { low: -0.1, high: 0.155, levels: base64(255, 0, 0, 100) },
  ],
};
const near = (found, expected) =>
  found.forEach((one, k) => assert.ok(Math.abs(one - expected[k]) < 1e-6, `${found} ${expected}`));

test("levels are 255 equal steps between a word's lowest and highest score", () => {
  near([...scoresOf(maps, 0)], [0, 0.51, 0.2, 0.1]); // a step is 0.002
  near([...scoresOf(maps, 2)], [0.155, -0.1, -0.1, 0]); // 0.001
  assert.equal(scoresOf(maps, 1), null, "an unknown word");
});

test("a segment's map is the sum of its known words'", () => {
  near([...summed(maps, [0, 1, 2])], [0.155, 0.41, 0.1, 0.1]);
  assert.equal(summed(maps, [1]), null);
  assert.equal(summed(maps, []), null);
});

test("a weak word does not look hot beside a strong one", () => {
  const strong = ends(maps, scoresOf(maps, 0));
  near([strong.low, strong.high], [0, 0.51]);
  const weak = ends(maps, scoresOf(maps, 2)); // its best is 0.155, half of the sentence's is 0.255
  near([weak.low, weak.high], [-0.1, 0.255]);
  const flat = ends({ words: [{ high: -1 }] }, [-1, -1]);
  assert.ok(flat.high > flat.low, "a map of one score has a scale as well");
});

test("colours: the ends of the scale and halfway between two of its colours", () => {
  assert.deepEqual(colourOf(0), [11, 7, 36]);
  assert.deepEqual(colourOf(1), [252, 255, 164]);
  assert.deepEqual(colourOf(0.5), [187, 55, 84]);
  assert.deepEqual(colourOf(0.125), [49, 12, 73]); // (11 + 86) / 2, (7 + 16) / 2, (36 + 110) / 2
  assert.deepEqual(colourOf(-3), colourOf(0));
  assert.deepEqual(colourOf(7), colourOf(1));
  const light = ([r, g, b]) => 0.2126 * r + 0.7152 * g + 0.0722 * b;
  for (let k = 0; k < 100; k += 1) assert.ok(light(colourOf(k / 100)) < light(colourOf((k + 1) / 100)));
});

test("between the points, which are the middles of cells", () => {
  const values = [0, 1, 2, 5];
  assert.equal(between(grid, values, 0.25, 0.25), 0);
  assert.equal(between(grid, values, 0.75, 0.75), 5);
  assert.equal(between(grid, values, 0.5, 0.25), 0.5);
  assert.equal(between(grid, values, 0.5, 0.5), 2); // (0 + 1 + 2 + 5) / 4
  assert.equal(between(grid, values, 0, 0), 0, "beyond the last points nothing is added");
  assert.equal(between(grid, values, 1, 1), 5);
  assert.equal(between({ rows: 1, columns: 1 }, [3], 0.2, 0.9), 3);
});

test("where the highest score lies, in words", () => {
  const three = { rows: 3, columns: 3 };
  const peak = (k) => whereabouts(three, Array.from({ length: 9 }, (_, j) => (j === k ? 1 : 0)));
  assert.equal(peak(0), "at the top left");
  assert.equal(peak(1), "at the top");
  assert.equal(peak(4), "in the middle");
  assert.equal(peak(5), "at the right");
  assert.equal(peak(8), "at the bottom right");
});
