// The sentence as it was typed, each word in its region's colour. One stop for the Tab key; arrow
// keys walk along the words.

import { make, percent, regionColour, regionName, short, visible } from "../../web/static/dom.js";
import { pointing } from "./pointing.js";

export class Sentence {
  constructor(point) {
    this.point = point;
    this.root = make("p", {
      class: "sentence",
      role: "group",
      "aria-label": "The sentence; arrow keys walk along its words",
    });
    this.root.addEventListener("keydown", (event) => this.walk(event));
  }

  show(alignment, threshold) {
    const { words, segments } = alignment;
    const held = this.focused();
    this.words = words;
    this.letters = Array.from(alignment.sentence); // Python counts code points, not UTF-16 units
    this.nodes = words.map((word, j) => this.word(word, j));
    const parts = [];
    let next = 0;
    const upTo = (end) => {
      const found = [];
      for (; next < end; next += 1) {
        found.push(this.gap(next), this.nodes[next]);
      }
      return found;
    };
    for (const segment of segments) {
      parts.push(...upTo(segment.first), this.gap(segment.first));
      const inside = upTo(segment.last + 1).slice(1);
      const number = make("sup", { "aria-hidden": "true" }, regionName(segment.region));
      const style = `--c: ${regionColour(segment.region)}`;
      parts.push(make("span", { class: "segment", style }, ...inside, number));
    }
    parts.push(...upTo(words.length), visible(this.letters.slice(words.at(-1).end).join("")));
    this.root.replaceChildren(...parts);
    this.fade(threshold);
    this.enter(Math.max(held, 0), held >= 0 && held < words.length);
  }

  // Which word has the focus; -1 for none.
  focused() {
    return this.nodes?.indexOf(document.activeElement) ?? -1;
  }

  gap(j) {
    const start = j === 0 ? 0 : this.words[j - 1].end;
    return visible(this.letters.slice(start, this.words[j].start).join(""));
  }

  word(word, j) {
    const text = visible(this.letters.slice(word.start, word.end).join(""));
    const through = word.read_as?.length ? `, read as ${word.read_as.map(visible).join(", ")}` : "";
    const sure = word.confidence == null ? "" : `, confidence ${percent(word.confidence)}`;
    const unseen = word.seen === false;
    const said = word.known
      ? `${unseen ? "not seen here; nearest " : ""}region ${regionName(word.region)}, score ${short(word.score)}${sure}${through}`
      : "not in the model's vocabulary";
    const node = make(
      "span",
      {
        class: ["word", !word.known && "unknown", through && "through", unseen && "unseen"]
          .filter(Boolean)
          .join(" "),
        role: "button",
        tabindex: -1,
        title: said,
        "aria-label": `${text}: ${said}`,
        "aria-pressed": "false",
        "data-word": j,
      },
      make("bdi", {}, text),
    );
    if (word.known) node.style.setProperty("--c", regionColour(word.region));
    pointing(node, () => this.point({ word: j }), () => this.point(null));
    node.addEventListener("focus", () => this.point({ word: j }));
    node.addEventListener("blur", () => this.point(null));
    node.addEventListener("click", () => this.point({ word: j }, true));
    return node;
  }

  fade(threshold) {
    this.nodes.forEach((node, j) => {
      const { known, score } = this.words[j];
      node.classList.toggle("pale", known && score < threshold);
    });
  }

  light(target) {
    this.nodes.forEach((node, j) => {
      const lit = Boolean(target?.words.includes(j));
      node.classList.toggle("lit", lit);
      node.setAttribute("aria-pressed", String(lit));
    });
  }

  enter(j, focus) {
    this.nodes.forEach((node, k) => node.setAttribute("tabindex", k === j ? 0 : -1));
    if (focus) this.nodes[j].focus();
  }

  walk(event) {
    const here = this.nodes.indexOf(event.target);
    if (here < 0) return;
    const last = this.nodes.length - 1;
    const steps = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: last };
    if (event.key in steps) this.enter(Math.min(Math.max(steps[event.key], 0), last), true);
    else if (event.key === "Enter" || event.key === " ") event.target.click();
    else return;
    event.preventDefault();
  }
}
