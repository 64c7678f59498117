// The owner's part: how far everybody is, every photo with everybody's boxes, agreement, files.

import { make, visible } from "../../../web/static/dom.js";
import { get } from "./requests.js";
import { Editor } from "./editor.js";
import { Files } from "./files.js";
import { Overlay } from "./overlay.js";
import { Plot } from "./plots.js";
import { table } from "./tables.js";

const midnight = () => new Date(new Date().setHours(0, 0, 0, 0)).toISOString();
const time = (seconds) => (seconds ? `${Math.round(seconds)} s` : "–");
const percent = (share) => (share == null ? "–" : `${Math.round(100 * share)} %`);
const fixed = (number, places = 3) => (number == null ? "–" : number.toFixed(places));

export class Review {
  // renewed(): projects were added
  constructor(project, me, renewed) {
    Object.assign(this, { project, me });
    this.root = make("section", { class: "review", "aria-label": "Review" });
    this.said = make("p", { class: "said", role: "alert" });
    this.files = new Files(project, renewed);
    this.fill();
  }

  // seen: the photo that was looked at, whose line is shown again
  async fill(seen = 0) {
    if (!this.project) {
      this.root.replaceChildren(make("p", {}, "Choose a project, or import one."), this.files.root);
      return;
    }
    const { id, settings } = this.project;
    try {
      const day = encodeURIComponent(midnight());
      const { totals, people } = await get(`projects/${id}/progress?day=${day}`);
      this.more = make("button", { type: "button" }, "More photos");
      this.more.addEventListener("click", () => this.list());
      const photos = this.photoTable(settings.annotators_per_photo);
      this.last = 0;
      this.ids = [];
      do await this.list(); // as far as the photo that was looked at
      while (seen && !this.ids.includes(seen) && !this.more.hidden); // before anything is shown: nothing moves under the pointer
      this.agreement = make("div", { class: "agreement" });
      const compute = make("button", { type: "button", class: "main" }, "Compare now");
      compute.addEventListener("click", () => this.compare(compute));
      this.meteor = make("input", { type: "checkbox" });
      this.root.replaceChildren(
        this.tiles(totals),
        this.said,
        make("h2", {}, "People"),
        table(
          "People",
          ["Name", "Submitted", "Today", "Skipped", "Bad", "Time per photo"],
          people.map((one) => [
            make("bdi", {}, visible(one.annotator)),
            one.submitted, one.today, one.skipped, one.bad, time(one.seconds_per_photo),
          ].map((cell) => (cell instanceof Node ? cell : String(cell)))),
        ),
        make("h2", {}, "Photos"),
        photos,
        this.more,
        make("h2", {}, "Agreement"),
        make("div", { class: "row" }, compute, make("label", { class: "choice note" }, this.meteor, "METEOR too (needs Java, takes a while)")),
        this.agreement,
        this.files.root,
      );
      if (seen) this.photos.children[this.ids.indexOf(seen)]?.scrollIntoView({ block: "center" });
    } catch (refusal) {
      this.said.textContent = refusal.message;
      this.root.append(this.said);
    }
  }

  tiles(totals) {
    const tile = (number, what) => make("div", { class: "tile" }, make("strong", {}, number), make("span", {}, what));
    return make(
      "div",
      { class: "tiles" },
      tile(`${totals.complete} / ${totals.photos}`, "photos complete"),
      tile(`${totals.submissions} / ${totals.wanted}`, "submissions"),
      tile(percent(totals.wanted ? totals.submissions / totals.wanted : null), "done"),
    );
  }

  photoTable(wanted) {
    this.wanted = wanted;
    const heads = ["Photo", "Submitted", "In hand", "Skipped", "Bad", "Time per person"];
    const shown = table("Photos", heads, []);
    this.photos = shown.querySelector("tbody");
    return shown;
  }

  async list() {
    const lines = await get(`projects/${this.project.id}/photos?after=${this.last}`);
    for (const line of lines) {
      const open = make("button", { type: "button", class: "link" }, visible(line.photo.name));
      open.addEventListener("click", () => this.open(line.photo.id));
      const cells = [`${line.submitted} / ${this.wanted}`, line.open, line.skipped, line.bad, time(line.seconds_per_person)];
      this.photos.append(
        make("tr", {}, make("td", {}, open), ...cells.map((cell) => make("td", {}, String(cell)))),
      );
      this.last = line.photo.id;
      this.ids.push(line.photo.id);
    }
    this.more.hidden = lines.length < 50;
  }

