// What files are called, and how large a figure is.

import assert from "node:assert/strict";
import { test } from "node:test";

import { stem } from "../../demo/viewer/static/exports.js";
import { drawnSize } from "../../demo/viewer/static/figure.js";

test("files are named after the photo, whatever it was called", () => {
  assert.equal(stem("horses.jpg"), "horses");
  assert.equal(stem("C:\\fakepath\\My holiday (2).JPEG"), "My-holiday-2");
  assert.equal(stem("a/b/été.v2.png"), "été.v2");
  assert.equal(stem("../../etc/passwd"), "passwd");
  assert.equal(stem(".hidden.jpg"), "hidden");
  assert.equal(stem(`${"x".repeat(200)}.jpg`).length, 60);
  for (const nothing of ["", null, undefined, "???.jpg", "/"]) assert.equal(stem(nothing), "photo");
});

test("a figure is as wide as its photo is drawn", () => {
  assert.deepEqual(drawnSize({ width: 1280, height: 640 }), [640, 320]);
  assert.deepEqual(drawnSize({ width: 1000, height: 1120 }), [500, 560], "a tall one ends at 560");
  assert.deepEqual(drawnSize({ width: 100, height: 400 }), [320, 1280], "never narrower than its words");
  assert.deepEqual(drawnSize({ width: 64, height: 32 }), [640, 320], "a small one is drawn larger");
});
