// The last ten photos and sentences of the visit as a strip: one click, and they are there again.
//
// They stay in the browser and end with the page. A person's photo is sent once more, through the
// same door as the first time; a sentence about the photo that is shown is only aligned again.

import { component } from "../../../web/static/component.js";
import { make, visible } from "../../../web/static/dom.js";
import { again, whenShown } from "./page_events.js";
import { remembered } from "./recent.js";

export const mount = component("visit", [], (root, { trigger }) => {
  let entries = [];
  let shown = null;
  const strip = make("div", { class: "strip", role: "group", "aria-label": "Earlier in this visit" });
  root.replaceChildren(strip);

  function restore({ src, example, file, text, beta }) {
    if (src === shown?.src) {
      if (text) trigger("again", { text, beta });
    } else if (example !== null) again.pick(example, text, beta);
    else again.send(file, { text, beta });
  }

  function draw() {
    root.hidden = entries.length < 2;
    strip.replaceChildren(
      ...entries.map((entry) => {
        const said = visible(entry.text) || "no sentence yet";
        const here = entry === shown;
        const button = make(
          "button",
          { type: "button", title: `${visible(entry.name)}: ${said}`, "aria-pressed": String(here) },
          make("img", { src: entry.src, alt: visible(entry.name) }),
          make("bdi", {}, said),
        );
        button.addEventListener("click", () => entry !== shown && restore(entry));
        return button;
      }),
    );
  }

  whenShown(root, ({ photo, alignment }) => {
    const { src, name } = photo;
    const beta = alignment && alignment.beta !== alignment.default_beta ? alignment.beta : null;
    const example = again.exampleOf?.(photo.example) ?? null;
    const before = entries.find((entry) => entry.src === src);
    const file = example === null ? (before?.file ?? again.file) : null;
    if (example === null && !file) return;
    entries = remembered(entries, { src, name, example, file, text: alignment?.sentence ?? "", beta });
    shown = entries.find((entry) => entry.src === src && entry.text === (alignment?.sentence ?? "")) ?? null;
    draw();
  });
  draw();
});
