// What the captioners say: the photo's sentence, then its regions', the surest first, as they come.
//
// The same lines stand on the photo at their boxes: the viewer of the page draws them. A line and its
// box light together. The arrow sends a sentence to the sentence box; "more" gives further ones.

import { component } from "../../../web/static/component.js";
import { make, regionColour, regionName, visible } from "../../../web/static/dom.js";
import { pointing } from "../../../viewer/static/pointing.js";
import { viewerBeside } from "./page_events.js";

const CHIPS = 4; // regions named on a line; the others are counted

export const percent = (share) => `${Math.round(100 * share)} %`;

// A bar as long as a share, which also says it.
function bar(share) {
  const title = `How sure the captioner is of a word, on average: ${percent(share)}`;
  const meter = { role: "meter", "aria-valuemin": 0, "aria-valuemax": 100 };
  const node = make(
    "span",
    { class: "sure", title, ...meter, "aria-valuenow": Math.round(100 * share), "aria-label": title },
    make("span", {}),
  );
  node.firstChild.style.width = `${100 * share}%`;
  return node;
}

class Descriptions {
  constructor(root, trigger) {
    this.root = root;
    this.trigger = trigger;
    this.start = make("button", { type: "submit", class: "describe" }, "Describe");
    this.beginning = make("input", {
      type: "text",
      maxlength: 200,
      placeholder: "beginning with …",
      "aria-label": "Words that the descriptions begin with",
      title: "Words that the descriptions begin with, such as “a man”; they are continued",
    });
    this.stop = make("button", { type: "button", hidden: true }, "Cancel");
    this.stop.addEventListener("click", () => trigger("halt"));
    this.drawn = make("input", { type: "checkbox" });
    this.drawn.checked = true;
    this.drawn.addEventListener("change", () => this.draw());
    this.toggle = make("label", { class: "every", hidden: true }, this.drawn, "captions on the photo");
    this.message = make("span", { class: "note", role: "status" });
    this.whole = make("div", { class: "whole" });
    this.list = make("ul", { "aria-label": "What the model says of regions, the surest first" });
    const form = make(
      "form",
      {},
      this.start,
      this.beginning,
      this.stop,
      this.toggle,
      this.message,
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.drawn.checked = true;
      trigger("describe", { beginning: this.beginning.value });
    });
    root.replaceChildren(form, this.whole, this.list);
    this.listen();
  }

  // What the viewer lights, lights here as well; another sentence there takes the captions away.
  async listen() {
    this.viewer = await viewerBeside(this.root);
    this.viewer?.addEventListener("lit", ({ detail }) => {
      for (const line of this.root.querySelectorAll("[data-region]")) {
        line.classList.toggle("lit", line.dataset.regions.split(" ").includes(String(detail)));
      }
    });
    this.viewer?.addEventListener("aligned", () => {
      this.drawn.checked = false;
      this.draw();
    });
  }

  // value: description_view of describe.py
  show({ running, message, descriptions }) {
    this.descriptions = descriptions;
    this.start.disabled = running;
    this.stop.hidden = !running;
    this.toggle.hidden = !descriptions.length;
    this.message.textContent = message || (running ? "describing …" : "");
    const [whole] = descriptions.filter(({ region }) => region === 0);
    this.whole.replaceChildren(...(whole ? [this.line("div", whole, running)] : []));
    const regions = descriptions.filter(({ region }) => region !== 0);
    this.list.replaceChildren(...regions.map((one) => this.line("li", one, running)));
    this.draw();
  }

  draw() {
    const shown = this.drawn.checked ? (this.descriptions ?? []) : [];
    const detail = shown
      .filter(({ region }) => region !== 0)
      .map(({ region, sentences: [first] }) => ({ region, text: first.words.join(" ") }));
    this.viewer?.dispatchEvent(new CustomEvent("caption", { detail }));
  }

  line(tag, { region, regions, sentences, more: further }, running) {
    const chips = regions.slice(0, CHIPS).map((one) => {
      const chip = make("span", { class: "chip", style: `--c: ${regionColour(one)}` }, regionName(one));
      pointing(chip, () => this.light({ region: one }), () => this.light({ region }));
      return chip;
    });
    const rest = regions.slice(CHIPS).map(regionName).join(", ");
    if (rest) chips.push(make("span", { title: `also ${rest}` }, `+${regions.length - CHIPS}`));
    const said = sentences.map((sentence, rank) => this.sentence(region, sentence, rank));
    const more = make("button", { type: "button", disabled: running }, "more");
    more.setAttribute("aria-label", `More sentences of region ${regionName(region)}`);
    more.addEventListener("click", () => this.trigger("more", { region }));
    const line = make(
      tag,
      { class: "line", "data-region": region, "data-regions": regions.join(" ") },
      make("span", { class: "chips" }, ...chips),
      make("div", {}, ...said),
      further ? more : "",
    );
    pointing(line, () => this.light({ region }), () => this.light(null));
    line.addEventListener("focusin", () => this.light({ region }));
    line.addEventListener("focusout", () => this.light(null));
    return line;
  }

  sentence(region, { words, log_probabilities: each, confidence }, rank) {
    const spoken = words.flatMap((word, k) => [
      make("span", { title: `${percent(Math.exp(each[k]))} sure of this word` }, visible(word)),
      " ",
    ]);
    const use = make("button", { type: "button", class: "use", title: "Align this sentence" }, "↑");
    use.setAttribute("aria-label", `Align: ${visible(words.join(" "))}`);
    use.addEventListener("click", () => this.trigger("use", { region, rank }));
    return make("p", {}, use, make("bdi", { class: "said" }, ...spoken), bar(confidence));
  }

  light(detail) {
    this.viewer?.dispatchEvent(new CustomEvent("point-at", { detail }));
  }
}

export const mount = component("descriptions", ["value"], (root, { props, trigger }) => {
  const descriptions = new Descriptions(root, trigger);
  return () => descriptions.show(props.value);
});