  async open(id) {
    try {
      const { photo, works } = await get(`photos/${id}/works`);
      const overlay = new Overlay(photo, works, {
        close: () => this.fill(id),
        again: () => this.open(id),
        step: (by) => this.step(id, by),
        correct: (work) => this.correct(photo, work),
      });
      this.root.replaceChildren(overlay.root);
      overlay.root.scrollIntoView({ block: "nearest" });
      overlay.root.addEventListener("keydown", (event) => {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        if (by && !event.target.matches("input, select, textarea")) this.step(id, by);
      });
      overlay.root.tabIndex = -1;
      overlay.root.focus({ preventScroll: true });
    } catch (refusal) {
      this.said.textContent = refusal.message;
      this.root.prepend(this.said);
    }
  }

  // To the photo before or after in the list, which is read on where it ends.
  async step(id, by) {
    const at = this.ids.indexOf(id) + by;
    if (at >= this.ids.length && !this.more.hidden) await this.list();
    if (this.ids[at]) await this.open(this.ids[at]);
  }

  // An owner's boxes in place of the author's; what was there stays in the history.
  correct(photo, { assignment, version, annotations }) {
    const task = { assignment, photo, version, state: "submitted", content: { annotations, seconds: 0 }, suggestions: [], returned: "" };
    const over = () => {
      editor.stop();
      this.open(photo.id);
    };
    const editor = new Editor({ me: this.me, project: this.project, task, first: false, note: "", done: over, correcting: true });
    const back = make("button", { type: "button" }, "← Leave it as it was");
    back.addEventListener("click", over);
    this.root.replaceChildren(make("div", { class: "row" }, back), editor.root);
  }

  async compare(button) {
    button.disabled = true;
    this.agreement.replaceChildren(make("p", { class: "note", role: "status" }, "Comparing …"));
    try {
      const found = await get(`projects/${this.project.id}/agreement?meteor=${this.meteor.checked}`);
      this.agreement.replaceChildren(...this.figures(found));
    } catch (refusal) {
      this.agreement.replaceChildren(make("p", { class: "said", role: "alert" }, refusal.message));
    } finally {
      button.disabled = false;
    }
  }

  figures({ agreement: { overall, snippets }, statistics, figures }) {
    const numbers = [
      ["Pairs of submissions", overall.pairs],
      ["Mean IoU of matched boxes", fixed(overall.mean_iou)],
      ["Boxes with a partner at IoU 0.5", percent(overall.share_at_threshold)],
      ["Snippets compared", snippets.compared],
      ["Snippets in all", statistics.snippets],
      ["CIDEr, times 100", fixed(snippets.cider, 1)],
      ["Words per snippet", fixed(statistics.words?.mean, 1)],
      ["Box, share of its photo", percent(statistics.area_share?.mean)],
      ["Drawn / suggested / changed", ["drawn", "accepted", "edited"].map((how) => statistics.provenance[how] ?? 0).join(" / ")],
    ];
    const parts = [
      make("dl", { class: "numbers" }, ...numbers.map(([what, number]) =>
        make("div", {}, make("dt", {}, what), make("dd", {}, String(number))))),
    ];
    const common = statistics.commonest.slice(0, 10);
    if (common.length) {
      parts.push(
        make("p", { class: "common" }, "Commonest: ", ...common.flatMap(([words, times]) =>
          [make("span", { class: "word" }, visible(words)), ` ${times}   `])),
      );
    }
    if (figures.people) parts.push(new Plot("Who agrees with whom", "Share of the two people's boxes that have a partner at IoU 0.5.", figures.people).root);
    if (figures.photos) parts.push(new Plot("Photos by agreement", "Mean IoU of each photo's matched boxes.", figures.photos).root);
    if (figures.snippets) parts.push(new Plot("Snippets: the human ceiling", "Each person's snippet scored against the others' of the same thing.", figures.snippets).root);
    else parts.push(make("p", { class: "note" }, "No two people have described the same thing yet."));
    return parts;
  }
}
