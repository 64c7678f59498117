// One photo in one person's hands: the canvas, the lines to type in, keys, undo, saving.
//
// All that changes goes through the draft; the draft says so, and everything is shown anew.

import { make, visible } from "../../../web/static/dom.js";
import { get, post } from "./requests.js";
import { Canvas } from "./canvas.js";
import { askReason, askStale, listKeys, tellEnd } from "./dialogs.js";
import { Draft } from "./draft.js";
import { Correction } from "./correction.js";
import { command } from "./keys.js";
import { layout } from "./layout.js";
import { othersWork } from "./others.js";
import { Remarks } from "./remarks.js";
import { Saver } from "./saver.js";
import { BoxList } from "./box_list.js";
import { Stopwatch } from "./stopwatch.js";

const STEP = 8; // screen pixels an arrow key moves; 1 with Ctrl
const CLOSER = 1.4;

const plain = (regions) =>
  regions.map(({ id, box, snippet, provenance, seconds }) => ({ id, box, snippet, provenance, seconds }));
const print = (regions) =>
  JSON.stringify(plain(regions).map(({ id, box, snippet, provenance }) => [id, box, snippet, provenance]));
const count = (number, what) => `${number} ${what}${number === 1 ? "" : what.endsWith("x") ? "es" : "s"}`;

export class Editor {
  // first: nothing was submitted yet, so the guidelines are open; note: what became of the photo
  // before; done(what, photo): this photo is over, whatever way
  // correcting: an owner changes another's submitted work
  constructor({ me, project, task, first, note, done, correcting = false }) {
    Object.assign(this, { me, project, task, done });
    const { photo } = task;
    const most = correcting ? Math.max(task.content.annotations.length, 1) : project.settings.boxes_per_photo;
    this.selected = null;
    this.insisted = false;
    this.watch = new Stopwatch(task.content.seconds);
    this.draft = new Draft(photo.width, photo.height, most, () => this.changed());
    this.draft.load(task.content.annotations);
    this.canvas = new Canvas(photo, `photos/${photo.id}`, this.wishes());
    this.boxList = new BoxList(most, this.wishes());
    const Keeper = correcting ? Correction : Saver;
    this.correcting = correcting;
    this.saver = new Keeper({
      who: me.name,
      assignment: task.assignment,
      version: task.version,
      content: () => this.content(),
      say: (state, sentence) => this.saying(state, sentence),
      refused: (refusal) => this.refused(refusal),
    });
    const { guidelines, blind } = project.settings;
    const others = blind || me.owner ? [] : [this.others()];
    const run = (name) => this.run([name]);
    const parts = { canvas: this.canvas, boxList: this.boxList, photo, guidelines, first, note, others, run };
    const place = (id) => this.draft.regions.findIndex((region) => region.id === id) + 1;
    this.remarks = task.version || correcting ? new Remarks(task.assignment, place) : null;
    Object.assign(this, layout({ ...parts, returned: task.returned, remarks: this.remarks }));
    if (correcting) this.skipping.hidden = true;
    this.keydown = (event) => this.key(event);
    document.addEventListener("keydown", this.keydown);
    document.addEventListener("keyup", this.keydown);
    this.show();
    this.recover();
  }

  others() {
    return othersWork(this.task.photo.id, (box) => this.canvas.ghost(box));
  }

  wishes() {
    return {
      mayDraw: () => this.mayDraw(),
      draw: (box) => this.add(box, true),
      select: (id, focus) => this.select(id, focus),
      move: (region, edges, dx, dy, word) => this.drag(region, edges, dx, dy, word),
      settle: () => {
        this.draft.settle();
        this.canvas.focus(this.selected);
      },
      cancel: () => this.draft.undo(),
      choose: (suggestion) => this.take(suggestion),
      type: (id, snippet) => this.draft.change(id, { snippet }, this.watch.seconds, `type ${id}`),
      remove: (id) => this.remove(id),
      next: (id) => this.next(id),
      seen: () => this.submitting && this.show(), // the parts are laid out
    };
  }

  content() {
    return { annotations: plain(this.draft.regions), seconds: this.watch.seconds };
  }

  changed() {
    this.say(""); // it was about how things were before
    this.show();
    this.saver.change();
    if (this.undecided) this.refused(this.undecided);
  }

  show() {
    const { regions, missing } = this.draft;
    if (!this.draft.find(this.selected)) this.selected = null;
    const taken = new Set(regions.map(({ box, snippet }) => JSON.stringify([box, snippet])));
    const open = this.task.suggestions.filter(
      ({ box, snippet }) => !taken.has(JSON.stringify([this.draft.inside(box), snippet])),
    );
    this.canvas.show(regions, this.selected, this.draft.full ? [] : open);
    this.boxList.show(regions, this.selected, missing, this.insisted);
    this.remarks?.about(regions.map(({ id }) => id));
    this.undoing.disabled = !this.draft.past.length;
    this.redoing.disabled = !this.draft.future.length;
    const wanted = [];
    if (missing.boxes > 0) wanted.push(`${count(missing.boxes, "box")} to draw`);
    if (missing.snippets.length) wanted.push(`${count(missing.snippets.length, "text")} to type`);
    if (missing.long.length) wanted.push(`${count(missing.long.length, "text")} to shorten`);
    const complete = !wanted.length && this.canvas.state === "shown";
    this.missing.textContent = wanted.length ? `Missing: ${wanted.join(", ")}` : "Complete: ready to submit";
    if (this.canvas.state === "failed") this.missing.textContent = "The photo is not shown, so it cannot be described.";
    this.missing.classList.toggle("complete", complete);
    this.submitting.disabled = Boolean(this.busy) || this.canvas.state !== "shown";
    this.showOffers(open);
  }

