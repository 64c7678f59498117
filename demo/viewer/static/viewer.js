// The linked viewer: photo, sentence, heatmap and table show one alignment and light together.
//
// What is lit is one plain object, {words: [indices], region, row, mapped}, or null; `mapped` are the
// words whose scores lie over the photo. Every part gets it and knows what to do; no part knows the
// others. Words are meant by their place, so a sentence may hold
// a word twice. What is pinned is what was clicked: a word, which beta may move to another region.

import { PhotoBoxes } from "./boxes.js";
import { Captions } from "./captions.js";
import { Controls } from "./controls.js";
import { component } from "../../web/static/component.js";
import { make } from "../../web/static/dom.js";
import { Exports } from "./exports.js";
import { Heatmap } from "./heatmap.js";
import { ScoreMap } from "./score_map.js";
import { Segments } from "./segments.js";
import { Sentence } from "./sentence.js";
import { unknownWords } from "./unknown_words.js";

// Gradio hands the same photo over as a new object with each beta.
const alike = (one, other) => one?.src === other?.src && one?.credit === other?.credit;

export class Viewer {
  // root: an empty element; slide(beta): another beta was asked for
  constructor(root, slide) {
    this.root = root;
    this.alignment = null;
    this.pinned = null;
    const point = (what, pin = false) => this.point(what, pin);
    this.message = make("p", { class: "message", role: "alert", hidden: true });
    this.boxes = new PhotoBoxes(point);
    this.map = new ScoreMap();
    this.boxes.image.after(this.map.canvas);
    this.boxes.stage.after(this.map.root);
    this.captions = new Captions(this.boxes, point);
    this.sentence = new Sentence(point);
    this.controls = new Controls(slide, (threshold) => this.sentence.fade(threshold));
    this.segments = new Segments(point);
    this.heatmap = new Heatmap(point);
    this.hint = make("p", { class: "hint" });
    this.unknown = make("p", { class: "hint", role: "note" });
    this.exports = new Exports(this);
    this.words = make(
      "div",
      { class: "words" },
      this.sentence.root,
      this.unknown,
      this.controls.root,
      this.segments.root,
      this.exports.root,
    );
    root.append(
      this.message,
      make("div", { class: "pair" }, this.boxes.root, make("div", {}, this.hint, this.words)),
      this.heatmap.root,
    );
    // Another part of the page points at a region: {region}, or null.
    root.addEventListener("point-at", (event) => this.point(event.detail));
    // Another part of the page says what regions show: [{region, text}], or none.
    root.addEventListener("caption", ({ detail }) => this.caption(detail));
    // Somebody came here for a region: {region}, which stays lit.
    root.addEventListener("pin-at", (event) => {
      this.pinned = event.detail;
      this.light(this.pinned);
    });
    root.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.point(null, true);
    });
  }

  // photo: photo_view of viewer.py; value: its alignment_view; maps: its maps_view, if there are any
  show(photo, value, maps) {
    const alignment = value?.alignment ?? null;
    this.message.textContent = value?.message ?? "";
    this.message.hidden = !this.message.textContent;
    const another = !alike(photo, this.photo);
    if (another) this.photo = photo;
    if (another) this.caption([]);
    const anew = another || alignment?.sentence !== this.alignment?.sentence;
    if (alignment && anew) this.tell("aligned");
    if (anew || this.pinned?.segment) this.pinned = null; // segments are of one beta
    this.alignment = alignment;
    this.root.classList.toggle("empty", !photo);
    this.boxes.show(this.photo, alignment);
    this.map.show(maps, alignment?.words);
    this.hint.hidden = Boolean(alignment) || !photo;
    this.hint.textContent = photo
      ? `${photo.shown.length} regions found. Now type a sentence about the photo.`
      : "";
    this.words.hidden = this.heatmap.root.hidden = !alignment;
    if (alignment) {
      this.controls.show(alignment, value.slider);
      this.sentence.show(alignment, this.controls.threshold);
      this.segments.show(alignment);
      this.unknown.textContent = unknownWords(alignment);
      this.unknown.hidden = !this.unknown.textContent;
      this.exports.show(this.photo);
      this.heatmap.show(alignment, value.figure);
    }
    // What arrives later (the maps of its words, another beta) leaves a word lit that has the focus.
    const word = alignment ? this.sentence.focused() : -1;
    this.light(word >= 0 ? { word } : this.pinned);
    this.tell("shown", { photo: this.photo, alignment });
  }

  caption(captions) {
    this.captions.show(captions);
    this.root.classList.toggle("captioning", this.captions.any);
  }

  // Other parts of the page may listen: "aligned" (another sentence), "lit" (a region, or
  // null), "shown" (a photo and its alignment, each of which may be null).
  tell(name, detail = null) {
    this.root.dispatchEvent(new CustomEvent(name, { detail }));
  }

  // what: {word}, {region}, {word, region} or {segment}; null when the pointer leaves.
  // A click pins it, another one on the same lets go.
  point(what, pin) {
    if (pin) {
      const same = JSON.stringify(what) === JSON.stringify(this.pinned);
      this.pinned = same ? null : what;
    }
    this.light(what ?? this.pinned);
  }

  target({ word, region, segment }) {
    const words = this.alignment?.words ?? [];
    if (segment) {
      const inside = words.map((_, j) => j).filter((j) => j >= segment.first && j <= segment.last);
      return { words: inside, region: segment.region, row: null, mapped: inside };
    }
    if (word !== undefined) {
      return { words: [word], region: region ?? words[word].region, row: word, mapped: [word] };
    }
    const looking = words.map((_, j) => j).filter((j) => words[j].region === region);
    return { words: looking, region, row: null };
  }

  light(what) {
    const target = what && this.target(what);
    this.boxes.light(target);
    this.captions.light(target);
    this.tell("lit", target?.region ?? null);
    if (!this.alignment) return;
    this.map.light(target?.mapped);
    this.root.classList.toggle("mapping", !this.map.canvas.hidden);
    this.sentence.light(target);
    this.segments.light(target);
    this.heatmap.light(target);
  }
}

export const mount = component("viewer", ["photo", "value", "maps"], (root, { props, trigger }) => {
  const viewer = new Viewer(root, (beta) => trigger("slide", { beta }));
  return () => viewer.show(props.photo, props.value, props.maps);
});
