// A line for each box that a photo wants: its number, what was typed, what is missing.

import { make, regionColour } from "../../../web/static/dom.js";
import { limits, tooLong } from "./limits.js";

export class BoxList {
  // wishes: type(id, text), select(id), remove(id), next(id)
  constructor(count, wishes) {
    this.wishes = wishes;
    this.rows = Array.from({ length: count }, (_, k) => this.row(k));
    this.root = make("ol", { class: "box-list", "aria-label": "The boxes of this photo" });
    this.root.append(...this.rows.map(({ root }) => root));
  }

  row(k) {
    const number = make("span", { class: "chip", style: `--c: ${regionColour(k + 1)}` }, String(k + 1));
    const field = make("textarea", {
      rows: 1,
      autocomplete: "off",
      placeholder: "What is in this box?",
      "aria-label": `What box ${k + 1} shows`,
      "aria-describedby": `slot-state-${k}`,
    });
    const state = make("span", { class: "state", id: `slot-state-${k}` });
    const remove = make(
      "button",
      { type: "button", class: "remove", title: "Delete this box (Delete)", "aria-label": `Delete box ${k + 1}` },
      "×",
    );
    const root = make("li", { class: "slot" }, number, field, remove, state);
    const row = { root, field, state, remove, id: null };
    field.addEventListener("input", () => {
      if (field.value.includes("\n")) field.value = field.value.replace(/\s*\n\s*/g, " "); // pasted
      this.wishes.type(row.id, field.value);
    });
    field.addEventListener("focus", () => this.wishes.select(row.id));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.ctrlKey || event.metaKey || event.isComposing) return;
      event.preventDefault();
      this.wishes.next(row.id);
    });
    remove.addEventListener("click", () => this.wishes.remove(row.id));
    number.addEventListener("click", () => row.id && this.wishes.select(row.id, true));
    return row;
  }

  show(regions, selected, missing, insisted) {
    this.rows.forEach((row, k) => {
      const region = regions[k];
      row.id = region?.id ?? null;
      const { root, field, state, remove } = row;
      root.classList.toggle("filled", Boolean(region));
      root.classList.toggle("lit", Boolean(region) && region.id === selected);
      field.disabled = remove.disabled = !region;
      field.hidden = remove.hidden = !region;
      if (field.value !== (region?.snippet ?? "")) field.value = region?.snippet ?? "";
      const bare = region && missing.snippets.includes(region.id);
      const long = region ? tooLong(region.snippet, limits.snippet) : "";
      field.setAttribute("aria-invalid", String(Boolean((bare && insisted) || long)));
      root.classList.toggle("wanting", Boolean(long || (insisted && (bare || !region))));
      state.textContent = !region ? "not drawn yet" : bare ? "no words yet" : "";
      if (region?.provenance === "accepted") state.textContent = "suggested";
      if (region?.provenance === "edited") state.textContent = "suggested, then changed";
      if (long) state.textContent = long;
    });
  }

  focus(id) {
    const row = this.rows.find((one) => one.id === id);
    row?.field.focus();
    row?.field.setSelectionRange(row.field.value.length, row.field.value.length);
  }
}
