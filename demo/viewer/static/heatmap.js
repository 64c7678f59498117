// The plotly figure of heatmap.py. Plotly is loaded with the first alignment; a photo alone
// does not need it.

import { make, regionVariable } from "../../web/static/dom.js";
import { plotly } from "../../web/static/plotly.js";

// The same heatmap with each row from its own lowest score to its own highest, so that a word whose
// scores are all high shows where they are highest; pointing still tells the scores.
export function byRow({ z }) {
  const scaled = z.map((row) => {
    const [low, high] = [Math.min(...row), Math.max(...row)];
    return row.map((score) => (score === null ? null : high > low ? (score - low) / (high - low) : 0));
  });
  const hovertemplate = "score %{customdata:.3f}<extra></extra>";
  return { z: scaled, customdata: z, hovertemplate, showscale: false };
}

export class Heatmap {
  constructor(point) {
    this.point = point;
    this.plot = make("div", {
      class: "plot",
      role: "img",
      "aria-label": "Scores of all words with the regions shown; each word's region is marked",
    });
    this.rows = make("input", { type: "checkbox" });
    this.rows.addEventListener("change", () => this.draw());
    this.root = make(
      "section",
      { class: "heatmap", hidden: true },
      make("h2", {}, "Scores"),
      make("p", {}, "A row for each word, a column for each region; the word's choice is marked."),
      make("label", { class: "every" }, this.rows, "each word to its own range"),
      make("div", { class: "scroll" }, this.plot),
    );
    new ResizeObserver(() => this.fit()).observe(this.root);
    // Light and dark differ by a class that Gradio puts on the body.
    new MutationObserver(() => this.draw()).observe(document.body, { attributeFilter: ["class"] });
  }

  show(alignment, figure) {
    this.figure = figure;
    this.draw();
  }

  // One drawing at a time: while the beta slider moves, what came in between is skipped.
  async draw() {
    this.stale = true;
    if (this.drawing) return;
    this.drawing = true;
    try {
      while (this.stale && this.figure && !this.root.hidden) {
        this.stale = false;
        await this.drawOnce(await plotly());
      }
    } finally {
      this.drawing = false;
    }
  }

  async drawOnce(Plotly) {
    const first = !this.plot.on;
    const { data, layout } = this.themed(structuredClone(this.figure));
    const settings = { displayModeBar: false, doubleClick: false };
    await Plotly.react(this.plot, data, { ...layout, shapes: this.lines() }, settings);
    if (!first) return;
    const cell = ({ points }) => ({ word: points[0].y, region: this.figure.regions[points[0].x] });
    this.plot.on("plotly_hover", (event) => this.point(cell(event)));
    this.plot.on("plotly_unhover", () => this.point(null));
    this.plot.on("plotly_click", (event) => this.point(cell(event), true));
  }

  themed({ data, layout }) {
    const style = getComputedStyle(this.plot);
    const colour = (name) => style.getPropertyValue(name).trim();
    const [heat, marks] = data;
    if (this.rows.checked) Object.assign(heat, byRow(heat));
    // One word's scores may be far above the others': low ones get more of the shades.
    heat.colorscale = [0, 1, 2, 3].map((k) => [(k / 3) ** 1.7, colour(`--heat-${k}`)]);
    heat.colorbar.tickfont = { color: colour("--quiet"), size: 11 };
    marks.marker.color = colour("--paper");
    marks.marker.line.color = marks.x.map((column) =>
      colour(regionVariable(this.figure.regions[column])),
    );
    const font = { color: colour("--ink"), family: style.fontFamily, size: 13 };
    Object.assign(layout, { font, width: this.root.clientWidth });
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    this.lineColour = colour("--lit");
    if (layout.width < 520) {
      heat.showscale = false;
      layout.xaxis.tickfont = { size: 9 };
      marks.marker.size = 8;
      marks.marker.line.width = 2;
    }
    return { data, layout };
  }

  // Lit row and column, as outlines; the figure itself stays as it is.
  lines() {
    const line = { color: this.lineColour, width: 2.5 };
    const [rows, columns] = [this.figure.layout.yaxis, this.figure.layout.xaxis];
    const shapes = [];
    const { row, region } = this.target ?? {};
    if (row != null) {
      const [x0, x1] = columns.range;
      shapes.push({ type: "rect", x0, x1, y0: row - 0.5, y1: row + 0.5, line });
    }
    const column = this.figure.regions.indexOf(region);
    if (column >= 0) {
      const [y0, y1] = rows.range;
      shapes.push({ type: "rect", x0: column - 0.5, x1: column + 0.5, y0, y1, line });
    }
    return shapes;
  }

  light(target) {
    const { row, region } = target ?? {};
    if (row === this.target?.row && region === this.target?.region) return;
    this.target = target;
    if (this.plot.on) window.Plotly.relayout(this.plot, { shapes: this.lines() });
  }

  fit() {
    const width = this.root.clientWidth;
    if (this.plot.on && width && width !== this.width) this.draw();
    this.width = width;
  }
}
