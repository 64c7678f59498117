// The part of the photo that is seen: a rectangle in the photo's pixels, of the photo's shape.

const MOST = 16; // times; a pixel of a 1,000-pixel photo is then as wide as a fingertip's edge

export class View {
  constructor(width, height) {
    [this.width, this.height] = [width, height];
    this.whole();
  }

  whole() {
    [this.x, this.y, this.zoom] = [0, 0, 1];
  }

  get wide() {
    return this.width / this.zoom;
  }

  get high() {
    return this.height / this.zoom;
  }

  // Zoom by a factor; the photo's point (x, y) stays where it is. -> whether anything changed
  by(factor, x = this.x + this.wide / 2, y = this.y + this.high / 2) {
    const zoom = Math.min(Math.max(this.zoom * factor, 1), MOST);
    const change = this.zoom / zoom;
    if (change === 1) return false;
    this.zoom = zoom;
    this.move(x - (x - this.x) * change - this.x, y - (y - this.y) * change - this.y);
    return true;
  }

  move(dx, dy) {
    this.x = Math.min(Math.max(this.x + dx, 0), this.width - this.wide);
    this.y = Math.min(Math.max(this.y + dy, 0), this.height - this.high);
  }

  // Bring a box into sight, zooming out if it is too large.
  reveal([x1, y1, x2, y2]) {
    if (x2 - x1 > this.wide || y2 - y1 > this.high) {
      this.by(Math.min(this.wide / (x2 - x1), this.high / (y2 - y1)));
    }
    const shift = (low, high, start, size) =>
      low < start ? low - start : high > start + size ? high - start - size : 0;
    this.move(shift(x1, x2, this.x, this.wide), shift(y1, y2, this.y, this.high));
  }
}
