// Phrases that people put boxes to: dashed boxes on the photo, asked for one at a time or all.

import { make, regionName, visible } from "../../../web/static/dom.js";
import { place } from "../../../web/static/photo.js";
import { places } from "../../../grounding_set/static/grounding_set.js";

const HIT = 0.5;

export class TruePhrases {
  constructor(viewer) {
    this.layer = make("svg", { class: "true-boxes", preserveAspectRatio: "none" });
    viewer.querySelector(".stage").append(this.layer);
    this.root = make("div", { class: "phrases", hidden: true });
    this.all = make("input", { type: "checkbox" });
    this.all.addEventListener("change", () => this.mark());
    this.rows = make("div", { class: "chips", role: "group", "aria-label": "Phrases with boxes" });
    const toggle = make("label", { class: "every" }, this.all, "show people’s boxes");
    this.root.append(make("h3", {}, "Phrases with true boxes", toggle), this.rows);
  }

  show(phrases, { width, height }) {
    this.phrases = phrases;
    this.chosen = null;
    this.root.hidden = !phrases.length;
    this.layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.rows.replaceChildren(...phrases.map((phrase, k) => this.chip(phrase, k)));
    this.mark();
  }

  chip(phrase, k) {
    const where =
      phrase.score === null ? "no known word" : `region ${regionName(phrase.region)}`;
    const chip = make(
      "button",
      {
        type: "button",
        class: phrase.iou >= HIT ? "hit" : "miss",
        title: `${where}, ${phrase.kind}`,
        "aria-pressed": "false",
      },
      make("bdi", {}, visible(phrase.words)),
      make("span", { class: "told" }, ` IoU ${places(phrase.iou)}`),
    );
    chip.addEventListener("click", () => {
      this.chosen = this.chosen === k ? null : k;
      this.mark();
    });
    return chip;
  }

  mark() {
    [...this.rows.children].forEach((chip, k) =>
      chip.setAttribute("aria-pressed", String(this.chosen === k)),
    );
    const shown = this.phrases.filter((_, k) => this.all.checked || this.chosen === k);
    this.layer.replaceChildren(
      ...shown.flatMap(({ boxes }) =>
        boxes.map((box) => {
          const drawn = make("g", {}, make("rect", { class: "under" }), make("rect", { class: "dashes" }));
          place(drawn, box);
          return drawn;
        }),
      ),
    );
    this.light(this.chosen === null ? null : this.phrases[this.chosen].region);
  }

  // The model's region for the chosen phrase, beside people's boxes.
  light(region) {
    const stage = this.layer.parentNode;
    for (const box of stage.querySelectorAll(".box")) {
      box.classList.toggle("lit", region !== null && box.dataset.region === String(region));
    }
  }
}
