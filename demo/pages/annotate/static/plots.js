// The figures of figures.py, in the page's colours, light and dark.

import { make } from "../../../web/static/dom.js";
import { plotly } from "../../../web/static/plotly.js";

export class Plot {
  constructor(title, note, figure) {
    this.figure = figure;
    this.place = make("div", { class: "plot", role: "img", "aria-label": title });
    this.root = make("section", { class: "figure" }, make("h3", {}, title), make("p", { class: "note" }, note), this.place);
    new ResizeObserver(() => this.draw()).observe(this.root);
    this.theme = new MutationObserver(() => (this.root.isConnected ? this.draw() : this.theme.disconnect()));
    this.theme.observe(document.body, { attributeFilter: ["class"] });
  }

  async draw() {
    const Plotly = await plotly();
    const width = this.root.clientWidth;
    if (!width) return;
    const style = getComputedStyle(this.place);
    const colour = (name) => style.getPropertyValue(name).trim();
    const { data, layout } = structuredClone(this.figure);
    for (const trace of data) {
      if (trace.type === "bar") trace.marker = { color: colour("--region-1") };
      else trace.colorscale = [0, 1, 2, 3].map((k) => [k / 3, colour(`--heat-${k}`)]);
    }
    const clear = "rgba(0,0,0,0)";
    for (const axis of [layout.xaxis, layout.yaxis]) axis.gridcolor = colour("--edge");
    Object.assign(layout, { width, paper_bgcolor: clear, plot_bgcolor: clear });
    layout.font = { color: colour("--ink"), family: style.fontFamily, size: 13 };
    await Plotly.react(this.place, data, layout, { displayModeBar: false, doubleClick: false });
  }
}
