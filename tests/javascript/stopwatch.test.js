// Time spent on a photo: only while it is seen and somebody is there.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Clock } from "./stand_ins.js";

globalThis.document = Object.assign(new EventTarget(), { hidden: false });
const clock = new Clock().install();

const { Stopwatch } = await import("../../demo/pages/annotate/static/stopwatch.js");

beforeEach(() => {
  document.hidden = false;
});

test("it goes on from what was spent before", async () => {
  const watch = new Stopwatch(12.5);
  await clock.pass(3040);
  assert.equal(watch.seconds, 15.5);
  watch.stop();
});

test("a minute without a sign of anybody, and it rests until there is one", async () => {
  const watch = new Stopwatch();
  await clock.pass(200_000);
  assert.equal(watch.seconds, 60);
  document.dispatchEvent(new Event("keydown"));
  await clock.pass(5000);
  assert.equal(watch.seconds, 65);
  watch.stop();
});

test("time in another tab does not count", async () => {
  const watch = new Stopwatch();
  await clock.pass(10_000);
  watch.tick();
  document.hidden = true;
  await clock.pass(20_000);
  assert.equal(watch.seconds, 10);
  watch.stop();
});

test("a stopped one hears nothing more", async () => {
  const watch = new Stopwatch();
  watch.stop();
  const { active } = watch;
  await clock.pass(1000);
  document.dispatchEvent(new Event("pointerdown"));
  assert.equal(watch.active, active);
});
