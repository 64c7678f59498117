// What an owner and an author say about a piece of work, or about one box of it.

import { make, visible } from "../../../web/static/dom.js";
import { get, post } from "./requests.js";
import { bounded, limits } from "./limits.js";

// region: a box's id, or ""; place(id): a box's number, for those that are about one
export class Remarks {
  constructor(assignment, place) {
    Object.assign(this, { assignment, place });
    this.list = make("ul", { class: "said-of-it" });
    this.said = make("p", { class: "refused", role: "alert" });
    this.region = make("select", { "aria-label": "What the remark is about" }, make("option", { value: "" }, "the photo"));
    const field = bounded(make("input", { type: "text", required: true, "aria-label": "A remark", placeholder: "A remark" }), limits.text);
    const form = make("form", { class: "row" }, this.region, field, make("button", {}, "Say it"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      await this.act(async () => {
        await post(`tasks/${assignment}/remarks`, { text: field.value, region: this.region.value });
        field.value = "";
        await this.fill();
      });
    });
    this.root = make("details", { class: "remarks" }, make("summary", {}, "Remarks"), this.list, form, this.said);
    this.act(() => this.fill());
  }

  // Boxes that a remark may be about: [id, ...] in their order.
  about(ids) {
    if (String(ids) === String(this.ids)) return; // what is chosen stays chosen
    this.ids = ids;
    const options = ids.map((id, k) => make("option", { value: id }, `box ${k + 1}`));
    this.region.replaceChildren(make("option", { value: "" }, "the photo"), ...options);
  }

  async act(act) {
    try {
      this.said.textContent = "";
      await act();
    } catch (refusal) {
      this.said.textContent = refusal.message;
    }
  }

  async fill() {
    const remarks = await get(`tasks/${this.assignment}/remarks`);
    this.list.replaceChildren(...remarks.map(({ who, at, region, text }) => {
      const number = region ? this.place(region) : 0;
      const about = !region ? "" : number ? ` on box ${number}` : " on a box that is gone";
      const when = new Date(at).toLocaleString();
      return make("li", {}, make("strong", {}, make("bdi", {}, visible(who))), `${about}: `, make("bdi", {}, visible(text)), make("span", { class: "note" }, ` ${when}`));
    }));
    if (remarks.length) this.root.open = true;
  }
}
