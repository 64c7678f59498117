// The part of the photo that is seen: a rectangle in the photo's pixels, of the stage's shape. The
// stage is the place on the screen; a photo of another shape leaves some of it empty.

const MOST = 16; // times; a pixel of a 1,000-pixel photo is then as wide as a fingertip's edge
const PIXEL = 8; // screen pixels that one of the photo's may take, however large the photo is

export class View {
  constructor(width, height) {
    [this.width, this.height] = [width, height];
    this.stage(width, height);
    this.whole();
  }

  // The stage's size in screen pixels. What was in the middle stays there.
  stage(across, down) {
    const [x, y] = [this.x + this.wide / 2, this.y + this.high / 2];
    [this.across, this.down] = [across || 1, down || 1];
    if (this.zoom) {
      this.zoom = Math.min(this.zoom, this.most);
      this.centre(x, y);
    }
  }

  // Screen pixels in one of the photo's while all of the photo is seen.
  get fit() {
    return Math.min(this.across / this.width, this.down / this.height);
  }

  get most() {
    return Math.max(MOST, PIXEL / this.fit);
  }

  whole() {
    this.zoom = 1;
    this.centre(this.width / 2, this.height / 2);
  }

  get scale() {
    return this.fit * this.zoom;
  }

  get wide() {
    return this.across / this.scale;
  }

  get high() {
    return this.down / this.scale;
  }

  // The part of the photo itself that is seen: [x1, y1, x2, y2].
  get seen() {
    const [right, low] = [this.x + this.wide, this.y + this.high];
    return [Math.max(this.x, 0), Math.max(this.y, 0), Math.min(right, this.width), Math.min(low, this.height)];
  }

  // Zoom by a factor; the photo's point (x, y) stays where it is. -> whether anything changed
  by(factor, x = this.x + this.wide / 2, y = this.y + this.high / 2) {
    const zoom = Math.min(Math.max(this.zoom * factor, 1), this.most);
    const change = this.zoom / zoom;
    if (change === 1) return false;
    this.zoom = zoom;
    this.move(x - (x - this.x) * change - this.x, y - (y - this.y) * change - this.y);
    return true;
  }

  centre(x, y) {
    [this.x, this.y] = [x - this.wide / 2, y - this.high / 2];
    this.move(0, 0);
  }

  // It never leaves the photo; where the photo is narrower than the stage, it is in the middle.
  move(dx, dy) {
    const within = (to, size, seen) =>
      seen >= size ? (size - seen) / 2 : Math.min(Math.max(to, 0), size - seen);
    this.x = within(this.x + dx, this.width, this.wide);
    this.y = within(this.y + dy, this.height, this.high);
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
