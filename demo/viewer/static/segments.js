// The segments as a table: words, region, box in the photo's own pixels, score, confidence.

import { make, percent, regionColour, regionName, short, visible } from "../../web/static/dom.js";
import { pointing } from "./pointing.js";

const corner = (x, y) => `${Math.round(x)},\u00a0${Math.round(y)}`; // a line breaks between corners
const pixels = ([x1, y1, x2, y2]) => `${corner(x1, y1)} – ${corner(x2, y2)}`;

// What the photo says of a segment: its surest word's confidence, or that it is not there.
function seen({ first, last, seen: is }, words) {
  const sure = words.slice(first, last + 1).flatMap(({ confidence }) => confidence ?? []);
  if (is === false) return "not seen here";
  return sure.length ? percent(Math.max(...sure)) : "";
}

export class Segments {
  constructor(point) {
    this.point = point;
    this.body = make("tbody");
    const head = ["Words", "Region", "Box, pixels", "Score", "Seen"].map((title) =>
      make("th", { scope: "col" }, title),
    );
    const table = make(
      "table",
      { class: "segments", "aria-label": "Segments of the sentence" },
      make("thead", {}, make("tr", {}, ...head)),
      this.body,
    );
    this.root = make("div", { class: "scroll", tabindex: 0 }, table);
  }

  show(alignment) {
    this.segments = alignment.segments;
    this.rows = alignment.segments.map((segment) => {
      const colour = `--c: ${regionColour(segment.region)}`;
      const row = make(
        "tr",
        segment.seen === false ? { class: "unseen" } : {},
        make("td", {}, make("bdi", {}, visible(segment.words))),
        make("td", {}, make("span", { class: "chip", style: colour }, regionName(segment.region))),
        make("td", { class: "box-pixels" }, pixels(segment.box)),
        make("td", { class: "number" }, short(segment.score)),
        make("td", { class: "seen" }, seen(segment, alignment.words)),
      );
      pointing(row, () => this.point({ segment }), () => this.point(null));
      row.addEventListener("click", () => this.point({ segment }, true));
      row.setAttribute("tabindex", 0);
      row.addEventListener("focus", () => this.point({ segment }));
      row.addEventListener("blur", () => this.point(null));
      row.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        this.point({ segment }, true);
      });
      return row;
    });
    this.body.replaceChildren(...this.rows);
  }

  light(target) {
    this.rows.forEach((row, k) => {
      const { first, last, region } = this.segments[k];
      const inside = target?.words.some((j) => j >= first && j <= last);
      row.classList.toggle("lit", Boolean(inside && target.region === region));
    });
  }
}
