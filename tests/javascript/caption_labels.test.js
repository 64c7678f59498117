// Where captions stand on a photo: at their boxes' corners, inside, and none on another.

import assert from "node:assert/strict";
import { test } from "node:test";

import { placed } from "../../demo/viewer/static/caption_labels.js";

const stage = [200, 100];

test("each at its corner, where there is room", () => {
  assert.deepEqual(placed([[10, 10, 50, 20], [100, 40, 50, 20]], stage), [[10, 10], [100, 40]]);
  assert.deepEqual(placed([], stage), []);
});

test("none sticks out of the photo", () => {
  assert.deepEqual(placed([[180, 95, 50, 20]], stage), [[150, 80]]);
  assert.deepEqual(placed([[-5, -5, 50, 20]], stage), [[0, 0]]);
  assert.deepEqual(placed([[10, 10, 300, 20]], stage), [[0, 10]], "wider than the photo: from its left edge");
});

test("a later one goes below an earlier one, and gives up after three steps", () => {
  const same = Array.from({ length: 6 }, () => [10, 0, 50, 20]);
  assert.deepEqual(placed(same, stage), [[10, 0], [10, 20], [10, 40], [10, 60], null, null]);
  // One that touches another hides nothing of it.
  assert.deepEqual(placed([[0, 0, 50, 20], [50, 0, 50, 20]], stage), [[0, 0], [50, 0]]);
  assert.deepEqual(placed([[0, 0, 50, 20], [49, 0, 50, 20]], stage), [[0, 0], [49, 20]]);
});
