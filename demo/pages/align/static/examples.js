// Thumbnails of the example photos; below them, the sentences of the one that was picked.

import { component } from "../../../web/static/component.js";
import { make } from "../../../web/static/dom.js";

export const mount = component("examples", [], (root, { props, trigger }) => {
  const photos = make("div", { class: "thumbs", role: "group", "aria-label": "Example photos" });
  const sentences = make("div", { class: "chips", role: "group", "aria-label": "Its sentences" });
  root.replaceChildren(photos, sentences);

  function pick(photo, sentence) {
    for (const [k, button] of [...photos.children].entries()) {
      button.setAttribute("aria-pressed", String(k === photo));
    }
    sentences.replaceChildren(
      ...props.value[photo].sentences.map((text, k) => {
        const chip = make("button", { type: "button", "aria-pressed": String(k === sentence) }, text);
        chip.addEventListener("click", () => pick(photo, k));
        return chip;
      }),
    );
    trigger("pick", { photo, sentence });
  }

  photos.replaceChildren(
    ...props.value.map(({ file, title }, k) => {
      const src = new URL(`examples/${encodeURIComponent(file)}`, document.baseURI).href;
      const button = make(
        "button",
        { type: "button", title, "aria-pressed": "false" },
        make("img", { src, alt: `Example: ${title}`, loading: "lazy" }),
      );
      button.addEventListener("click", () => pick(k, 0));
      return button;
    }),
  );
});
