// Where on the photo a word scores, laid over it as a heat map, with its legend and its opacity.
//
// What the server sends is `maps_view` of viewer.py: for each known word a grid of levels between
// its lowest and its highest score. A segment's map is the sum of its words', as its score is.

import { make, short, visible } from "../../web/static/dom.js";

const FINE = 8; // pixels of the picture for each point of the grid: the browser smooths the rest
const OPACITY = 60; // per cent: the photo is still seen below the darkest and the brightest
// From cold to hot: each step lighter than the one before, so that it is read without its hues.
const RAMP = [
  [11, 7, 36],
  [86, 16, 110],
  [187, 55, 84],
  [249, 142, 9],
  [252, 255, 164],
];
const SHARE = 0.5; // a word far weaker than the sentence's best one never looks as hot

// -> Float32Array of scores, row by row; null for an unknown word
export function scoresOf(maps, word) {
  const one = maps.words[word];
  if (!one) return null;
  const step = (one.high - one.low) / 255;
  return Float32Array.from(atob(one.levels), (level) => one.low + step * level.charCodeAt(0));
}

// Scores of some words together; null where none of them is known.
export function summed(maps, words) {
  const known = words.map((word) => scoresOf(maps, word)).filter(Boolean);
  if (!known.length) return null;
  return known[0].map((_, k) => known.reduce((sum, one) => sum + one[k], 0));
}

// The ends of the scale: the map's own lowest score, and its highest or, where that is weak, a share
// of the best that any word of the sentence has.
export function ends(maps, scores) {
  const best = Math.max(...maps.words.filter(Boolean).map(({ high }) => high));
  const low = Math.min(...scores);
  return { low, high: Math.max(...scores, SHARE * best, low + 1e-9) };
}

// A share of the scale, 0 to 1 -> [red, green, blue]
export function colourOf(share) {
  const place = Math.min(Math.max(share, 0), 1) * (RAMP.length - 1);
  const k = Math.min(Math.floor(place), RAMP.length - 2);
  return RAMP[k].map((from, part) => Math.round(from + (RAMP[k + 1][part] - from) * (place - k)));
}

// A grid's values between its points, which are the middles of equal cells: (x, y) from 0 to 1.
export function between({ rows, columns }, values, x, y) {
  const along = (share, count) => {
    const place = Math.min(Math.max(share * count - 0.5, 0), count - 1);
    const first = Math.min(Math.floor(place), Math.max(count - 2, 0));
    return [first, Math.min(first + 1, count - 1), place - first];
  };
  const [left, right, across] = along(x, columns);
  const [above, below, down] = along(y, rows);
  const row = (r) => values[r * columns + left] * (1 - across) + values[r * columns + right] * across;
  return row(above) * (1 - down) + row(below) * down;
}

// Where the highest score lies, in words: nobody has to tell colours apart.
export function whereabouts({ rows, columns }, scores) {
  const peak = scores.indexOf(Math.max(...scores));
  const [x, y] = [((peak % columns) + 0.5) / columns, (Math.floor(peak / columns) + 0.5) / rows];
  const third = (share, names) => names[Math.min(Math.floor(share * 3), 2)];
  const [across, down] = [third(x, ["left", "", "right"]), third(y, ["top", "", "bottom"])];
  return across || down ? `at the ${[down, across].filter(Boolean).join(" ")}` : "in the middle";
}

const css = (colour) => `rgb(${colour.join(" ")})`;

export class ScoreMap {
  constructor() {
    this.canvas = make("canvas", { class: "score-map", hidden: true, "aria-hidden": "true" });
    this.wanted = make("input", { type: "checkbox" });
    this.wanted.checked = true;
    this.wanted.addEventListener("change", () => this.draw());
    const opacity = "Opacity of the heat map";
    this.opacity = make("input", {
      type: "range",
      min: 10,
      max: 100,
      value: OPACITY,
      "aria-label": opacity,
      title: opacity,
    });
    this.opacity.addEventListener("input", () => this.setOpacity());
    this.low = make("span");
    this.high = make("span");
    const bar = make("span", { class: "bar" });
    bar.style.background = `linear-gradient(90deg, ${RAMP.map(css).join(", ")})`;
    this.scale = make("span", { class: "scale" }, this.low, bar, this.high);
    this.said = make("span", { class: "spot" });
    const title = "Pointing at a word or a segment shows where on the photo it scores";
    this.root = make(
      "div",
      { class: "legend", hidden: true },
      make("label", { class: "every", title }, this.wanted, "heat map of the word"),
      this.opacity,
      this.scale,
      this.said,
    );
    this.meant = [];
    this.setOpacity();
  }

  // maps: maps_view of viewer.py, or null; words: the alignment's
  show(maps, words) {
    this.maps = words && maps?.words.length === words.length ? maps : null;
    this.words = words;
    this.root.hidden = !this.maps;
    this.meant = [];
    this.draw();
  }

  // Finer maps of the same words.
  refine(maps) {
    if (maps?.words.length !== this.words?.length) return;
    this.maps = maps;
    this.draw();
  }

  // words: their places; none to show nothing
  light(words = []) {
    if (words.join() === this.meant.join()) return;
    this.meant = words;
    this.draw();
  }

  draw() {
    const scores = this.maps && this.wanted.checked ? summed(this.maps, this.meant) : null;
    this.canvas.hidden = !scores;
    this.scale.classList.toggle("off", !scores);
    this.opacity.disabled = !this.wanted.checked;
    if (!scores) {
      const how = "point at a word, or walk along them with the arrow keys";
      this.said.textContent = this.wanted.checked ? how : "";
      return;
    }
    const { low, high } = ends(this.maps, scores);
    this.low.textContent = short(low);
    this.high.textContent = short(high);
    const named = this.meant.filter((word) => this.maps.words[word]);
    const text = visible(named.map((word) => this.words[word].word).join(" ")).slice(0, 60);
    const best = short(Math.max(...scores));
    const alone = this.maps.windows ? "" : " (regions alone)";
    this.said.textContent = `“${text}” most ${whereabouts(this.maps, scores)}: ${best}${alone}`;
    this.paint(scores, low, high);
  }

  paint(scores, low, high) {
    const [width, height] = [this.maps.columns * FINE, this.maps.rows * FINE];
    Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d");
    const picture = context.createImageData(width, height);
    for (let y = 0, at = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1, at += 4) {
        const score = between(this.maps, scores, (x + 0.5) / width, (y + 0.5) / height);
        picture.data.set([...colourOf((score - low) / (high - low)), 255], at);
      }
    }
    context.putImageData(picture, 0, 0);
  }

  setOpacity() {
    this.canvas.style.opacity = this.opacity.value / 100;
  }
}
