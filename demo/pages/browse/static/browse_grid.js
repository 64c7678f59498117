// The grid of thumbnails, its filters, its order, its pages, and the export of the whole set.

import { make, visible } from "../../../web/static/dom.js";
import { address, places, thumb } from "../../../grounding_set/static/grounding_set.js";

const PATIENCE = 250; // ms after the last letter
const WHAT = { area: "boxes’ share of the photo", score: "score of a phrase", iou: "IoU" };
const range = (listing, name) => `${listing[`${name}_from`] ?? ""},${listing[`${name}_to`] ?? ""}`;

function choice(label, options, act) {
  const select = make("select", { "aria-label": label });
  for (const { name, title } of options) select.append(make("option", { value: name }, title));
  select.addEventListener("change", () => act(select.value));
  return select;
}

// Shows one of its options, or one more that says what else was asked for.
function setChoice(select, value, otherwise) {
  select.querySelector("[data-more]")?.remove();
  if (![...select.options].some((option) => option.value === value)) {
    select.append(make("option", { value, "data-more": true }, otherwise));
  }
  select.value = value;
}

export class Grid {
  constructor(about, { list, open }) {
    Object.assign(this, { about, list, open, count: about.photos_on_a_page, listing: {} });
    this.words = make("input", {
      type: "search",
      placeholder: "words in a sentence   ( / )",
      "aria-label": "Words in a sentence",
      maxlength: about.listed_letters,
    });
    this.words.addEventListener("input", () => {
      clearTimeout(this.typing);
      this.typing = setTimeout(() => this.change({ words: this.words.value.trim() }), PATIENCE);
    });
    this.order = choice("Order", about.orders, (order) => this.change({ order: order === "set" ? "" : order }));
    this.ranks = choice("Rank of the truth", about.ranks, (value) => this.changeRange("rank", value));
    this.overlaps = choice("IoU", about.overlaps, (value) => this.changeRange("iou", value));
    const kinds = about.kinds.map((kind) => ({ name: kind, title: `phrases: ${kind}` }));
    kinds.unshift({ name: "", title: "any phrase" });
    this.kinds = choice("Kind of phrase", kinds, (kind) => this.change({ kind }));
    this.kinds.hidden = this.overlaps.hidden = about.kinds.length === 0;
    this.more = make("span", { class: "asked" });
    this.clear = make("button", { type: "button", class: "plain" }, "Clear");
    this.clear.addEventListener("click", () => this.list({}, 0));
    this.total = make("p", { class: "total", role: "status" });
    this.back = this.turner("‹", "Previous page", () => this.previous());
    this.forth = this.turner("›", "Next page", () => this.next());
    this.page = make("span", { class: "page" });
    this.tiles = make("div", { class: "tiles" });
    const filters = [this.words, this.order, this.ranks, this.kinds, this.overlaps];
    const foot = make("div", { class: "pager" }, this.back, this.page, this.forth);
    this.root = make(
      "section",
      { class: "grid", hidden: true, "aria-label": "Photos of the set" },
      make("div", { class: "filters" }, ...filters, this.more, this.clear),
      make("div", { class: "line" }, this.total, foot),
      this.tiles,
      this.exports(),
    );
  }

  turner(text, label, act) {
    const button = make("button", { type: "button", class: "plain", "aria-label": label }, text);
    button.addEventListener("click", act);
    return button;
  }

  change(parts) {
    const asked = Object.entries({ ...this.listing, ...parts }).filter(([, value]) => value !== "");
    this.list(Object.fromEntries(asked), 0);
  }

  changeRange(name, value) {
    const [from = "", to = ""] = value.split(",");
    this.change({ [`${name}_from`]: from, [`${name}_to`]: to });
  }

  show({ total, offset, photos }, listing) {
    Object.assign(this, { listing, all: total, offset });
    if (document.activeElement !== this.words) this.words.value = listing.words ?? "";
    this.order.value = listing.order ?? "set";
    const [ranks, overlaps] = [range(listing, "rank"), range(listing, "iou")];
    setChoice(this.ranks, ranks, `rank ${ranks.replace(",", " to ")}`);
    setChoice(this.overlaps, overlaps, `IoU ${overlaps.replace(",", " to ")}`);
    setChoice(this.kinds, listing.kind ?? "", visible(`phrases: ${listing.kind}`));
    this.more.textContent = ["area", "score"]
      .filter((name) => range(listing, name) !== ",")
      .map((name) => {
        const ends = range(listing, name).split(",").map((end) => end && Number(end).toPrecision(2));
        return `${WHAT[name]} ${ends.join(" to ")}`;
      })
      .join("; ");
    this.clear.hidden = Object.keys(listing).length === 0;
    const shown = total === 1 ? "1 photo" : `${total.toLocaleString("en")} photos`;
    this.total.textContent = total ? shown : "No photo fits; ask for less.";
    const pages = Math.max(1, Math.ceil(total / this.count));
    this.page.textContent = `page ${Math.floor(offset / this.count) + 1} of ${pages}`;
    this.back.disabled = offset === 0;
    this.forth.disabled = offset + this.count >= total;
    this.tiles.replaceChildren(...photos.map((card) => this.tile(card)));
  }

  tile(card) {
    const told = [
      card.rank == null ? "no sentence" : `rank ${card.rank.toLocaleString("en")}`,
      card.score == null ? "" : `score ${places(card.score)}`,
      card.iou == null ? "" : `IoU ${places(card.iou)}`,
    ].filter(Boolean);
    const image = make("img", {
      src: thumb(this.about.set, card.id),
      alt: visible(card.name),
      loading: "lazy",
      decoding: "async",
    });
    image.addEventListener("error", () => image.classList.add("missing"));
    const button = make(
      "button",
      { type: "button", title: visible(card.name), "data-photo": card.id },
      image,
      make(
        "span",
        { class: card.rank > this.about.good_rank ? "told bad" : "told" },
        ...told.map((part) => make("span", {}, part)),
      ),
    );
    button.addEventListener("click", () => this.open(card.name));
    return button;
  }

  next() {
    if (!this.forth.disabled) this.list(this.listing, this.offset + this.count);
  }

  previous() {
    if (!this.back.disabled) this.list(this.listing, Math.max(0, this.offset - this.count));
  }

  exports() {
    const links = this.about.formats.map(({ name: format, title }) => {
      const link = (boxes, text) =>
        make("a", { href: address("export", { format, boxes }), download: true }, text);
      const line = [make("strong", {}, title), link("model", "the model’s groundings")];
      if (this.about.kinds.length) line.push(link("people", "people’s phrases"));
      return make("li", {}, ...line);
    });
    return make(
      "details",
      { class: "exports" },
      make("summary", {}, "Export the set"),
      make("ul", {}, ...links),
    );
  }
}
