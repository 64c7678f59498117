// What the viewer makes of an alignment before it draws: plain values in, plain values out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { byRow } from "../../demo/viewer/static/heatmap.js";
import { unknownWords } from "../../demo/viewer/static/unknown_words.js";

test("each row goes from its own lowest score to its own highest, and keeps its scores", () => {
  const z = [[0.2, 0.4, 0.3], [null, null, null], [0.5, 0.5, 0.5]];
  const heat = byRow({ z });
  assert.deepEqual(heat.z.map((row) => row.map((share) => share && Number(share.toFixed(6)))), [
    [0, 1, 0.5],
    [null, null, null],
    [0, 0, 0],
  ]);
  assert.equal(heat.customdata, z);
  assert.match(heat.hovertemplate, /customdata/);
});

test("unknown words are counted and named as they were typed", () => {
  const sentence = "A 🐕 zzyzx's Qwop dog";
  const word = (start, end, known) => ({ start, end, known });
  const dog = word(17, 20, true);
  assert.equal(unknownWords({ sentence, words: [word(0, 1, true), dog] }), "");
  assert.equal(
    unknownWords({ sentence, words: [word(4, 11, false), dog] }),
    "1 word is not known and left out: “zzyzx's”",
  );
  assert.equal(
    unknownWords({ sentence, words: [word(4, 11, false), word(12, 16, false), dog] }),
    "2 words are not known and left out: “zzyzx's”, “Qwop”",
  );
  const many = Array.from({ length: 7 }, () => word(12, 16, false));
  assert.match(unknownWords({ sentence, words: many }), /^7 words .*“Qwop”, …$/);
});
