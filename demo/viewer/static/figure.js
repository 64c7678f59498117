// The opened photo as a figure for a paper: an SVG that needs nothing else, or a PNG of it.
//
// Always in the light palette on white. Colours, sizes and fonts stand in the file itself, so that
// Inkscape and LaTeX's converters show the same.

import { regionName, regionVariable, visible } from "../../web/static/dom.js";

const NS = "http://www.w3.org/2000/svg";
const WIDEST = 640; // units of the drawing; SVG has no pixels
const TALLEST = 560;
const NARROWEST = 320; // a sentence below a narrower photo would have a word a line
const FONT = "Helvetica, Arial, sans-serif";
const SIZE = 22;
const LINE = 34;

function draw(tag, attributes, ...children) {
  const node = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// The light theme's colours, whatever theme the page has now.
export function lightPalette() {
  const found = new Map();
  const look = (sheet) => {
    for (const rule of sheet.cssRules) {
      if (rule.styleSheet) look(rule.styleSheet);
      const plain = rule.selectorText?.split(",").some((part) => part.trim() === ".viewer");
      if (!plain) continue;
      for (const name of rule.style) {
        if (name.startsWith("--region-")) found.set(name, rule.style.getPropertyValue(name).trim());
      }
    }
  };
  for (const sheet of document.styleSheets) {
    if (sheet.href?.startsWith(location.origin) || !sheet.href) look(sheet);
  }
  return (region) => found.get(regionVariable(region)) ?? "#475569";
}

async function dataUrl(src) {
  if (src.startsWith("data:")) return src;
  const answer = await fetch(src);
  if (!answer.ok) throw new Error(`the photo gave ${answer.status}`);
  const reader = new FileReader();
  const read = new Promise((resolve, reject) => {
    reader.addEventListener("load", () => resolve(reader.result));
    reader.addEventListener("error", reject);
  });
  reader.readAsDataURL(await answer.blob());
  return read;
}

function measure() {
  const context = document.createElement("canvas").getContext("2d");
  return (text, weight, size) => {
    context.font = `${weight} ${size}px ${FONT}`;
    return context.measureText(text).width;
  };
}

// Words one after the other, in lines: [{text, x, y, colour, weight, size}] and the height.
function setSentence(alignment, colour, most) {
  const width = measure();
  const letters = Array.from(alignment.sentence);
  const closing = new Map(alignment.segments.map((segment) => [segment.last, segment.region]));
  const runs = [];
  let [x, y] = [0, LINE];
  for (const [j, word] of alignment.words.entries()) {
    const text = visible(letters.slice(word.start, word.end).join(""));
    const weight = word.known ? 600 : 400;
    const wide = width(text, weight, SIZE);
    const number = closing.has(j) ? regionName(closing.get(j)) : "";
    const over = number ? width(number, 600, 13) + 3 : 0;
    if (x > 0 && x + wide + over > most) [x, y] = [0, y + LINE];
    const fill = word.known ? colour(word.region) : "#64748b";
    runs.push({ text, x, y, fill, weight, size: SIZE });
    x += wide;
    if (number) {
      runs.push({ text: number, x: x + 2, y: y - 9, fill: colour(closing.get(j)), weight: 600, size: 13 });
      x += over;
    }
    x += width(" ", 400, SIZE);
  }
  return { runs, height: y + 10 };
}

function setBox([x1, y1, x2, y2], scale, name, fill, placed) {
  const place = { x: x1 * scale, y: y1 * scale, width: (x2 - x1) * scale, height: (y2 - y1) * scale };
  const wide = 10 + 8.5 * name.length;
  let left = Math.max(0, Math.min(place.x, placed.width - wide));
  while (placed.taken.some(([x, y]) => Math.abs(x - left) < wide && Math.abs(y - place.y) < 19)) {
    left += wide + 1;
  }
  placed.taken.push([left, place.y]);
  const outline = { ...place, fill: "none" };
  return draw(
    "g",
    {},
    draw("rect", { ...outline, stroke: "#ffffff", "stroke-width": 5, "stroke-opacity": 0.85 }),
    draw("rect", { ...outline, stroke: fill, "stroke-width": 2.5 }),
    draw("rect", { x: left, y: place.y, width: wide, height: 19, fill }),
    draw(
      "text",
      { x: left + wide / 2, y: place.y + 14, "font-size": 14, "font-weight": 600, fill: "#ffffff",
        "text-anchor": "middle" },
      name,
    ),
  );
}

// The figure is as wide as its photo is drawn, so that no strip is left beside it: a tall photo is
// drawn narrower, and never so narrow that its sentence does not fit below. -> [width, height]
export function drawnSize({ width, height }) {
  const scale = Math.max(Math.min(WIDEST / width, TALLEST / height), NARROWEST / width);
  return [width * scale, height * scale];
}

// photo: photo_view of viewer.py; alignment: Alignment.as_dict or null -> an SVG element
export async function figure(photo, alignment) {
  const colour = lightPalette();
  const [width, height] = drawnSize(photo);
  const scale = width / photo.width;
  const words = alignment ? setSentence(alignment, colour, width) : { runs: [], height: 0 };
  const total = height + words.height;
  const placed = { width, taken: [] };
  const regions = [...new Set((alignment?.segments ?? []).map(({ region }) => region))];
  const area = (region) => {
    const [x1, y1, x2, y2] = photo.boxes[region];
    return (x2 - x1) * (y2 - y1);
  };
  regions.sort((a, b) => area(b) - area(a));
  const texts = words.runs.map(({ text, x, y, fill, weight, size }) =>
    draw("text", { x, y: height + y, fill, "font-weight": weight, "font-size": size }, text),
  );
  const image = draw("image", { width, height, preserveAspectRatio: "none" });
  image.setAttribute("href", await dataUrl(photo.src));
  return draw(
    "svg",
    { xmlns: NS, viewBox: `0 0 ${width} ${total}`, width, height: total, "font-family": FONT },
    draw("rect", { width, height: total, fill: "#ffffff" }),
    image,
    ...regions.map((r) => setBox(photo.boxes[r], scale, regionName(r), colour(r), placed)),
    ...texts,
  );
}

const markup = (svg) => new XMLSerializer().serializeToString(svg);

// -> a Blob of the figure as an SVG file
export async function asSvg(photo, alignment) {
  return new Blob([markup(await figure(photo, alignment))], { type: "image/svg+xml" });
}

// -> a Blob of the figure as a PNG file, so many pixels wide
export async function asPng(photo, alignment, pixels) {
  const svg = await figure(photo, alignment);
  const [width, height] = ["width", "height"].map((side) => Number(svg.getAttribute(side)));
  const canvas = document.createElement("canvas");
  Object.assign(canvas, { width: pixels, height: Math.round((height * pixels) / width) });
  svg.setAttribute("width", canvas.width);
  svg.setAttribute("height", canvas.height);
  const url = URL.createObjectURL(new Blob([markup(svg)], { type: "image/svg+xml" }));
  try {
    const image = new Image();
    image.src = url;
    await image.decode();
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return await new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  } finally {
    URL.revokeObjectURL(url);
  }
}
