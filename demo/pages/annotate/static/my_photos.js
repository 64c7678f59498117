// One's own finished photos: what was drawn and said, and what became of it.

import { make, regionColour, visible } from "../../../web/static/dom.js";
import { makeBox } from "../../../web/static/photo.js";
import { address, get } from "./requests.js";
import { button } from "./administration.js";
import { Remarks } from "./remarks.js";
import { table } from "./tables.js";

const PAGE = 50;

const became = ({ state, bad, approved }) =>
  bad ? `marked as bad: ${visible(bad)}` : approved ? "approved" : state;

export class MyPhotos {
  constructor(project) {
    this.project = project;
    this.lines = [];
    this.said = make("p", { class: "said", role: "alert" });
    this.root = make("section", { class: "mine", "aria-label": "My photos" });
    this.more();
  }

  async more() {
    try {
      const before = this.lines.at(-1)?.assignment ?? 0;
      const found = await get(`projects/${this.project.id}/mine?before=${before}`);
      this.lines.push(...found);
      this.left = found.length === PAGE;
      this.list();
    } catch (refusal) {
      this.said.textContent = refusal.message;
      this.root.replaceChildren(this.said);
    }
  }

  list() {
    const rows = this.lines.map((line, k) => [
      button(visible(line.photo.name), () => this.open(k), { class: "link" }),
      became(line),
      String(line.boxes),
      line.finished ? new Date(line.finished).toLocaleString() : "–",
    ]);
    this.root.replaceChildren(
      make("h2", {}, "My photos"),
      rows.length ? table("My photos", ["Photo", "What became of it", "Boxes", "When"], rows) : make("p", {}, "You have finished no photo yet."),
      this.left ? button("More photos", () => this.more()) : "",
    );
  }

  async open(k) {
    const line = this.lines[k];
    if (!line) return;
    try {
      const { photo, content, reason } = await get(`tasks/${line.assignment}`);
      const layer = make("svg", { preserveAspectRatio: "none", viewBox: `0 0 ${photo.width} ${photo.height}`, "aria-hidden": "true" });
      const image = make("img", { src: address(`photos/${photo.id}`), alt: `The photo ${visible(photo.name)}` });
      const place = (id) => content.annotations.findIndex((one) => one.id === id) + 1;
      const lines = content.annotations.map(({ box, snippet }, n) => {
        layer.append(makeBox(box, regionColour(n + 1)));
        return make("li", { style: `--c: ${regionColour(n + 1)}` }, make("span", { class: "chip" }, String(n + 1)), " ", make("bdi", {}, visible(snippet)));
      });
      const remarks = new Remarks(line.assignment, place);
      remarks.about(content.annotations.map(({ id }) => id));
      this.root.replaceChildren(
        make(
          "div",
          { class: "row" },
          button("← My photos", () => this.list()),
          button("Newer", () => this.open(k - 1), { disabled: k === 0 }),
          button("Older", () => this.open(k + 1), { disabled: k + 1 >= this.lines.length }),
          make("h2", {}, visible(photo.name)),
        ),
        make("p", { class: "note" }, [became(line), visible(reason)].filter(Boolean).join(" · ")),
        make(
          "div",
          { class: "overlay" },
          make(
            "div",
            { class: "pair" },
            make("div", { class: "stage", style: `--ratio: ${photo.width / photo.height}` }, image, layer),
            make("div", { class: "works" }, make("ul", { class: "lines" }, ...lines), remarks.root),
          ),
        ),
      );
    } catch (refusal) {
      this.said.textContent = refusal.message;
      this.root.prepend(this.said);
    }
  }
}
