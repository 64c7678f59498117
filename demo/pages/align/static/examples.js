// Thumbnails of the example photos; below them, the sentences of the one that was picked. The address
// names what is shown of them: ?tab=align&example=FILE&text=SENTENCE&beta=NUMBER.

import { follow, readAddress, writeAddress } from "../../../web/static/address.js";
import { component } from "../../../web/static/component.js";
import { make, visible } from "../../../web/static/dom.js";
import { again, whenShown } from "./page_events.js";

export const mount = component("examples", [], (root, { props, trigger }) => {
  const photos = make("div", { class: "thumbs", role: "group", "aria-label": "Example photos" });
  const sentences = make("div", { class: "chips", role: "group", "aria-label": "Its sentences" });
  const message = make("p", { class: "status", role: "status" });
  root.replaceChildren(photos, sentences, message);
  let address = {}; // the parts of it that are shown

  function mark(photo, text) {
    message.textContent = "";
    for (const [k, button] of [...photos.children].entries()) {
      button.setAttribute("aria-pressed", String(k === photo));
    }
    sentences.replaceChildren(
      ...(props.value[photo]?.sentences ?? []).map((one) => {
        const chip = make("button", { type: "button", "aria-pressed": String(one === text) }, one);
        chip.addEventListener("click", () => pick(photo, one));
        return chip;
      }),
    );
  }

  function pick(photo, text, beta = null) {
    mark(photo, text);
    trigger("pick", { photo, text, beta });
  }

  again.pick = pick;
  // An example's number, null for a photo that is none.
  again.exampleOf = (name) => {
    const k = props.value.findIndex(({ file }) => file === name);
    return k < 0 ? null : k;
  };

  // What an address asks for. Of nothing that it does not name anything is changed.
  function read({ example, text, beta }) {
    if (!example || (example === address.example && text === address.text)) return;
    const photo = props.value.findIndex(({ file }) => file === example);
    if (photo < 0) {
      message.textContent = `There is no example photo named “${visible(example).slice(0, 80)}”; pick one.`;
      return;
    }
    pick(photo, text ?? props.value[photo].sentences[0], beta ?? null);
  }

  // An address that means another page, which is about to open, or nothing, stays as it is.
  function write() {
    const { tab, example } = readAddress();
    if (!root.getClientRects().length || (tab && tab !== "align")) return;
    if (address.example || example) writeAddress("align", address);
  }

  whenShown(root, ({ photo, alignment }) => {
    const k = again.exampleOf(photo.example);
    mark(k, alignment?.sentence);
    const beta = alignment && alignment.beta !== alignment.default_beta ? alignment.beta : "";
    address = k === null ? {} : { example: photo.example, text: alignment?.sentence ?? "", beta };
    write();
  });
  photos.replaceChildren(
    ...props.value.map(({ file, title, sentences: [first] }, k) => {
      const src = new URL(`examples/${encodeURIComponent(file)}`, document.baseURI).href;
      const button = make(
        "button",
        { type: "button", title, "aria-pressed": "false" },
        make("img", { src, alt: `Example: ${title}`, loading: "lazy" }),
      );
      button.addEventListener("click", () => pick(k, first));
      return button;
    }),
  );
  follow(root, "align", { read, show: write });
  const asked = readAddress();
  if (asked.tab === "align") read(asked);
});
