// Two sliders: beta asks the server (one question at a time, the latest value wins), the threshold
// only fades words.

import { make } from "../../web/static/dom.js";

const FAINT = 0.2; // words below this share of the best score start out pale
const PATIENCE = 3000; // ms without an answer after which the next value is asked for anyway
let count = 0;

function slider(title, left, right, explain) {
  const id = `slider-${(count += 1)}`;
  const input = make("input", { id, type: "range", min: 0, "aria-describedby": `${id}-ends` });
  const output = make("output", { for: id });
  const root = make(
    "div",
    { class: "slider", title: explain },
    make("label", { for: id }, title),
    output,
    input,
    make("div", { class: "ends", id: `${id}-ends` }, make("span", {}, left), make("span", {}, right)),
  );
  return { root, input, output };
}

export class Controls {
  constructor(slide, fade) {
    this.slide = slide;
    this.asked = null; // the beta on its way, or null
    this.chosen = null; // the threshold that a person set, which outlives a sentence
    this.beta = slider(
      "Beta",
      "every word alone",
      "one region for all",
      "How much neighbouring words prefer to share a region",
    );
    this.faint = slider(
      "Pale below",
      "no word",
      "all words",
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
    if (settled) this.beta.input.value = this.wanted = this.shown;
    else this.ask();

    const known = alignment.scores.filter((row) => row).flat();
    const [low, high] = [Math.min(0, ...known), Math.max(...known)];
    this.faint.input.min = low;
    this.faint.input.max = high;
    this.faint.input.step = (high - low) / 200 || 1;
    this.faint.input.value = this.chosen ?? FAINT * Math.max(high, 0);
    this.threshold = Number(this.faint.input.value);
    this.say();
  }

  ask() {
    this.wanted = Number(this.beta.input.value);
    this.say();
    // What is shown already would come back unchanged, and Gradio tells nobody of that.
    if (this.asked !== null || this.wanted === this.shown) return;
    this.asked = this.wanted;
    this.slide(this.asked);
    this.waiting = setTimeout(() => {
      const missed = this.wanted !== this.asked;
      this.asked = null;
      if (missed) this.ask();
    }, PATIENCE);
  }

  say() {
    for (const { input, output } of [this.beta, this.faint]) {
      output.textContent = String(Number(Number(input.value).toPrecision(3)));
    }
  }
}
