// Elements without markup: strings become text nodes, so nothing a person typed is ever parsed.

const SVG = new Set(["svg", "rect", "g", "image"]);

export function make(tag, attributes = {}, ...children) {
  const node = SVG.has(tag)
    ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

// Control and format characters (bidi overrides above all) are not shown; joiners inside words are.
export function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (c) => (c === "\u200c" || c === "\u200d" ? c : " "));
}

export const regionName = (region) => (region === 0 ? "photo" : String(region));

// A region's colour in the palette: a name of palette.css. Encoders may give more regions than the
// palette has colours: then these come again, and the numbers tell the regions apart.
const COLOURS = 19;
export const regionVariable = (region) =>
  `--region-${region > COLOURS ? ((region - 1) % COLOURS) + 1 : region}`;
export const regionColour = (region) => `var(${regionVariable(region)})`;

export const percent = (share) => `${Math.round(100 * share)}\u00a0%`;

// Scores and betas: three places are plenty for cosines, and large raw products stay short.
export const short = (number) => (Math.abs(number) >= 100 ? number.toFixed(0) : number.toFixed(3));
