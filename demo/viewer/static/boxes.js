// The photo with its regions' boxes on it: SVG rectangles in the photo's own pixels, and small
// labels beside their corners.

import { make, regionColour, regionName, visible } from "../../web/static/dom.js";
import { makeBox } from "../../web/static/photo.js";
import { pointing } from "./pointing.js";

const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);

export class PhotoBoxes {
  constructor(point) {
    this.point = point;
    this.photo = null;
    this.image = make("img", { alt: "The photo" });
    this.layer = make("svg", { preserveAspectRatio: "none", "aria-hidden": "true" });
    this.labels = make("div", { class: "labels" });
    this.stage = make("div", { class: "stage" }, this.image, this.layer, this.labels);
    this.size = make("span");
    this.note = make("span", { class: "note" });
    this.credit = make("span", { class: "credit" });
    this.every = make("input", { type: "checkbox" });
    this.every.addEventListener("change", () => this.photo && this.mark());
    const toggle = make(
      "label",
      { class: "every", title: "Those without a word, and near copies of others, too" },
      this.every,
      "all regions",
    );
    this.root = make(
      "figure",
      { class: "photo", hidden: true },
      this.stage,
      make("figcaption", {}, toggle, this.size, this.note, this.credit),
    );
    new ResizeObserver(() => this.part()).observe(this.stage);
  }

  show(photo, alignment) {
    this.root.hidden = !photo;
    if (!photo) return;
    if (photo !== this.photo) this.draw(photo);
    this.used = new Map(); // region -> the words that look at it, each phrase once
    this.firm = new Set(); // regions that the photo has evidence for
    for (const { region, words, seen } of alignment?.segments ?? []) {
      this.used.set(region, (this.used.get(region) ?? new Set()).add(words));
      if (seen !== false) this.firm.add(region);
    }
    this.bare = !alignment;
    this.mark();
  }

  draw(photo) {
    this.photo = photo;
    const { width, height } = photo;
    this.image.src = photo.src;
    this.stage.style.setProperty("--ratio", width / height);
    this.layer.setAttribute("viewBox", `0 0 ${width} ${height}`);
    this.size.textContent = `${width} × ${height} pixels`;
    this.note.textContent = photo.note;
    this.credit.textContent = photo.credit;
    this.regions = photo.boxes.map(([x1, y1, x2, y2], region) => {
      const box = makeBox([x1, y1, x2, y2], regionColour(region), { "data-region": region });
      const label = make("span", { class: "label", style: `--c: ${regionColour(region)}` });
      label.style.left = `${(100 * x1) / width}%`;
      label.style.top = `${(100 * y1) / height}%`;
      for (const node of [box, label]) {
        pointing(node, () => this.point({ region }), () => this.point(null));
        node.addEventListener("click", () => this.point({ region }, true));
      }
      return { region, box, label, area: area([x1, y1, x2, y2]) };
    });
    // Large ones first: a small box on a large one can still be pointed at.
    const drawn = [...this.regions].sort((a, b) => b.area - a.area);
    this.layer.replaceChildren(...drawn.map(({ box }) => box));
    this.labels.replaceChildren(...drawn.map(({ label }) => label));
  }

  mark() {
    const shown = new Set(this.photo.shown); // all but near copies of others
    for (const { region, box, label } of this.regions ?? []) {
      const used = this.used.has(region);
      const spare = this.every.checked || (this.bare && shown.has(region));
      box.classList.toggle("used", used);
      box.classList.toggle("spare", !used && spare && region !== 0);
      label.classList.toggle("used", used);
      for (const node of [box, label]) node.classList.toggle("unsure", used && !this.firm.has(region));
      label.textContent = regionName(region);
    }
    const named = [...this.used].map(
      ([region, words]) => `${regionName(region)}: ${[...words].join(", ")}`,
    );
    this.image.alt = named.length
      ? `The photo. Regions and their words: ${visible(named.join("; "))}`
      : "The photo";
    this.part();
  }

  light(target) {
    this.stage.classList.toggle("lighting", target?.region != null);
    for (const { region, box, label } of this.regions ?? []) {
      const lit = target?.region === region;
      box.classList.toggle("lit", lit);
      label.classList.toggle("lit", lit);
      const words = lit && this.used.get(region);
      label.textContent = words
        ? `${regionName(region)} ${visible([...words].join(", ")).slice(0, 40)}`
        : regionName(region);
    }
  }

  // Boxes that share a corner would hide each other's labels: later ones step aside.
  part() {
    const taken = [];
    const width = this.stage.clientWidth;
    for (const { label } of this.regions ?? []) {
      if (!label.classList.contains("used")) continue;
      const [left, top, wide] = [label.offsetLeft, label.offsetTop, label.offsetWidth];
      let x = Math.min(left, width - wide);
      const beside = ([a, b, c]) => x < a + c && a < x + wide && Math.abs(b - top) < 20;
      for (let other; (other = taken.find(beside)); ) x = other[0] + other[2] + 1;
      taken.push([x, top, wide]);
      label.style.setProperty("--aside", `${x - left}px`);
    }
  }
}
