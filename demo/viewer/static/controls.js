// Two sliders: beta asks the server (one question at a time, the latest value wins), the threshold
// only fades words. Beta's default, which the server knows of each sentence, is marked on its slider,
// and a button leads back to it as to both ends.

import { make } from "../../web/static/dom.js";

const FAINT = 0.2; // words below this share of the best score start out pale
const PATIENCE = 3000; // ms without an answer after which the next value is asked for anyway
const DEFAULT = "default"; // the beta that is wanted is the sentence's own
let count = 0;

// ends: what stands below the slider, from left to right: texts or buttons
function slider(title, ends, explain) {
  const id = `slider-${(count += 1)}`;
  const input = make("input", { id, type: "range", min: 0, "aria-describedby": `${id}-ends` });
  const output = make("output", { for: id });
  const mark = make("span", { class: "mark", hidden: true, "aria-hidden": "true" });
  const root = make(
    "div",
    { class: "slider", title: explain },
    make("label", { for: id }, title),
    output,
    make("div", { class: "track" }, mark, input),
    make("div", { class: "ends", id: `${id}-ends` }, ...ends),
  );
  return { root, input, output, mark };
}

export class Controls {
  constructor(slide, fade) {
    this.slide = slide;
    this.asked = null; // the beta on its way, or null
    this.chosen = null; // the threshold that a person set, which outlives a sentence
    const button = (text, title, act) => {
      const made = make("button", { type: "button", title, "aria-pressed": "false" }, text);
      made.addEventListener("click", act);
      return made;
    };
    this.stops = [
      button("every word alone", "Beta 0", () => this.ask(0)),
      button("phrases", "The beta that cuts sentences best into their phrases", () =>
        this.ask(DEFAULT),
      ),
      button("one region for all", "The smallest beta that gives one region to all words", () =>
        this.ask(Number(this.beta.input.max)),
      ),
    ];
    this.beta = slider(
      "Beta",
      this.stops,
      "How much neighbouring words prefer to share a region; the mark is the default",
    );
    this.faint = slider(
      "Pale below",
      [make("span", {}, "no word"), make("span", {}, "all words")],
      "Words whose score is lower than this are shown pale",
    );
    this.beta.input.addEventListener("input", () => this.ask());
    this.faint.input.addEventListener("input", () => {
      this.threshold = this.chosen = Number(this.faint.input.value);
      this.say();
      fade(this.threshold);
    });
    this.root = make("div", { class: "controls" }, this.beta.root, this.faint.root);
  }

  show(alignment, { max, step }) {
    const settled = this.asked === null || this.wanted === this.asked;
    this.asked = null;
    clearTimeout(this.waiting);
    this.beta.input.max = max;
    this.beta.input.step = step || 1;
    this.beta.input.disabled = max === 0;
    this.shown = alignment.beta;
    this.usual = alignment.default_beta;
    this.beta.mark.hidden = max === 0;
    this.beta.mark.style.setProperty("--at", max ? this.usual / max : 0);
    const pressed = [this.shown === 0, this.shown === this.usual, this.shown >= alignment.merging_beta];
    this.stops.forEach((stop, k) => {
      stop.setAttribute("aria-pressed", String(max > 0 && pressed[k]));
      stop.disabled = max === 0;
    });
    if (settled) this.beta.input.value = this.wanted = this.shown;
    else this.ask(this.wanted);

    const known = alignment.scores.filter((row) => row).flat();
    const [low, high] = [Math.min(0, ...known), Math.max(...known)];
    this.faint.input.min = low;
    this.faint.input.max = high;
    this.faint.input.step = (high - low) / 200 || 1;
    this.faint.input.value = this.chosen ?? FAINT * Math.max(high, 0);
    this.threshold = Number(this.faint.input.value);
    this.say();
  }

  // beta: a number, or DEFAULT
  ask(beta = Number(this.beta.input.value)) {
    this.wanted = beta;
    this.beta.input.value = beta === DEFAULT ? this.usual : beta;
    this.say();
    // What is shown already would come back unchanged, and Gradio tells nobody of that.
    const here = this.wanted === DEFAULT ? this.usual === this.shown : this.wanted === this.shown;
    if (this.asked !== null || here) return;
    this.asked = this.wanted;
    this.slide(this.asked === DEFAULT ? null : this.asked);
    this.waiting = setTimeout(() => {
      const missed = this.wanted !== this.asked;
      this.asked = null;
      if (missed) this.ask(this.wanted);
    }, PATIENCE);
  }

  say() {
    for (const { input, output } of [this.beta, this.faint]) {
      output.textContent = String(Number(Number(input.value).toPrecision(3)));
    }
  }
}
