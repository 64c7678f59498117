// What others drew on this photo, where the project lets people see it: their words, and each box
// while its line is pointed at.

import { make, visible } from "../../../web/static/dom.js";
import { get } from "./requests.js";

// ghost(box or null): shows a box on the photo for a moment
export function othersWork(photo, ghost) {
  const list = make("ul");
  const root = make("details", { class: "others" }, make("summary", {}, "What others drew"), list);
  const line = (who, { box, snippet }) => {
    const node = make("li", { tabindex: 0 }, make("bdi", {}, visible(who)), ": ", make("bdi", {}, visible(snippet)));
    for (const [kind, shown] of [["pointerenter", box], ["pointerleave", null], ["focus", box], ["blur", null]]) {
      node.addEventListener(kind, () => ghost(shown));
    }
    return node;
  };
  root.addEventListener("toggle", async () => {
    if (!root.open) return;
    try {
      const { works } = await get(`photos/${photo}/works`);
      const lines = works.flatMap(({ annotator, annotations }) => annotations.map((one) => line(annotator, one)));
      list.replaceChildren(...(lines.length ? lines : [make("li", {}, "Nobody has finished it yet.")]));
    } catch (refusal) {
      list.replaceChildren(make("li", {}, refusal.message));
    }
  });
  return root;
}
