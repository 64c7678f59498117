// The Search page: words -> the set's best regions, cut out, and its best whole photos.

import { component } from "../../../web/static/component.js";
import { make, short, visible } from "../../../web/static/dom.js";
import { Questions, ask, thumb, tile } from "../../../grounding_set/static/grounding_set.js";
import { follow, goTo, readAddress, writeAddress } from "../../../web/static/address.js";

const percent = (part, total) => `${Number(((100 * part) / total).toFixed(2))}%`;

class Search {
  constructor(root) {
    this.root = root;
    this.questions = new Questions();
    this.input = make("input", {
      type: "search",
      placeholder: "What shall a region show? Words, as in a sentence",
      "aria-label": "Words to search for",
    });
    const form = make(
      "form",
      { class: "search-line" },
      this.input,
      make("button", { type: "submit", class: "primary" }, "Search"),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.search(this.input.value, true);
    });
    this.message = make("p", { class: "message", role: "alert", hidden: true });
    this.said = make("p", { class: "said", role: "status" });
    this.regions = make("div", { class: "regions" });
    this.photos = make("div", { class: "tiles" });
    this.results = make(
      "div",
      { hidden: true },
      make("h2", {}, "Regions"),
      make("p", { class: "hint" }, "By the sum of the words’ scores with a region."),
      this.regions,
      make("h2", {}, "Whole photos"),
      make("p", { class: "hint" }, "Each word takes its best region of the photo (Eq. 8)."),
      this.photos,
    );
    root.replaceChildren(form, this.message, this.said, this.results);
    document.addEventListener("keydown", (event) => {
      const busy = event.target.closest?.("input, textarea, select");
      if (event.key !== "/" || busy || !root.getClientRects().length) return;
      event.preventDefault();
      this.input.focus();
    });
    this.start();
  }

  async start() {
    try {
      this.about = await ask("about");
      this.input.maxLength = this.about.letters;
    } catch (error) {
      return this.say(error.message);
    }
    const read = (values) => {
      this.input.value = values.words ?? "";
      if (values.words) this.search(values.words, false);
    };
    follow(this.root, "search", { read, show: () => this.write(false) });
    const values = readAddress();
    if (values.tab === "search") read(values);
  }

  write(push) {
    if (this.root.getClientRects().length) writeAddress("search", { words: this.words }, push);
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  async search(words, push) {
    let found;
    this.root.classList.add("waiting");
    try {
      found = await this.questions.ask("search", { words });
    } catch (error) {
      this.say(error.message);
    }
    this.root.classList.remove("waiting");
    if (!found) return;
    this.say("");
    this.words = words;
    this.write(push);
    const unknown = found.words.filter(({ known }) => !known);
    const named = unknown.map(({ word }) => `“${visible(word).slice(0, 40)}”`).join(", ");
    const milliseconds = Math.max(1, Math.round(1000 * found.seconds));
    this.said.textContent =
      `${found.searched.toLocaleString("en")} regions searched in ${milliseconds} ms.` +
      (found.recall ? ` Approximate: finds ${percent(found.recall.regions, 1)} of the best.` : "") +
      (unknown.length ? ` Not in the model’s vocabulary, left out: ${named}.` : "");
    this.results.hidden = false;
    this.regions.replaceChildren(...found.regions.map((one) => this.region(one)));
    this.photos.replaceChildren(...found.photos.map((card) => this.photo(card)));
  }

  region({ photo, region, box, score }) {
    const [x1, y1, x2, y2] = box;
    const place =
      `left: ${percent(x1, photo.width)}; top: ${percent(y1, photo.height)};` +
      `width: ${percent(x2 - x1, photo.width)}; height: ${percent(y2 - y1, photo.height)}`;
    const set = this.about.set;
    const cut = make("img", { class: "cut", src: tile(set, photo.id, region), alt: "", loading: "lazy" });
    const context = make(
      "span",
      { class: "context" },
      make("img", { src: thumb(set, photo.id), alt: "", loading: "lazy" }),
      make("i", { style: place }),
    );
    const button = make(
      "button",
      { type: "button", title: visible(photo.name), "aria-label": `Region of ${visible(photo.name)}` },
      cut,
      context,
      make("span", { class: "told" }, `score ${short(score)}`),
    );
    button.addEventListener("click", () =>
      goTo("browse", { photo: photo.name, text: this.words, region }),
    );
    return button;
  }

  photo(card) {
    const button = make(
      "button",
      { type: "button", title: visible(card.name) },
      make("img", { src: thumb(this.about.set, card.id), alt: visible(card.name), loading: "lazy" }),
      make("span", { class: "told" }, `score ${short(card.query_score)}`),
    );
    button.addEventListener("click", () => goTo("browse", { photo: card.name, text: this.words }));
    return button;
  }
}

export const mount = component("search", [], (root) => {
  new Search(root);
});