  showOffers(open) {
    this.offers.hidden = !open.length;
    const held = this.offers.contains(document.activeElement);
    this.offers.replaceChildren(
      make("h3", {}, "Suggested by a model"),
      ...open.map((suggestion) => {
        const use = make("button", { type: "button", disabled: this.draft.full }, visible(suggestion.snippet));
        use.addEventListener("click", () => this.take(suggestion));
        return use;
      }),
    );
    if (held) this.offers.querySelector("button")?.focus();
  }

  say(sentence) {
    this.said.textContent = sentence;
  }

  saying(state, sentence) {
    this.saved.textContent = sentence;
    this.saved.className = `saved ${state}`;
    this.again.hidden = state !== "signed-out";
  }

  mayDraw() {
    if (this.canvas.state !== "shown") {
      this.say(this.canvas.state === "failed" ? "The photo is not shown: nothing can be drawn on it." : "The photo is still loading.");
      return false;
    }
    if (!this.draft.full) return true;
    this.say(`All ${count(this.draft.most, "box")} are drawn. Change one, or delete one first.`);
    return false;
  }

  add(box, typing, more = {}) {
    if (!this.mayDraw()) return;
    this.selected = this.draft.add(box, this.watch.seconds, more);
    this.show();
    if (typing) this.boxList.focus(this.selected);
    else this.canvas.focus(this.selected);
  }

  take({ box, snippet }) {
    this.add(box, true, { snippet, provenance: "accepted" });
  }

  select(id, focus) {
    if (this.selected !== id) {
      this.selected = id;
      this.draft.settle();
      if (id) this.canvas.view.reveal(this.draft.find(id).box);
      this.show();
    }
    if (focus) this.canvas.focus(id);
  }

  drag({ id, box }, edges, dx, dy, word) {
    const to = edges ? this.draft.resized(box, edges, dx, dy) : this.draft.moved(box, dx, dy);
    this.draft.change(id, { box: to }, this.watch.seconds, word);
  }

  remove(id) {
    const place = this.draft.regions.findIndex((region) => region.id === id);
    if (place < 0) return;
    this.draft.remove(id);
    this.say(`Box ${place + 1} deleted; Ctrl+Z brings it back.`);
    this.canvas.focus(null);
  }

  // Enter in a line: on to what is missing.
  next(id) {
    const { boxes, snippets } = this.draft.missing;
    if (snippets.includes(id)) this.say("Type what this box shows; the box can still be deleted.");
    else if (snippets.length) this.boxList.focus(snippets[0]);
    else if (boxes > 0) {
      this.say("");
      this.select(null, true);
    } else this.submitting.focus();
  }

  key(event) {
    const inside = this.root.contains(event.target) || event.target === document.body;
    if (!inside || !this.root.offsetParent) return;
    if (event.key === " " && !event.target.matches("textarea, input, button, summary")) {
      this.canvas.panning = event.type === "keydown";
      event.preventDefault();
      return;
    }
    if (event.type === "keyup" || event.isComposing) return;
    const found = command(event, Boolean(this.selected));
    if (found && this.run(found) !== false) event.preventDefault();
  }

  // -> false where the key should do what it does elsewhere
  run([name, ...more]) {
    const { canvas, draft } = this;
    if (name === "undo" || name === "redo") {
      const held = document.activeElement;
      if (!draft[name]()) return;
      if (held && !held.isConnected) canvas.focus(this.selected);
    } else if (name === "add") {
      const [x1, y1, x2, y2] = canvas.view.seen;
      const between = (a, b, eighths) => a + ((b - a) * eighths) / 8;
      this.add([between(x1, x2, 3), between(y1, y2, 3), between(x1, x2, 5), between(y1, y2, 5)], false);
    } else if (name === "closer") this.zoom(CLOSER);
    else if (name === "farther") this.zoom(1 / CLOSER);
    else if (name === "whole") {
      canvas.view.whole();
      canvas.look();
    } else if (name === "arrow") return this.arrow(...more);
    else if (name === "remove" && this.selected) this.remove(this.selected);
    else if (name === "type" && this.selected) this.boxList.focus(this.selected);
    else if (name === "write") {
      this.boxList.focus(this.selected); // and the letter goes there
      return false;
    }
    else if (name === "select" && draft.regions[more[0]]) this.select(draft.regions[more[0]].id, true);
    else if (name === "back") this.back();
    else if (name === "submit") this.submit();
    else if (name === "skip") this.skip();
    else if (name === "help") listKeys(this.root);
    else return false;
  }

