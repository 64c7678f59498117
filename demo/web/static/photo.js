// A box on a photo, as viewer and editor draw it: an outline that shows on any ground, in the
// photo's own pixels.

import { make } from "./dom.js";

export function place(box, [x1, y1, x2, y2]) {
  for (const rect of box.querySelectorAll("rect")) {
    const sides = { x: x1, y: y1, width: x2 - x1, height: y2 - y1 };
    for (const [name, value] of Object.entries(sides)) rect.setAttribute(name, value);
  }
}

export function makeBox(xyxy, colour, attributes = {}) {
  const box = make(
    "g",
    { class: "box", style: `--c: ${colour}`, ...attributes },
    make("rect", { class: "casing" }),
    make("rect", { class: "line" }),
  );
  place(box, xyxy);
  return box;
}
