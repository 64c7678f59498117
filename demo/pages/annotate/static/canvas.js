// The photo under glass: an SVG whose view box is the part that is seen, so all coordinates are the
// photo's own pixels. Draws boxes and handles; turns pointers into wishes. Decides nothing.
//
// wishes: mayDraw(), draw(box), select(id, focus), move(region, edges, dx, dy, word), settle(),
// cancel(), choose(suggestion), seen(): the photo is there, or cannot be shown

import { make, regionColour, visible } from "../../../web/static/dom.js";
import { makeBox, place } from "../../../web/static/photo.js";
import { address, get } from "./requests.js";
import { Tiles } from "./tiles.js";
import { View } from "./view.js";

const SLACK = 4; // screen pixels: less is a click
const EDGES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"];
const coarse = matchMedia("(pointer: coarse)");

const area = ([x1, y1, x2, y2]) => (x2 - x1) * (y2 - y1);
const holds = ([x1, y1, x2, y2], { x, y }) => x1 <= x && x <= x2 && y1 <= y && y <= y2;

const CHIP = 22; // screen pixels: a number's height

export class Canvas {
  // path: the photo's address, as requests.js takes it
  constructor(photo, path, wishes) {
    Object.assign(this, { photo, path });
    this.state = "loading"; // then "shown" or "failed"
    this.wishes = wishes;
    this.view = new View(photo.width, photo.height);
    this.regions = [];
    this.offers = [];
    this.nodes = new Map();
    this.pointers = new Map();
    this.image = make("image", {
      width: photo.width, height: photo.height, preserveAspectRatio: "none",
    });
    this.tiles = new Tiles(photo);
    this.offered = make("g");
    this.boxes = make("g");
    this.handles = make("g", { class: "handles", "aria-hidden": "true" });
    this.preview = makeBox([0, 0, 0, 0], "var(--ink)", { class: "box preview", hidden: true });
    this.root = make(
      "svg",
      {
        class: "canvas", tabindex: 0, role: "application",
        "aria-label": "The photo. N makes a new box, Tab goes to the boxes, question mark lists the keys",
      },
      this.image, this.tiles.root, this.offered, this.boxes, this.handles, this.preview,
    );
    this.labels = make("div", { class: "labels", "aria-hidden": "true" });
    this.failure = make("div", { class: "failure", role: "alert", hidden: true });
    this.frame = make("div", { class: "frame" }, this.root, this.labels, this.failure);
    this.listen();
    new ResizeObserver(() => {
      this.view.stage(this.root.clientWidth, this.root.clientHeight);
      this.look();
    }).observe(this.root);
    this.image.addEventListener("load", () => this.became("shown"));
    this.image.addEventListener("error", () => this.fail());
    this.load();
  }

  load() {
    this.became("loading");
    this.tries = (this.tries ?? 0) + 1;
    // Another address each time: a browser does not ask twice for a picture that failed.
    this.image.setAttribute("href", address(this.tries > 1 ? `${this.path}?try=${this.tries}` : this.path));
  }

  became(state) {
    this.state = this.frame.dataset.photo = state;
    this.failure.hidden = state !== "failed";
    this.wishes.seen();
  }

  // A picture's failure says nothing; the server says why in a sentence.
  async fail() {
    let why = "The photo could not be loaded.";
    try {
      await get(this.path);
    } catch (refusal) {
      if (refusal.kind !== "broken") why = refusal.message;
    }
    const again = make("button", { type: "button" }, "Try again");
    again.addEventListener("click", () => this.load());
    this.failure.replaceChildren(make("p", {}, why), again);
    this.became("failed");
  }

