// What the captioners say: the photo's sentence, then each region's, as they come.
//
// A region's line lights its box in the viewer of the same page; the arrow sends a sentence to the
// sentence box; "more" asks for further sentences of the region.

import { component } from "../../../web/static/component.js";
import { make, regionColour, regionName, visible } from "../../../web/static/dom.js";

const likely = (value) => value.toFixed(2);

class Descriptions {
  constructor(root, trigger) {
    this.root = root;
    this.trigger = trigger;
    this.start = make("button", { type: "button", class: "describe" }, "Describe");
    this.start.addEventListener("click", () => trigger("describe"));
    this.stop = make("button", { type: "button", hidden: true }, "Cancel");
    this.stop.addEventListener("click", () => trigger("halt"));
    this.message = make("span", { class: "note", role: "status" });
    this.list = make("ul", { "aria-label": "What the model says" });
    root.replaceChildren(make("p", {}, this.start, this.stop, this.message), this.list);
  }

  // value: description_view of describe.py
  show({ running, message, descriptions }) {
    this.start.disabled = running;
    this.stop.hidden = !running;
    this.message.textContent = message || (running ? "describing …" : "");
    this.list.replaceChildren(...descriptions.map((one) => this.line(one, running)));
  }

  line({ region, sentences }, running) {
    const style = `--c: ${regionColour(region)}`;
    const chip = make("span", { class: "chip", style }, regionName(region));
    const said = sentences.map((sentence, rank) => this.sentence(region, sentence, rank));
    const more = make("button", { type: "button", disabled: running }, "more");
    more.setAttribute("aria-label", `More sentences of region ${regionName(region)}`);
    more.addEventListener("click", () => this.trigger("more", { region }));
    const line = make(
      "li",
      { "data-region": region },
      chip,
      make("div", {}, ...said),
      sentences.length === 1 ? more : "",
    );
    line.addEventListener("pointerenter", () => this.light({ region }));
    line.addEventListener("pointerleave", () => this.light(null));
    return line;
  }

  sentence(region, { words, log_probabilities: each, log_probability: all }, rank) {
    const spoken = words.flatMap((word, k) => [
      make("span", { title: `log-probability ${likely(each[k])}` }, visible(word)),
      " ",
    ]);
    const title = `Log-probability of the sentence; of its end ${likely(each.at(-1))}`;
    const use = make("button", { type: "button", class: "use", title: "Align this sentence" }, "↑");
    use.setAttribute("aria-label", `Align: ${visible(words.join(" "))}`);
    use.addEventListener("click", () => this.trigger("use", { region, rank }));
    return make(
      "p",
      {},
      use,
      make("bdi", { class: "said" }, ...spoken),
      make("span", { class: "likely", title }, likely(all)),
    );
  }

  light(detail) {
    const page = this.root.closest("[role=tabpanel]") ?? document;
    page.querySelector(".viewer")?.dispatchEvent(new CustomEvent("point-at", { detail }));
  }
}

export const mount = component("descriptions", ["value"], (root, { props, trigger }) => {
  const descriptions = new Descriptions(root, trigger);
  return () => descriptions.show(props.value);
});
