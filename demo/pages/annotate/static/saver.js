// Keeps a draft on the server: a moment after each change, again and again when that fails, and in
// this browser until the server has it. One request at a time; each carries the version it was made
// from and a key, so that a repeated one changes nothing.

import { identity, tell } from "./ask.js";

const PAUSE = 600; // ms without a change before a save
const RETRY = [1000, 2000, 4000, 8000, 15000]; // ms between tries

const name = (who, assignment) => `annotate draft: ${who}: ${assignment}`;

export class Saver {
  // content(): what is to be saved; say(state, sentence): "saved", "saving", "waiting", "refused";
  // refused(Refusal): somebody else's version, a final photo and the like.
  constructor({ who, assignment, version, content, say, refused }) {
    Object.assign(this, { assignment, version, content, say, refused });
    this.name = name(who, assignment);
    this.dirty = this.halted = false;
    this.tries = 0;
    this.leaving = () => this.flushOnLeave();
    this.asking = (event) => this.dirty && event.preventDefault();
    window.addEventListener("pagehide", this.leaving);
    window.addEventListener("beforeunload", this.asking);
    window.addEventListener("online", (this.online = () => this.dirty && this.soon(0)));
  }

  // What this browser kept because the server never got it, or null.
  kept() {
    try {
      return JSON.parse(localStorage.getItem(this.name));
    } catch {
      return null;
    }
  }

  keep() {
    try {
      if (!this.dirty) localStorage.removeItem(this.name);
      else localStorage.setItem(this.name, JSON.stringify({ base: this.version, ...this.content() }));
    } catch {
      // A browser that keeps nothing: the server still gets it.
    }
  }

  change() {
    this.dirty = true;
    this.key = null; // other content, another wish
    this.keep();
    if (!this.halted) {
      this.say("saving", "Saving …");
      this.soon(PAUSE);
    }
  }

  soon(wait) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.save(), wait);
  }

  async save() {
    clearTimeout(this.timer);
    if (!this.dirty || this.halted || this.running) return this.running;
    this.key ??= identity();
    const key = this.key;
    this.running = this.send("save", { ...this.content(), base: this.version, key });
    try {
      const { version } = await this.running;
      this.version = version;
      this.tries = 0;
      this.dirty = this.key !== key; // changed meanwhile
      this.keep();
      if (!this.dirty) this.say("saved", "Saved");
    } catch (refusal) {
      this.failed(refusal);
    } finally {
      this.running = null;
      if (this.dirty && !this.halted && !this.tries) this.soon(PAUSE);
    }
  }

  failed(refusal) {
    if (!refusal.passing) {
      this.halted = true;
      this.say("refused", `Not saved: ${refusal.message}`);
      this.refused(refusal);
      return;
    }
    const wait = RETRY[Math.min(this.tries, RETRY.length - 1)];
    this.tries += 1;
    this.say("waiting", `Not saved: ${refusal.message} It stays in this browser; trying again …`);
    this.soon(wait);
  }

  send(what, body, settings) {
    return tell(`tasks/${this.assignment}/${what}`, body, settings);
  }

  // Go on after a refusal, from the version that the server has now.
  resume(version) {
    this.version = version;
    this.halted = false;
    this.key = null;
    this.save();
  }

  // Submit or skip: after a save under way; the key stays until an answer came.
  async finish(what, body) {
    clearTimeout(this.timer);
    await this.running?.catch(() => {});
    this.finishing ??= { what, key: identity() };
    if (this.finishing.what !== what) this.finishing = { what, key: identity() };
    this.halted = true; // no save may come after it
    try {
      const answer = await this.send(what, { ...body, base: this.version, key: this.finishing.key });
      this.dirty = false;
      this.keep();
      return answer;
    } catch (refusal) {
      this.halted = !refusal.passing && refusal.kind !== "invalid";
      if (!this.halted && this.dirty) this.soon(PAUSE);
      throw refusal;
    }
  }

  // The stored version is shown: nothing of ours is left to save.
  accept(version) {
    this.version = version;
    this.halted = false;
    this.forget();
    this.say("saved", "Saved");
  }

  forget() {
    clearTimeout(this.timer);
    this.dirty = false;
    this.keep();
  }

  flushOnLeave() {
    if (!this.dirty || this.halted) return;
    const key = (this.key ??= identity());
    // A save under way will have made the next version.
    const body = { ...this.content(), base: this.version + (this.running ? 1 : 0), key };
    this.send("save", body, { keepalive: true }).catch(() => {});
  }

  stop() {
    clearTimeout(this.timer);
    this.halted = true;
    window.removeEventListener("pagehide", this.leaving);
    window.removeEventListener("beforeunload", this.asking);
    window.removeEventListener("online", this.online);
  }
}
