// What the keyboard does: a key event -> a command of the editor, by name.

export const KEYS = [
  ["Letters", "with a box selected: type what it shows"],
  ["N", "without one: a new box in the middle"],
  ["Tab", "go to the next box"],
  ["1 … 9", "without a selected box: go to that box"],
  ["Arrows", "move the box; without one, move the zoomed photo"],
  ["Shift + arrows", "move its right or lower edge"],
  ["Alt + arrows", "move its left or upper edge"],
  ["Ctrl with these", "a fine step"],
  ["Enter", "type what the box shows; when typing: the next one"],
  ["Escape", "from typing to the box; from the box to the photo"],
  ["Delete", "delete the box"],
  ["Ctrl + Z, Ctrl + Y", "undo, redo"],
  ["+, -, 0", "without a selected box: zoom in, out, all of the photo"],
  ["Wheel", "zoom in and out where the pointer is"],
  ["Space and drag", "move the zoomed photo"],
  ["Ctrl + Enter", "submit"],
  ["S", "without a selected box: skip this photo"],
  ["?", "without a selected box: these keys"],
];

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const PLAIN = { n: "add", s: "skip", "?": "help", "+": "closer", "=": "closer", "-": "farther", 0: "whole" };

// chosen: whether a box is selected, whose words can be typed: then letters are words and nothing
// else. -> [command, ...arguments], or null where the key is not ours
export function command(event, chosen = false) {
  const held = event.ctrlKey || event.metaKey;
  const typing = event.target.matches?.("textarea, input, select");
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (held && key === "z") return [event.shiftKey ? "redo" : "undo"];
  if (held && key === "y") return ["redo"];
  if (held && key === "Enter") return ["submit"];
  if (key === "Escape") return ["back"];
  if (typing) return null;
  if (key in ARROWS) {
    const [dx, dy] = ARROWS[key];
    return ["arrow", dx, dy, event.shiftKey ? "far" : event.altKey ? "near" : "all", held];
  }
  if (held || event.altKey) return null;
  if (chosen && event.key.length === 1 && event.key !== " ") return ["write"];
  if (key in PLAIN) return [PLAIN[key]];
  if (key === "Delete" || key === "Backspace") return ["remove"];
  if (key === "Enter" && !event.target.matches?.("button, a, summary")) return ["type"];
  if (/^[1-9]$/.test(key)) return ["select", Number(key) - 1];
  return null;
}
