// Sentences about regions, on the photo at their boxes. What is said of a small box is read beside
// it; where there is no room left, a caption waits until its box is pointed at.

import { make, regionColour, visible } from "../../web/static/dom.js";
import { placed } from "./caption_labels.js";
import { pointing } from "./pointing.js";

const MOST = 8; // boxes with captions at once: more cover the photo

export class Captions {
  // boxes: the viewer's PhotoBoxes
  constructor(boxes, point) {
    this.boxes = boxes;
    this.point = point;
    this.layer = make("div", { class: "captions" });
    boxes.labels.after(this.layer);
    this.shown = [];
    new ResizeObserver(() => this.part()).observe(boxes.stage);
  }

  // captions: [{region, text}], the most important first; none to take them away
  show(captions) {
    const { photo } = this.boxes;
    this.shown = !photo ? [] : captions.filter(({ region }) => photo.boxes[region]);
    this.labels = this.shown.map(({ region, text }) => {
      const label = make(
        "span",
        { class: "caption", style: `--c: ${regionColour(region)}`, "data-region": region },
        make("bdi", {}, visible(text)),
      );
      pointing(label, () => this.point({ region }), () => this.point(null));
      label.addEventListener("click", () => this.point({ region }, true));
      return label;
    });
    this.layer.replaceChildren(...this.labels);
    this.part();
  }

  // -> whether captions are shown: then other labels rest
  get any() {
    return this.shown.length > 0;
  }

  part() {
    if (!this.any) return this.mark(new Set());
    const { photo, stage } = this.boxes;
    const size = [stage.clientWidth, stage.clientHeight];
    const wanted = this.shown.map(({ region }, k) => {
      const [x1, y1] = photo.boxes[region];
      const { offsetWidth, offsetHeight } = this.labels[k];
      return [(x1 / photo.width) * size[0], (y1 / photo.height) * size[1], offsetWidth, offsetHeight];
    });
    const places = placed(wanted.slice(0, MOST), size);
    const roomy = new Set();
    this.labels.forEach((label, k) => {
      const [x, y] = places[k] ?? placed([wanted[k]], size)[0] ?? [0, 0];
      label.style.left = `${x}px`;
      label.style.top = `${y}px`;
      label.classList.toggle("roomy", Boolean(places[k]));
      if (places[k]) roomy.add(this.shown[k].region);
    });
    this.mark(roomy);
  }

  mark(roomy) {
    for (const { region, box } of this.boxes.regions ?? []) {
      box.classList.toggle("captioned", roomy.has(region));
    }
  }

  light(target) {
    this.labels?.forEach((label, k) =>
      label.classList.toggle("lit", target?.region === this.shown[k].region),
    );
  }
}
