// One photo with everybody's boxes, a colour for each person; boxes and lines light together.

import { make, regionColour, visible } from "../../../web/static/dom.js";
import { makeBox } from "../../../web/static/photo.js";
import { address, get, post } from "./requests.js";
import { askText } from "./dialogs.js";
import { Remarks } from "./remarks.js";

export class Overlay {
  // then: close() back to the list, again() after a change, step(by) to the photo before or after,
  // correct(work) to change somebody's boxes
  constructor(photo, works, then) {
    Object.assign(this, { photo, then });
    this.pairs = [];
    const back = make("button", { type: "button" }, "← All photos");
    back.addEventListener("click", () => then.close());
    this.said = make("p", { class: "said", role: "alert" });
    const image = make("img", { src: address(`photos/${photo.id}`), alt: `The photo ${visible(photo.name)}` });
    this.layer = make("svg", {
      preserveAspectRatio: "none", viewBox: `0 0 ${photo.width} ${photo.height}`, "aria-hidden": "true",
    });
    const ratio = `--ratio: ${photo.width / photo.height}`;
    this.stage = make("div", { class: "stage", style: ratio }, image, this.layer);
    const people = works.map((work, k) => this.work(work, regionColour(1 + k)));
    // Large boxes first: a small one on a large one can still be pointed at.
    this.pairs.sort((a, b) => b.area - a.area);
    this.layer.append(...this.pairs.map(({ box }) => box));
    this.root = make(
      "div",
      { class: "overlay" },
      make("div", { class: "row" }, back, ...this.stepping(), make("h2", {}, visible(photo.name))),
      this.said,
      make(
        "div",
        { class: "pair" },
        this.stage,
        make("div", { class: "works" }, ...(people.length ? people : ["Nobody has had this photo yet."]), this.giving(works)),
      ),
    );
  }

  stepping() {
    return [["←", "The photo before (left arrow)", -1], ["→", "The next photo (right arrow)", 1]].map(([sign, label, by]) => {
      const node = make("button", { type: "button", "aria-label": label, title: label }, sign);
      node.addEventListener("click", () => this.then.step(by));
      return node;
    });
  }

  work(work, colour) {
    const lines = work.annotations.map((annotation) => this.line(annotation, work, colour));
    const shown = make("input", { type: "checkbox", checked: true });
    shown.addEventListener("change", () => {
      for (const { box, owner } of this.pairs) if (owner === work) box.classList.toggle("off", !shown.checked);
    });
    const returned = work.returned && `needs changes: ${visible(work.returned)}`;
    const state = work.bad ? `bad: ${visible(work.bad)}` : returned || (work.approved ? "approved" : work.state);
    const place = (id) => work.annotations.findIndex((one) => one.id === id) + 1;
    const remarks = new Remarks(work.assignment, place);
    remarks.about(work.annotations.map(({ id }) => id));
    const note = [state, work.reason && visible(work.reason), work.seconds && `${Math.round(work.seconds)} s`];
    return make(
      "section",
      { class: work.bad ? "work is-bad" : "work", style: `--c: ${colour}`, "data-who": work.annotator },
      make("label", { class: "person" }, shown, make("span", { class: "chip" }, "■"), make("strong", {}, visible(work.annotator))),
      make("p", { class: "note" }, note.filter(Boolean).join(" · ")),
      make("ul", {}, ...lines),
      this.actions(work),
      remarks.root,
    );
  }

  line({ box: xyxy, snippet, provenance }, owner, colour) {
    const box = makeBox(xyxy, colour, { class: owner.bad ? "box is-bad" : "box" });
    const line = make("li", { tabindex: 0 }, make("bdi", {}, visible(snippet) || "(no words yet)"));
    if (provenance !== "drawn") line.append(make("span", { class: "note" }, ` ${provenance === "accepted" ? "suggested" : "suggested, changed"}`));
    const light = (lit) => {
      this.stage.classList.toggle("lighting", lit);
      for (const node of [box, line]) node.classList.toggle("lit", lit);
    };
    for (const node of [box, line]) {
      node.addEventListener("pointerenter", () => light(true));
      node.addEventListener("pointerleave", () => light(false));
    }
    line.addEventListener("focus", () => light(true));
    line.addEventListener("blur", () => light(false));
    const [x1, y1, x2, y2] = xyxy;
    this.pairs.push({ box, owner, area: (x2 - x1) * (y2 - y1) });
    return line;
  }

  actions(work) {
    const row = make("div", { class: "row" });
    const button = (label, act) => {
      const node = make("button", { type: "button", "aria-label": `${label}: ${visible(work.annotator)}` }, label);
      node.addEventListener("click", () => this.act(act));
      row.append(node);
    };
    const path = `tasks/${work.assignment}`;
    if (work.state === "submitted" && !work.bad) {
      button(work.approved ? "Not approved" : "Approve", async () => (await post(`${path}/approve`, { approved: !work.approved }), true));
      button("Needs changes", async () => {
        const reason = await askText(this.root, "Needs changes", "It goes back to its author, boxes and all, who sees your reason.", "What has to be changed");
        if (!reason) return false;
        await post(`${path}/return`, { reason });
        return true;
      });
      button("Correct", async () => (await this.then.correct(work), false));
      button("Mark as bad", async () => {
        const reason = await askText(this.root, "Mark as bad", "It is kept, but counts no more; somebody else gets the photo.", "Why");
        if (!reason) return false;
        await post(`${path}/bad`, { reason });
        return true;
      });
    }
    if (work.bad) button("It is good", async () => (await post(`${path}/unmark`), true));
    if (["submitted", "skipped"].includes(work.state)) {
      button("Reopen", async () => (await post(`${path}/reopen`), true));
    }
    if (work.version) button("History", async () => (await this.history(row, path), false));
    return row;
  }

  // To somebody who has not had it: it is the next photo that they get.
  giving(works) {
    const had = new Set(works.map(({ annotator }) => annotator));
    const choice = make("select", { "aria-label": "Somebody to give this photo to" }, make("option", { value: "" }, "Give this photo to …"));
    const fill = async () => {
      const members = await get(`projects/${this.photo.project}/members`);
      for (const { name } of members) if (!had.has(name)) choice.append(make("option", { value: name }, visible(name)));
      return false;
    };
    choice.addEventListener("change", () => this.act(async () => {
      if (!choice.value) return false;
      await post(`photos/${this.photo.id}/give`, { name: choice.value });
      return true;
    }));
    this.act(fill);
    return choice;
  }

  async act(act) {
    try {
      this.said.textContent = "";
      if (await act()) this.then.again();
    } catch (refusal) {
      this.said.textContent = refusal.message;
    }
  }

  async history(row, path) {
    const changes = await get(`${path}/history`);
    const list = make("ol", { class: "history" });
    for (const { who, at, what } of changes) {
      list.append(make("li", {}, `${new Date(at).toLocaleString()}: ${what} by `, make("bdi", {}, visible(who))));
    }
    row.parentElement.querySelector(".history")?.remove();
    row.after(list);
  }
}
