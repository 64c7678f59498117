// Regions of a photo, and the way back.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { tellLimits, tooLong } from "../../demo/pages/annotate/static/limits.js";
import { Draft } from "../../demo/pages/annotate/static/draft.js";

const draft = (width = 100, height = 50, most = 5) => new Draft(width, height, most, () => {});
const boxes = (one) => one.regions.map(({ box }) => box);

describe("undo and redo", () => {
  test("go through every state, and tell", () => {
    let told = 0;
    const one = new Draft(100, 50, 5, () => (told += 1));
    const first = one.add([1, 2, 3, 4], 0);
    one.add([10, 10, 20, 20], 0);
    one.remove(first);
    assert.deepEqual(boxes(one), [[10, 10, 20, 20]]);
    assert.equal(told, 3);
    assert.ok(one.undo());
    assert.deepEqual(boxes(one), [[1, 2, 3, 4], [10, 10, 20, 20]]);
    assert.ok(one.undo());
    assert.ok(one.undo());
    assert.deepEqual(boxes(one), []);
    assert.ok(!one.undo());
    assert.equal(told, 6);
    for (let k = 0; k < 3; k += 1) assert.ok(one.redo());
    assert.ok(!one.redo());
    assert.deepEqual(boxes(one), [[10, 10, 20, 20]]);
  });

  test("a new step ends what could be done again", () => {
    const one = draft();
    one.add([1, 2, 3, 4], 0);
    one.undo();
    one.add([5, 6, 7, 8], 0);
    assert.ok(!one.redo());
  });

  test("changes with one word are one step, until something else comes between", () => {
    const one = draft();
    const id = one.add([0, 0, 10, 10], 0);
    for (const snippet of ["d", "do", "dog"]) one.change(id, { snippet }, 1, "typing");
    one.settle();
    one.change(id, { snippet: "dogs" }, 2, "typing");
    one.undo();
    assert.equal(one.find(id).snippet, "dog");
    one.undo();
    assert.equal(one.find(id).snippet, "");
  });

  test("reach five hundred steps far", () => {
    const one = draft(10_000, 50);
    const id = one.add([0, 0, 10, 10], 0);
    for (let k = 1; k <= 600; k += 1) one.change(id, { box: [k, 0, k + 10, 10] }, 0);
    let steps = 0;
    while (one.undo()) steps += 1;
    assert.equal(steps, 500);
    assert.deepEqual(boxes(one), [[100, 0, 110, 10]]);
  });

  test("states are replaced, never changed", () => {
    const one = draft();
    const id = one.add([0, 0, 10, 10], 0);
    const before = one.regions;
    one.change(id, { snippet: "a dog" }, 0);
    assert.equal(before[0].snippet, "");
    assert.notEqual(one.regions, before);
  });
});

describe("boxes", () => {
  test("stay inside, in order, a pixel wide, to a hundredth", () => {
    const one = draft();
    assert.deepEqual(one.inside([30, 20, 10, 5]), [10, 5, 30, 20]);
    assert.deepEqual(one.inside([-5, -5, 200, 200]), [0, 0, 100, 50]);
    assert.deepEqual(one.inside([1 / 3, 2 / 3, 10, 10]), [0.33, 0.67, 10, 10]);
    assert.deepEqual(one.inside([7, 7, 7, 7]), [7, 7, 8, 8]);
    assert.deepEqual(one.inside([100, 50, 100, 50]), [99, 49, 100, 50]);
    assert.deepEqual(one.inside([500, 500, 600, 600]), [99, 49, 100, 50]);
  });

  test("a photo of less than a pixel is filled", () => {
    assert.deepEqual(draft(0.5, 3).inside([0, 0, 9, 9]), [0, 0, 0.5, 3]);
  });

  test("moved, they keep their size and stop at the edge", () => {
    const one = draft();
    assert.deepEqual(one.moved([10, 10, 30, 20], 5, -3), [15, 7, 35, 17]);
    assert.deepEqual(one.moved([10, 10, 30, 20], -99, -99), [0, 0, 20, 10]);
    assert.deepEqual(one.moved([10, 10, 30, 20], 99, 99), [80, 40, 100, 50]);
  });

  test("resized, an edge stops a pixel before the opposite one", () => {
    const one = draft();
    assert.deepEqual(one.resized([10, 10, 30, 20], "e", 7, 99), [10, 10, 37, 20]);
    assert.deepEqual(one.resized([10, 10, 30, 20], "nw", 5, 5), [15, 15, 30, 20]);
    assert.deepEqual(one.resized([10, 10, 30, 20], "w", 99, 0), [29, 10, 30, 20]);
    assert.deepEqual(one.resized([10, 10, 30, 20], "s", 0, -99), [10, 10, 30, 11]);
  });
});

describe("a region's record", () => {
  test("has the seconds from its first corner, also after a reload", () => {
    const one = draft();
    const id = one.add([0, 0, 10, 10], 12);
    one.change(id, { snippet: "a dog" }, 15.44);
    assert.equal(one.find(id).seconds, 3.4);
    one.load([{ ...one.find(id), seconds: 8 }]);
    one.change(id, { snippet: "a brown dog" }, 2);
    assert.equal(one.find(id).seconds, 8);
    one.change(id, { snippet: "the brown dog" }, 5);
    assert.equal(one.find(id).seconds, 11);
  });

  test("says when a suggestion was changed", () => {
    const one = draft();
    const id = one.add([0, 0, 10, 10], 0, { provenance: "accepted", snippet: "a dog" });
    one.change(id, { snippet: "a dog" }, 1);
    assert.equal(one.find(id).provenance, "accepted", "nothing changed");
    one.change(id, { snippet: "a cat" }, 1);
    assert.equal(one.find(id).provenance, "edited");
  });

  test("what is missing: boxes, and snippets without a letter, a figure or a sign", () => {
    const one = draft();
    const ids = ["", " \u200b", "犬", "?", "7"].map((snippet) => one.add([0, 0, 9, 9], 0, { snippet }));
    assert.ok(one.full);
    assert.deepEqual(one.missing, { boxes: 0, snippets: ids.slice(0, 2), long: [] });
    one.remove(ids[0]);
    assert.deepEqual(one.missing, { boxes: 1, snippets: [ids[1]], long: [] });
  });

  test("a snippet that is too long is kept whole, and said", () => {
    tellLimits({ snippet: 1000 });
    const one = draft();
    const id = one.add([0, 0, 9, 9], 0);
    one.change(id, { snippet: "🐈".repeat(1000) }, 1);
    assert.deepEqual(one.missing.long, [], "letters are counted as the server does");
    one.change(id, { snippet: "x".repeat(10_000) }, 1);
    assert.deepEqual(one.missing.long, [id]);
    assert.equal(one.find(id).snippet.length, 10_000);
    assert.equal(tooLong("x".repeat(10_000), 1000), "10,000 letters; at most 1,000 are taken");
    assert.equal(tooLong("x".repeat(1000), 1000), "");
  });

  test("a region that is gone changes nothing", () => {
    const one = draft();
    one.change("nobody", { snippet: "x" }, 0);
    one.remove("nobody");
    assert.ok(!one.undo());
  });
});
