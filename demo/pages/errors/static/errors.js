// The Errors page: plotly pictures whose bars lead to their photos in Browse.

import { component } from "../../../web/static/component.js";
import { make } from "../../../web/static/dom.js";
import { plotly } from "../../../web/static/plotly.js";
import { ask } from "../../../grounding_set/static/grounding_set.js";
import { follow, goTo, writeAddress } from "../../../web/static/address.js";

const percent = (share) => (share == null ? "–" : `${(100 * share).toFixed(1)} %`);

class Analysis {
  constructor(root) {
    this.root = root;
    this.message = make("p", { class: "message", role: "alert", hidden: true });
    this.numbers = make("dl", { class: "numbers" });
    this.pictures = make("div", { class: "pictures" });
    root.replaceChildren(this.message, this.numbers, this.pictures);
    follow(root, "errors", { read: () => {}, show: () => this.show() });
    new MutationObserver(() => this.draw()).observe(document.body, { attributeFilter: ["class"] });
    new ResizeObserver(() => this.fit()).observe(root);
  }

  async show() {
    writeAddress("errors", {});
    if (this.plots) return this.draw();
    this.plots = [];
    try {
      const { counts, recall, pictures } = await ask("analysis");
      this.tell(counts, recall);
      this.plots = pictures.map((picture) => this.picture(picture));
      this.pictures.replaceChildren(...this.plots.map(({ root }) => root));
      await this.draw();
    } catch (error) {
      this.plots = null;
      this.message.textContent = error.message;
      this.message.hidden = false;
    }
  }

  tell(counts, recall) {
    const rows = [
      ["photos", counts.photos.toLocaleString("en")],
      ["sentences", counts.sentences.toLocaleString("en")],
      ["phrases with boxes", counts.phrases.toLocaleString("en")],
      ["truth first (R@1)", percent(recall.r1)],
      ["among the best 5", percent(recall.r5)],
      ["among the best 10", percent(recall.r10)],
      ["phrases found", percent(recall.phrases)],
    ];
    this.numbers.replaceChildren(
      ...rows.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))),
    );
  }

  picture({ key, title, text, figure }) {
    const plot = make("div", { class: "plot", role: "img", "aria-label": `${title}. ${text}` });
    const root = make(
      "section",
      { class: "picture", "data-key": key },
      make("h2", {}, title),
      make("p", { class: "hint" }, `${text} Click a mark to see its photos.`),
      plot,
    );
    return { root, plot, figure };
  }

  // One drawing after the other; a change of theme or width in between draws once more.
  async draw() {
    this.stale = true;
    if (this.drawing || !this.plots) return;
    this.drawing = true;
    try {
      const Plotly = await plotly();
      while (this.stale && this.root.getClientRects().length) {
        this.stale = false;
        for (const one of this.plots) await this.drawOne(Plotly, one);
      }
    } finally {
      this.drawing = false;
    }
  }

  async drawOne(Plotly, { root, plot, figure }) {
    const { data, layout } = this.themed(structuredClone(figure), root.clientWidth);
    const first = !plot.on;
    await Plotly.react(plot, data, layout, { displayModeBar: false, doubleClick: false });
    if (first) plot.on("plotly_click", ({ points: [point] }) => goTo("browse", chosen(point)));
  }

  themed({ data, layout }, width) {
    const style = getComputedStyle(this.root);
    const colour = (name) => style.getPropertyValue(name).trim();
    const narrow = width < 480;
    layout.width = width;
    layout.font = { color: colour("--ink"), family: style.fontFamily, size: narrow ? 10.5 : 12.5 };
    layout.paper_bgcolor = layout.plot_bgcolor = "rgba(0,0,0,0)";
    layout.xaxis.gridcolor = layout.yaxis.gridcolor = colour("--rule");
    layout.hoverlabel = {
      bgcolor: colour("--paper"),
      bordercolor: colour("--quiet"),
      font: { color: colour("--ink") },
    };
    const [trace] = data;
    if (narrow && trace.mode) trace.mode = "markers"; // names would lie on each other
    if (trace.type === "heatmap") {
      trace.colorscale = [0, 1, 2, 3].map((k) => [k / 3, colour(`--heat-${k}`)]);
      trace.colorbar.tickfont = { color: colour("--quiet") };
    } else {
      trace.marker = { ...trace.marker, color: colour("--region-1") };
      trace.textfont = { color: colour("--quiet"), size: narrow ? 9.5 : 11.5 };
    }
    return { data, layout };
  }

  fit() {
    const width = this.root.clientWidth;
    if (width && this.width && width !== this.width) this.draw();
    this.width = width;
  }
}

// Plotly hands a heatmap's custom data over as they are, a scatter's by the point.
function chosen(point) {
  const { data, pointIndex } = point;
  if (Array.isArray(pointIndex)) return data.customdata[pointIndex[0]][pointIndex[1]];
  return data.customdata[point.pointNumber];
}

export const mount = component("errors", [], (root) => {
  new Analysis(root);
});
