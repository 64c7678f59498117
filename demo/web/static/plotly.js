// The plotly.js that lies in the Python package: 4 MB, loaded when something is to be drawn.

import { make } from "./dom.js";

let loading = null;

export function plotly() {
  loading ??= new Promise((resolve, reject) => {
    const src = new URL("plotly.min.js", import.meta.url).href;
    const script = make("script", { src });
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => reject(new Error("plotly.min.js did not load")));
    document.head.append(script);
  });
  return loading;
}
