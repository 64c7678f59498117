// The part of the photo that is seen.

import assert from "node:assert/strict";
import { test } from "node:test";

import { View } from "../../demo/pages/annotate/static/view.js";

const seen = ({ x, y, wide, high }) => [x, y, wide, high];

test("it begins with the whole photo", () => {
  assert.deepEqual(seen(new View(200, 100)), [0, 0, 200, 100]);
});

test("zooming keeps the point under the pointer", () => {
  const view = new View(200, 100);
  assert.ok(view.by(2, 50, 25));
  assert.deepEqual(seen(view), [25, 12.5, 100, 50]);
  // (50 - 25) / 100 = 50 / 200: a quarter from the left, before and after.
  assert.equal((50 - view.x) / view.wide, 50 / 200);
  assert.ok(view.by(2, 50, 25));
  assert.equal((50 - view.x) / view.wide, 50 / 200);
});

test("zoom ends at sixteen times and at the whole photo, and says whether anything changed", () => {
  const view = new View(200, 100);
  assert.ok(!view.by(0.5));
  assert.ok(view.by(1000));
  assert.equal(view.zoom, 16);
  assert.ok(!view.by(2));
  assert.ok(view.by(1e-9));
  assert.deepEqual(seen(view), [0, 0, 200, 100]);
});

test("it never leaves the photo", () => {
  const view = new View(200, 100);
  view.by(4);
  view.move(-999, -999);
  assert.deepEqual(seen(view), [0, 0, 50, 25]);
  view.move(999, 999);
  assert.deepEqual(seen(view), [150, 75, 50, 25]);
});

test("zooming out at an edge stays inside", () => {
  const view = new View(200, 100);
  view.by(4);
  view.move(999, 999);
  view.by(0.5, 150, 75);
  assert.deepEqual(seen(view), [100, 50, 100, 50]);
});

test("a box is brought into sight, by moving where that is enough", () => {
  const view = new View(200, 100);
  view.by(4, 0, 0);
  view.reveal([60, 30, 80, 40]);
  assert.deepEqual(seen(view), [30, 15, 50, 25]);
  view.reveal([35, 20, 40, 30]);
  assert.deepEqual(seen(view), [30, 15, 50, 25], "it was in sight");
  view.reveal([0, 0, 10, 10]);
  assert.deepEqual(seen(view), [0, 0, 50, 25]);
});

test("a box larger than the view is brought into sight by zooming out", () => {
  const view = new View(200, 100);
  view.by(8, 0, 0);
  view.reveal([100, 10, 200, 60]);
  assert.equal(view.zoom, 2);
  assert.deepEqual(seen(view), [100, 10, 100, 50]);
});

test("a very wide photo has all of the stage to be looked at closely", () => {
  const view = new View(8000, 500);
  view.stage(800, 600);
  // 800 / 8000 = 0.1 screen pixels each: 8000 x 6000 of the photo's, which has 500 of them.
  assert.deepEqual(seen(view), [0, (500 - 6000) / 2, 8000, 6000]);
  assert.equal(view.most, 80, "until a pixel takes eight of the screen's");
  assert.ok(view.by(16, 4000, 250));
  assert.deepEqual(seen(view), [3750, 250 - 375 / 2, 500, 375]);
  view.move(0, 999);
  assert.equal(view.y, 125, "the stage is full of the photo");
});

test("a very tall photo is in the middle", () => {
  const view = new View(400, 6000);
  view.stage(900, 600);
  assert.deepEqual(seen(view), [(400 - 9000) / 2, 0, 9000, 6000]);
  assert.equal(view.scale, 0.1);
});

test("another size of the stage keeps what was in the middle", () => {
  const view = new View(200, 100);
  view.stage(400, 200);
  view.by(4, 100, 50);
  const middle = () => [view.x + view.wide / 2, view.y + view.high / 2];
  assert.deepEqual(middle(), [100, 50]);
  view.stage(300, 300);
  assert.deepEqual(middle(), [100, 50]);
  assert.equal(view.zoom, 4);
});
