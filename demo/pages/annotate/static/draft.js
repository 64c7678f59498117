// A photo's regions in their order, and the way back. Knows no page.
//
// A region is {id, box: [x1, y1, x2, y2] in the photo's own pixels, snippet, provenance, seconds}.
// States are never changed, only replaced, so undo is putting an old one back.

import { identity } from "./requests.js";
import { limits, tooLong } from "./limits.js";

const STEPS = 500; // undo reaches this far

export class Draft {
  constructor(width, height, most, changed) {
    [this.width, this.height, this.most, this.changed] = [width, height, most, changed];
    this.load([]);
  }

  load(regions) {
    this.regions = regions;
    this.past = [];
    this.future = [];
    this.joining = null;
    this.begun = new Map(); // region -> the clock's time at its first corner
  }

  find(id) {
    return this.regions.find((region) => region.id === id);
  }

  get full() {
    return this.regions.length >= this.most;
  }

  // join: changes in a row with the same word are one step back (typing, a drag).
  step(regions, join = null) {
    if (!join || join !== this.joining) {
      this.past.push(this.regions);
      if (this.past.length > STEPS) this.past.shift();
    }
    this.joining = join;
    this.future = [];
    this.regions = regions;
    this.changed();
  }

  add(box, clock, more = {}) {
    const region = { id: identity(), box: this.inside(box), snippet: "", provenance: "drawn", ...more };
    this.begun.set(region.id, clock);
    this.step([...this.regions, { ...region, seconds: 0 }]);
    return region.id;
  }

  change(id, change, clock, join = null) {
    const old = this.find(id);
    if (!old) return;
    const box = change.box ? this.inside(change.box) : old.box;
    const snippet = change.snippet ?? old.snippet;
    if (snippet === old.snippet && String(box) === String(old.box)) return;
    if (!this.begun.has(id)) this.begun.set(id, clock - old.seconds);
    const seconds = Math.max(0, Math.round(10 * (clock - this.begun.get(id))) / 10);
    const provenance = old.provenance === "accepted" ? "edited" : old.provenance;
    const region = { ...old, box, snippet, provenance, seconds };
    this.step(this.regions.map((other) => (other === old ? region : other)), join);
  }

  remove(id) {
    if (this.find(id)) this.step(this.regions.filter((region) => region.id !== id));
  }

  undo() {
    return this.travel(this.past, this.future);
  }

  redo() {
    return this.travel(this.future, this.past);
  }

  travel(from, to) {
    if (!from.length) return false;
    to.push(this.regions);
    this.regions = from.pop();
    this.joining = null;
    this.changed();
    return true;
  }

  settle() {
    this.joining = null;
  }

  // In the photo, at least a pixel each way, to a hundredth of a pixel.
  inside([x1, y1, x2, y2]) {
    const side = (a, b, end) => {
      const least = Math.min(1, end);
      const low = Math.min(Math.max(Math.min(a, b), 0), end - least);
      const high = Math.min(Math.max(Math.max(a, b), low + least), end);
      return [Math.round(low * 100) / 100, Math.round(high * 100) / 100];
    };
    const [left, right] = side(x1, x2, this.width);
    const [top, bottom] = side(y1, y2, this.height);
    return [left, top, right, bottom];
  }

  // The same box elsewhere: it stops at the photo's edge and keeps its size.
  moved([x1, y1, x2, y2], dx, dy) {
    const across = Math.min(Math.max(dx, -x1), this.width - x2);
    const down = Math.min(Math.max(dy, -y1), this.height - y2);
    return [x1 + across, y1 + down, x2 + across, y2 + down];
  }

  // edges: "n", "e", "sw", ...; an edge stops a pixel before the opposite one.
  resized([x1, y1, x2, y2], edges, dx, dy) {
    if (edges.includes("w")) x1 = Math.min(x1 + dx, x2 - 1);
    if (edges.includes("e")) x2 = Math.max(x2 + dx, x1 + 1);
    if (edges.includes("n")) y1 = Math.min(y1 + dy, y2 - 1);
    if (edges.includes("s")) y2 = Math.max(y2 + dy, y1 + 1);
    return this.inside([x1, y1, x2, y2]);
  }

  get missing() {
    const boxes = this.most - this.regions.length;
    const snippets = this.regions.filter(({ snippet }) => !/[\p{L}\p{N}\p{P}\p{S}]/u.test(snippet));
    const long = this.regions.filter(({ snippet }) => tooLong(snippet, limits.snippet));
    const ids = (regions) => regions.map(({ id }) => id);
    return { boxes, snippets: ids(snippets), long: ids(long) };
  }
}
