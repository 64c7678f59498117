// A table of plain cells: text or elements.

import { make } from "../../../web/static/dom.js";

export function table(label, heads, rows) {
  const row = (cells, tag) => make("tr", {}, ...cells.map((cell) => make(tag, tag === "th" ? { scope: "col" } : {}, cell)));
  return make(
    "div",
    { class: "scroll", tabindex: 0 },
    make(
      "table",
      { class: "list", "aria-label": label },
      make("thead", {}, row(heads, "th")),
      make("tbody", {}, ...rows.map((cells) => row(cells, "td"))),
    ),
  );
}