  listen() {
    const on = (kind, act) => this.root.addEventListener(kind, (event) => act.call(this, event));
    on("pointerdown", this.down);
    on("pointermove", this.over);
    on("pointerup", this.up);
    on("pointercancel", this.lost);
    this.root.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  // Screen pixels in one pixel of the photo.
  get scale() {
    return this.view.scale;
  }

  at({ clientX, clientY }) {
    const { left, top } = this.root.getBoundingClientRect();
    return { x: this.view.x + (clientX - left) / this.scale, y: this.view.y + (clientY - top) / this.scale };
  }

  show(regions, selected, offers = []) {
    [this.regions, this.selected, this.offers] = [regions, selected, offers];
    const kept = new Set(regions.map(({ id }) => id));
    for (const [id, { box, label }] of this.nodes) {
      if (kept.has(id)) continue;
      box.remove();
      label.remove();
      this.nodes.delete(id);
    }
    regions.forEach((region, k) => this.one(region, k));
    this.offered.replaceChildren(...offers.map((offer) => this.offer(offer)));
    this.look();
  }

  // Nodes stay while their region lives: what has the focus keeps it.
  one({ id, box: xyxy, snippet }, k) {
    if (!this.nodes.has(id)) {
      const box = makeBox(xyxy, "", { tabindex: 0, role: "button", "data-region": id });
      const label = make("span", { class: "label used" });
      box.addEventListener("focus", () => this.wishes.select(id));
      this.nodes.set(id, { box, label });
      this.labels.append(label);
    }
    const { box, label } = this.nodes.get(id);
    if (this.boxes.children[k] !== box) this.boxes.insertBefore(box, this.boxes.children[k] ?? null);
    const colour = regionColour(k + 1);
    box.style.setProperty("--c", colour);
    label.style.setProperty("--c", colour);
    label.textContent = String(k + 1);
    place(box, xyxy);
    const [x1, y1, x2, y2] = xyxy.map(Math.round);
    box.setAttribute(
      "aria-label",
      `Box ${k + 1}: ${visible(snippet) || "no words yet"}; ${x2 - x1} by ${y2 - y1} pixels at ${x1}, ${y1}`,
    );
    for (const node of [box, label]) node.classList.toggle("lit", id === this.selected);
    box.setAttribute("aria-pressed", String(id === this.selected));
  }

  offer(suggestion) {
    const box = makeBox(suggestion.box, "var(--region-0)", {
      class: "box offer", tabindex: 0, role: "button",
      "aria-label": `Suggested: ${visible(suggestion.snippet)}. Enter takes it`,
    });
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      event.stopPropagation();
      this.wishes.choose(suggestion);
    });
    return box;
  }

  // What depends on the view: labels and handles keep their size on the screen.
  look() {
    const { x, y, wide, high } = this.view;
    this.root.setAttribute("viewBox", `${x} ${y} ${wide} ${high}`);
    if (this.root.clientWidth) this.tiles.look(this.view, this.scale); // it has its place
    for (const { id, box } of this.regions) this.number(this.nodes.get(id).label, box);
    const region = this.regions.find(({ id }) => id === this.selected);
    this.handles.replaceChildren(...(region ? EDGES.flatMap((edge) => this.handle(region, edge)) : []));
    this.zoomed?.(this.view.zoom);
  }

  // A box's number stands over its upper edge, so that it hides nothing of a small box; at the
  // stage's edge below the lower one, or inside where the box is large.
  number(label, [x1, y1, x2, y2]) {
    const { x, y, wide, high } = this.view;
    const [above, below] = [(y1 - y) * this.scale, (y + high - y2) * this.scale];
    const large = Math.min(x2 - x1, y2 - y1) * this.scale > 3 * CHIP;
    const under = above < CHIP && !large && below >= CHIP;
    label.style.left = `${(100 * (x1 - x)) / wide}%`;
    label.style.top = `${(100 * ((under ? y2 : y1) - y)) / high}%`;
    label.classList.toggle("over", above >= CHIP);
  }

  handle({ box: [x1, y1, x2, y2] }, edges) {
    const size = 10 / this.scale;
    const reach = (coarse.matches ? 36 : 18) / this.scale;
    const small = Math.min(x2 - x1, y2 - y1) < 2 * size;
    if (small && edges.length === 1) return []; // a small box has its corners only
    const cx = edges.includes("w") ? x1 : edges.includes("e") ? x2 : (x1 + x2) / 2;
    const cy = edges.includes("n") ? y1 : edges.includes("s") ? y2 : (y1 + y2) / 2;
    const square = (side, attributes) =>
      make("rect", { x: cx - side / 2, y: cy - side / 2, width: side, height: side, ...attributes });
    return [
      square(reach, { class: "reach", "data-edges": edges }),
      square(size, { class: "grip" }),
    ];
  }

  down(event) {
    this.pointers.set(event.pointerId, event);
    if (this.pointers.size === 2) return this.pinch();
    if (this.pointers.size > 2) return;
    if (event.button === 1 || (event.button === 0 && this.panning)) {
      event.preventDefault();
      this.begin(event, { kind: "pan" });
      return;
    }
    if (event.button !== 0) return;
    event.preventDefault(); // no focus, no text selection: who is selected decides the focus
    const at = this.at(event);
    const region = this.regions.find(({ id }) => id === this.selected);
    const edges = event.target.dataset?.edges;
    if (edges) this.begin(event, { kind: "resize", region, edges });
    else if (region && holds(region.box, at)) this.begin(event, { kind: "move", region });
    else this.begin(event, { kind: "draw" });
  }

  begin(event, drag) {
    this.root.setPointerCapture(event.pointerId);
    this.drag = { ...drag, from: this.at(event), screen: event, word: `drag ${performance.now()}` };
  }

  over(event) {
    if (this.pointers.has(event.pointerId)) this.pointers.set(event.pointerId, event);
    if (this.pinching) return this.pinched();
    const { drag } = this;
    if (!drag || event.pointerId !== drag.screen.pointerId) return;
    const far = Math.hypot(event.clientX - drag.screen.clientX, event.clientY - drag.screen.clientY);
    drag.moved ||= far >= SLACK;
    if (!drag.moved) return;
    const at = this.at(event);
    const [dx, dy] = [at.x - drag.from.x, at.y - drag.from.y];
    if (drag.kind === "pan") {
      this.view.move(-dx, -dy);
      this.look();
    } else if (drag.kind === "draw") {
      drag.allowed ??= this.wishes.mayDraw(); // asked once, at the first movement
      if (!drag.allowed) return;
      this.preview.removeAttribute("hidden");
      place(this.preview, this.corners(drag.from, at));
    } else {
      this.wishes.move(drag.region, drag.kind === "resize" ? drag.edges : null, dx, dy, drag.word);
    }
  }

  corners(a, b) {
    const inside = (value, end) => Math.min(Math.max(value, 0), end);
    const [ax, bx] = [a.x, b.x].map((x) => inside(x, this.photo.width));
    const [ay, by] = [a.y, b.y].map((y) => inside(y, this.photo.height));
    return [Math.min(ax, bx), Math.min(ay, by), Math.max(ax, bx), Math.max(ay, by)];
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.pinching) {
      if (!this.pointers.size) this.pinching = null;
      return;
    }
    const { drag } = this;
    this.end();
    if (!drag) return;
    if (!drag.moved) this.click(drag.from);
    else if (drag.kind === "move" || drag.kind === "resize") this.wishes.settle();
    else if (drag.kind === "draw" && drag.allowed) this.wishes.draw(this.corners(drag.from, this.at(event)));
  }

  // A box to look at for a moment; null for none.
  ghost(box) {
    this.preview.toggleAttribute("hidden", !box);
    if (box) place(this.preview, box);
  }

  end() {
    this.drag = null;
    this.preview.setAttribute("hidden", "");
  }

  lost(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.pinching = null;
    if (this.drag?.moved && ["move", "resize"].includes(this.drag.kind)) this.wishes.cancel();
    this.end();
  }

  // The smallest box under the pointer; a second click goes to the next larger one.
  click(at) {
    const under = this.regions
      .filter(({ box }) => holds(box, at))
      .sort((a, b) => area(a.box) - area(b.box));
    const chosen = under[(under.findIndex(({ id }) => id === this.selected) + 1) % (under.length || 1)];
    const offer = this.offers.find(({ box }) => this.onEdge(box, at));
    if (offer && !chosen) this.wishes.choose(offer);
    else this.wishes.select(chosen?.id ?? null, true);
  }

  // A suggestion is taken by its line only: inside it, a click means the photo.
  onEdge([x1, y1, x2, y2], at) {
    const near = 8 / this.scale;
    const outer = [x1 - near, y1 - near, x2 + near, y2 + near];
    return holds(outer, at) && !holds([x1 + near, y1 + near, x2 - near, y2 - near], at);
  }

  pinch() {
    if (this.drag?.moved && ["move", "resize"].includes(this.drag.kind)) this.wishes.cancel();
    this.end();
    this.pinching = this.fingers();
  }

  fingers() {
    const [a, b] = [...this.pointers.values()];
    const middle = { clientX: (a.clientX + b.clientX) / 2, clientY: (a.clientY + b.clientY) / 2 };
    return { apart: Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY), middle };
  }

  pinched() {
    if (this.pointers.size !== 2) return;
    const now = this.fingers();
    const [was, at] = [this.at(this.pinching.middle), this.at(now.middle)];
    this.view.move(was.x - at.x, was.y - at.y);
    this.view.by(now.apart / (this.pinching.apart || 1), was.x, was.y);
    this.pinching = now;
    this.look();
  }

  wheel(event) {
    event.preventDefault(); // in both directions, and at the end, too: the page does not jump
    const { x, y } = this.at(event);
    if (this.view.by(Math.exp(-event.deltaY / 400), x, y)) this.look();
  }

  focus(id) {
    (this.nodes.get(id)?.box ?? this.root).focus({ preventScroll: true });
  }
}
