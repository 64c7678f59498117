// Time spent, in seconds: it runs while the page is seen and somebody does something.

const REST = 60; // seconds without a key or a pointer after which nobody seems to be there
const SIGNS = ["pointerdown", "pointermove", "keydown", "wheel"];

export class Stopwatch {
  constructor(spent = 0) {
    this.spent = spent;
    this.active = this.last = performance.now();
    this.sign = () => {
      this.tick();
      this.active = performance.now();
    };
    for (const sign of SIGNS) document.addEventListener(sign, this.sign, { passive: true });
    this.beat = setInterval(() => this.tick(), 1000);
  }

  tick() {
    const now = performance.now();
    const until = document.hidden ? this.last : Math.min(now, this.active + 1000 * REST);
    this.spent += Math.max(0, until - this.last) / 1000;
    this.last = now;
  }

  get seconds() {
    this.tick();
    return Math.round(10 * this.spent) / 10;
  }

  stop() {
    clearInterval(this.beat);
    for (const sign of SIGNS) document.removeEventListener(sign, this.sign);
  }
}
