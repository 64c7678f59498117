// What a key does in the editor of a photo.

import assert from "node:assert/strict";
import { test } from "node:test";

import { KEYS, command } from "../../demo/pages/annotate/static/keys.js";

const nowhere = { matches: () => false };
const at = (...kinds) => ({ matches: (choice) => kinds.some((kind) => choice.split(", ").includes(kind)) });
const press = (key, held = {}, target = nowhere) => command({ key, target, ...held });

test("letters and signs", () => {
  assert.deepEqual(press("n"), ["add"]);
  assert.deepEqual(press("N", { shiftKey: true }), ["add"]);
  assert.deepEqual(press("s"), ["skip"]);
  assert.deepEqual(press("?"), ["help"]);
  assert.deepEqual(press("0"), ["whole"]);
  assert.deepEqual(press("3"), ["select", 2]);
  assert.equal(press("x"), null);
  assert.equal(press("F5"), null);
});

test("with a box selected, letters are its words and no commands", () => {
  for (const key of "small roof 2 dogs+-0?".replaceAll(" ", "")) {
    assert.deepEqual(command({ key, target: nowhere }, true), ["write"], key);
  }
  assert.deepEqual(command({ key: "S", shiftKey: true, target: at("button") }, true), ["write"]);
  assert.equal(command({ key: " ", target: nowhere }, true), null, "the space bar moves the photo");
  assert.equal(command({ key: "s", target: at("textarea") }, true), null, "typed where it is");
  assert.deepEqual(command({ key: "Delete", target: nowhere }, true), ["remove"]);
  assert.deepEqual(command({ key: "z", ctrlKey: true, target: nowhere }, true), ["undo"]);
  assert.deepEqual(command({ key: "Enter", target: nowhere }, true), ["type"]);
});

test("arrows move a box or an edge, finely with Ctrl", () => {
  assert.deepEqual(press("ArrowLeft"), ["arrow", -1, 0, "all", undefined]);
  assert.deepEqual(press("ArrowDown", { shiftKey: true }), ["arrow", 0, 1, "far", undefined]);
  assert.deepEqual(press("ArrowUp", { altKey: true, ctrlKey: true }), ["arrow", 0, -1, "near", true]);
});

test("Ctrl, and Command on a Mac", () => {
  for (const held of [{ ctrlKey: true }, { metaKey: true }]) {
    assert.deepEqual(press("z", held), ["undo"]);
    assert.deepEqual(press("Z", { ...held, shiftKey: true }), ["redo"]);
    assert.deepEqual(press("y", held), ["redo"]);
    assert.deepEqual(press("Enter", held), ["submit"]);
    assert.equal(press("n", held), null, "the browser's own");
  }
});

test("who types keeps the keys, except those that leave the field", () => {
  const field = at("textarea");
  for (const key of ["n", "s", "1", "ArrowLeft", "Delete", "Enter", "?"]) {
    assert.equal(press(key, {}, field), null, key);
  }
  assert.deepEqual(press("Escape", {}, field), ["back"]);
  assert.deepEqual(press("z", { ctrlKey: true }, field), ["undo"]);
  assert.deepEqual(press("Enter", { ctrlKey: true }, field), ["submit"]);
});

test("Enter presses a button that has the focus, and else begins to type", () => {
  assert.equal(press("Enter", {}, at("button")), null);
  assert.deepEqual(press("Enter"), ["type"]);
  assert.deepEqual(press("Delete"), ["remove"]);
  assert.deepEqual(press("Backspace"), ["remove"]);
});

test("the list of keys names each once", () => {
  const names = KEYS.map(([name]) => name);
  assert.equal(new Set(names).size, names.length);
  assert.ok(KEYS.every(([, meaning]) => meaning));
});