  zoom(factor) {
    const box = this.draft.find(this.selected)?.box;
    if (box) this.canvas.view.by(factor, (box[0] + box[2]) / 2, (box[1] + box[3]) / 2);
    else this.canvas.view.by(factor);
    this.canvas.look();
  }

  arrow(dx, dy, part, fine) {
    const region = this.draft.find(this.selected);
    const { view, scale } = this.canvas;
    if (!region) {
      if (view.zoom === 1) return false;
      view.move((dx * view.wide) / 8, (dy * view.high) / 8);
      this.canvas.look();
      return true;
    }
    const step = (fine ? 1 : STEP) / scale;
    const edges = { all: null, far: dx ? "e" : "s", near: dx ? "w" : "n" }[part];
    this.drag(region, edges, dx * step, dy * step, `arrows ${region.id} ${part}`);
    view.reveal(this.draft.find(region.id).box);
    this.canvas.look();
    return true;
  }

  back() {
    if (this.canvas.drag) {
      this.canvas.lost(this.canvas.drag.screen);
      return;
    }
    const typing = document.activeElement?.matches("textarea");
    this.select(typing ? this.selected : null, true);
  }

  async submit() {
    if (this.busy || this.canvas.state !== "shown") return;
    const { boxes, snippets, long } = this.draft.missing;
    const wanting = [...snippets, ...long];
    if (boxes > 0 || wanting.length) {
      this.insisted = true;
      this.show();
      this.say(`Not submitted yet. ${this.missing.textContent}.`);
      if (wanting.length) this.boxList.focus(wanting[0]);
      else this.canvas.focus(null);
      return;
    }
    await this.finish("submit", this.content());
  }

  async skip() {
    if (this.busy) return;
    const reason = await askReason(this.root);
    if (!reason) return;
    await this.saver.save(); // what was drawn is kept for the case that the photo comes back
    await this.finish("skip", { reason });
  }

  async finish(what, body) {
    this.busy = this.submitting.disabled = this.skipping.disabled = true;
    const word = what === "submit" ? "submitted" : "skipped";
    try {
      await this.saver.finish(what, body, (refusal) =>
        this.say(`Not ${word} yet: ${refusal.message} It is sent again by itself; a change here takes that back.`),
      );
      this.done(what, this.task.photo);
    } catch (refusal) {
      if (refusal.kind === "nobody") this.saying("signed-out", refusal.message);
      if (refusal.passing || refusal.mendable || refusal.kind === "withdrawn") {
        this.say(`Not ${word}: ${refusal.message}`);
      } else await this.refused(refusal);
    } finally {
      this.busy = this.skipping.disabled = false;
      this.show();
    }
  }

  // What this browser kept from a visit that could not save.
  async recover() {
    const kept = this.saver.kept();
    if (!kept?.annotations) return;
    if (print(kept.annotations) === print(this.draft.regions)) {
      this.saver.keep();
    } else if (kept.base === this.task.version) {
      this.draft.step(kept.annotations);
      this.say("What had not reached the server is here again.");
    } else {
      const what = "changed";
      const answer = await askStale(this.root, { who: this.me.name, when: null, what }, this.me.name);
      if (answer === "mine") this.draft.step(kept.annotations);
      else if (answer === "theirs") this.saver.keep();
    }
  }

  async refused(refusal) {
    if (this.asking) return;
    this.asking = true;
    this.undecided = null;
    try {
      if (this.correcting) this.say(refusal.message);
      else if (refusal.kind === "stale") await this.choose(refusal);
      else if (!refusal.mendable) {
        await tellEnd(this.root, refusal.message);
        this.done("ended");
      }
    } finally {
      this.asking = false;
    }
  }

  async choose(refusal) {
    const answer = await askStale(this.root, refusal.answer, this.me.name);
    if (answer === "mine") {
      this.saver.resume(refusal.answer.version);
      return;
    }
    if (answer !== "theirs") {
      this.undecided = refusal;
      return;
    }
    const task = await get(`tasks/${this.task.assignment}`).catch(() => null);
    if (!task) this.undecided = refusal;
    else if (["submitted", "skipped"].includes(task.state)) {
      this.saver.forget();
      this.done("ended");
    } else {
      this.draft.step(task.content.annotations); // undo brings back what was here
      this.saver.accept(task.version);
      this.say("This is what is stored now. Undo brings back what you had here.");
    }
  }

  // Before something else is shown: what was changed is saved, and a photo on which nothing was
  // ever made is given back, so that nobody waits for its lease.
  async leave() {
    await this.saver.save();
    if (!this.correcting && !this.saver.dirty && !this.saver.version && !this.draft.regions.length) {
      await post(`tasks/${this.task.assignment}/release`).catch(() => {});
    }
    this.stop();
  }

  stop() {
    document.removeEventListener("keydown", this.keydown);
    document.removeEventListener("keyup", this.keydown);
    this.away();
    this.saver.stop();
    this.watch.stop();
    this.root.remove();
  }
}
