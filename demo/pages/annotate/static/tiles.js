// Sharper squares of a large photo, once somebody looks closer than its whole picture is sharp.

import { make } from "../../../web/static/dom.js";
import { address } from "./requests.js";
import { limits } from "./limits.js";

const AT_ONCE = 24; // squares kept in the page; more than a large screen shows

export class Tiles {
  constructor(photo) {
    this.photo = photo;
    this.root = make("g");
    this.kept = new Map();
    // Pixels of the whole picture in one of the photo's.
    this.sharp = Math.min(1, limits.picture / Math.max(photo.width, photo.height));
  }

  // The squares that {x, y, wide, high} of the photo shows, where a pixel of it takes `scale`
  // pixels of the screen.
  look({ x, y, wide, high }, scale) {
    if (this.sharp === 1 || scale * devicePixelRatio <= this.sharp) {
      this.root.setAttribute("hidden", "");
      return;
    }
    this.root.removeAttribute("hidden");
    const side = limits.tile;
    const { width, height } = this.photo;
    const last = (end, size) => Math.floor((Math.min(end, size) - 1e-6) / side);
    for (let row = Math.max(0, Math.floor(y / side)); row <= last(y + high, height); row += 1) {
      for (let column = Math.max(0, Math.floor(x / side)); column <= last(x + wide, width); column += 1) {
        this.show(column, row, side);
      }
    }
    for (const [name, node] of this.kept) {
      if (this.kept.size <= AT_ONCE) break;
      node.remove();
      this.kept.delete(name);
    }
  }

  show(column, row, side) {
    const name = `${column}/${row}`;
    const known = this.kept.get(name);
    this.kept.delete(name); // and last in line again
    if (known) {
      this.kept.set(name, known);
      return;
    }
    const node = make("image", {
      href: address(`photos/${this.photo.id}/tiles/${name}`),
      x: column * side, y: row * side,
      width: Math.min(side, this.photo.width - column * side),
      height: Math.min(side, this.photo.height - row * side),
      preserveAspectRatio: "none",
    });
    node.addEventListener("error", () => {
      node.remove(); // the whole picture is there; a later look asks again
      this.kept.delete(name);
    });
    this.kept.set(name, node);
    this.root.append(node);
  }
}
