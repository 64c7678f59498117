// One photo of the set: its sentences, the best of its gallery, its phrases, and the linked viewer.

import { make, regionColour, visible } from "../../../web/static/dom.js";
import { Questions, places, thumb, whole } from "../../../grounding_set/static/grounding_set.js";
import { TruePhrases } from "./phrases.js";
import { Viewer } from "../../../viewer/static/viewer.js";

export class OpenPhoto {
  constructor(about, { open, changed, random, close, say }) {
    Object.assign(this, { about, open, changed, say });
    this.questions = new Questions();
    this.looks = new Questions();
    const button = (text, title, act) => {
      const made = make("button", { type: "button", class: "plain", title }, text);
      made.addEventListener("click", act);
      return made;
    };
    this.back = button("‹ Previous", "Arrow left", () => this.previous());
    this.forth = button("Next ›", "Arrow right", () => this.next());
    this.place = make("span", { class: "place" });
    this.truth = make("span", { class: "truth" });
    const head = make(
      "div",
      { class: "line head" },
      button("All photos", "Escape", close),
      this.back,
      this.forth,
      button("Random", "r", random),
      this.place,
      this.truth,
    );
    this.caption = make("p", { class: "caption" });
    this.makeViewer();
    this.lists = make("div", { class: "lists" });
    this.try = make("input", {
      type: "text",
      maxlength: about.letters,
      placeholder: "Try a sentence of your own",
      "aria-label": "A sentence of your own",
      hidden: !about.readable,
    });
    const form = make("form", { class: "try" }, this.try);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (this.try.value.trim()) this.align({ text: this.try.value.trim() });
    });
    this.phrases = new TruePhrases(this.viewerRoot);
    this.viewerRoot.querySelector(".pair > div").append(this.caption, form, this.lists);
    this.viewerRoot.querySelector("figure.photo").append(this.phrases.root);
    this.root = make("section", { class: "opened", hidden: true }, head, this.viewerRoot);
  }

  makeViewer() {
    this.viewerRoot = make("div", { class: "viewer" });
    this.viewer = new Viewer(this.viewerRoot, (beta) => this.align({ beta }));
  }

  // -> the view, with the sentence that stands for none.
  show(opened, view) {
    this.opened = opened;
    const { card, photo } = opened;
    this.view = { ...view };
    if (opened.sentence != null && !view.text) this.view.sentence = opened.sentence;
    this.place.textContent = `${opened.place + 1} of ${opened.total.toLocaleString("en")}`;
    this.back.disabled = !opened.previous;
    this.forth.disabled = !opened.next;
    const gallery = Math.min(this.about.gallery, this.about.photos).toLocaleString("en");
    this.truth.textContent =
      card.rank == null
        ? "no sentence to rank"
        : `best true sentence: rank ${card.rank} among those of ${gallery} photos`;
    this.truth.classList.toggle("bad", card.rank > 10);
    this.saySo(opened.caption);
    this.try.value = view.text ?? "";
    const shown = {
      ...photo,
      src: whole(this.about.set, card.id),
      name: card.name,
      linked: true,
    };
    this.viewer.show(shown, opened.view, opened.maps);
    this.refine();
    this.list(opened);
    this.phrases.show(opened.phrases, photo);
    if (view.region) this.lightRegion(view.region);
    return this.view;
  }

  // What a captioner said of the photo, where the set holds it: to be aligned like any sentence.
  saySo(caption) {
    if (!caption) return this.caption.replaceChildren();
    const said = make("button", { type: "button", title: "Align it" }, visible(caption));
    said.addEventListener("click", () => this.align({ text: caption }));
    said.disabled = !this.about.readable;
    this.caption.replaceChildren("The model says: ", said);
  }

  lightRegion(region) {
    if (!this.viewerRoot.querySelector(`.box[data-region="${CSS.escape(region)}"]`)) return;
    const detail = { region: Number(region) };
    this.viewerRoot.dispatchEvent(new CustomEvent("pin-at", { detail }));
  }

  // change: {beta}, {sentence} or {text}
  async align(change) {
    const view = { ...this.view, ...change };
    if ("sentence" in change) delete view.text;
    if ("text" in change) delete view.sentence;
    delete view.region;
    try {
      const answer = await this.questions.ask("align", view);
      if (!answer) return;
      this.say("");
      this.view = view;
      this.viewer.show(this.viewer.photo, answer.view, answer.maps);
      if (!("beta" in change) || !this.fine) this.refine();
      else this.viewer.map.refine(this.fine);
      this.list(answer);
      this.changed(view);
    } catch (error) {
      this.say(error.message);
    }
  }

  // Maps from the photo itself, when the server has looked at it; until then, those of its regions.
  async refine() {
    this.fine = null;
    const { photo, sentence, text } = this.view;
    if (!this.viewer.alignment) return;
    const answer = await this.looks.ask("maps", { photo, sentence, text }).catch(() => null);
    if (!answer?.maps) return;
    this.fine = answer.maps;
    this.viewer.map.refine(this.fine);
  }

  list({ sentences, found }) {
    const own = sentences.filter((sentence) => !sentence.retrieved);
    const best = sentences.filter((sentence) => sentence.retrieved);
    const part = (title, rows) =>
      rows.length
        ? [make("h3", {}, title), make("ol", {}, ...rows.map((row) => this.row(row)))]
        : [];
    this.lists.replaceChildren(
      ...part("True sentences", own),
      ...part("Best sentences of the gallery", best),
      ...(found.length ? [make("h3", {}, "Photos that the sentence finds"), this.strip(found)] : []),
    );
  }

  strip(found) {
    const tiles = found.map((card) => {
      const here = card.id === this.opened.card.id;
      const tile = make(
        "button",
        { type: "button", title: visible(card.name), disabled: here },
        make("img", { src: thumb(this.about.set, card.id), alt: visible(card.name), loading: "lazy" }),
        make("span", { class: "told" }, here ? "this photo" : `score ${places(card.query_score)}`),
      );
      tile.addEventListener("click", () =>
        this.open({ photo: card.name, sentence: this.view.sentence }, true),
      );
      return tile;
    });
    return make("div", { class: "tiles found" }, ...tiles);
  }

  row(sentence) {
    const letters = Array.from(sentence.text);
    const parts = [];
    let end = 0;
    for (const { start, end: stop, region } of sentence.words) {
      parts.push(visible(letters.slice(end, start).join("")));
      const word = make("span", {}, make("bdi", {}, visible(letters.slice(start, stop).join(""))));
      if (region === null) word.className = "unknown";
      else word.style.color = regionColour(region);
      parts.push(word);
      end = stop;
    }
    parts.push(visible(letters.slice(end).join("")));
    const told = [
      sentence.score == null ? "cannot be read" : `score ${places(sentence.score)}`,
      sentence.rank == null || sentence.retrieved ? "" : `finds its photo at rank ${sentence.rank}`,
    ].filter(Boolean);
    if (sentence.retrieved) told.push(sentence.own ? "true" : "of another photo");
    const chosen = sentence.id === this.view.sentence || String(sentence.id) === this.view.sentence;
    const button = make(
      "button",
      {
        type: "button",
        "aria-pressed": String(chosen && !this.view.text),
        "data-sentence": sentence.id,
        disabled: !sentence.words.length,
      },
      make("span", { class: "text" }, ...parts),
      make("span", { class: sentence.own ? "told" : "told other" }, told.join(" · ")),
    );
    button.addEventListener("click", () => this.align({ sentence: sentence.id }));
    return make("li", {}, button);
  }

  // Neighbours keep the beta, so that one may leaf through a set at one setting.
  neighbour(photo) {
    if (photo) this.open({ photo, beta: this.view.beta }, true);
  }

  next() {
    this.neighbour(this.opened?.next);
  }

  previous() {
    this.neighbour(this.opened?.previous);
  }
}
