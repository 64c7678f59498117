// Keeps a draft on the server: a moment after each change, again and again when that fails, and in
// this browser until the server has it. One request at a time; each carries the version it was made
// from and a key, so that a repeated one changes nothing.

import { Refusal, identity, post } from "./requests.js";

const PAUSE = 600; // ms without a change before a save
const RETRY = [1000, 2000, 4000, 8000, 15000]; // ms between tries

const name = (who, assignment) => `annotate draft: ${who}: ${assignment}`;

export class Saver {
  // content(): what is to be saved; say(state, sentence): "saved", "saving", "waiting", "refused",
  // "signed-out"; refused(Refusal): somebody else's version, a final photo and the like.
  constructor({ who, assignment, version, content, say, refused }) {
    Object.assign(this, { assignment, version, content, say, refused });
    this.name = name(who, assignment);
    this.dirty = this.halted = false;
    this.tries = 0;
    this.leaving = () => this.flushOnLeave();
    this.asking = (event) => this.endangered && event.preventDefault();
    window.addEventListener("pagehide", this.leaving);
    window.addEventListener("beforeunload", this.asking);
    this.online = () => {
      if (this.waiting) this.waiting(true);
      else if (this.dirty) this.soon(0);
    };
    window.addEventListener("online", this.online);
  }

  // Whether leaving now would leave something behind: what the server did not take, or a submission
  // under way. A change of this moment is sent on leaving; who signs in again finds it here.
  get endangered() {
    return Boolean(this.waiting) || (this.dirty && this.failing && this.failing !== "nobody");
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
    this.waiting?.(false); // a submission that did not arrive was of other content
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
    if (!this.dirty || this.halted || this.running || this.stopped) return this.running;
    this.key ??= identity();
    const key = this.key;
    this.running = this.send("save", { ...this.content(), base: this.version, key });
    try {
      const { version } = await this.running;
      this.version = version;
      this.tries = 0;
      this.failing = null;
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
    this.failing = refusal.kind;
    if (!refusal.passing) {
      this.halted = !refusal.mendable; // the next change may mend it
      this.tries = 1; // until then nothing is tried again
      this.say("refused", `Not saved: ${refusal.message}`);
      this.refused(refusal);
      return;
    }
    const wait = RETRY[Math.min(this.tries, RETRY.length - 1)];
    this.tries += 1;
    const state = refusal.kind === "nobody" ? "signed-out" : "waiting";
    this.say(state, `Not saved: ${refusal.message} It stays in this browser; trying again …`);
    this.soon(wait);
  }

  send(what, body, settings) {
    return post(`tasks/${this.assignment}/${what}`, body, settings);
  }

  // Go on after a refusal, from the version that the server has now.
  resume(version) {
    this.version = version;
    this.halted = false;
    this.key = null;
    this.save();
  }

  // Submit or skip: after a save under way; the key stays until an answer came. Without an answer it
  // is sent again and again, which told(Refusal) is told, until one comes or a change takes the wish
  // back (Refusal "withdrawn").
  async finish(what, body, told = () => {}) {
    clearTimeout(this.timer);
    await this.running?.catch(() => {});
    if (this.finishing?.what !== what) this.finishing = { what, key: identity() };
    this.halted = true; // no save may come after it
    try {
      for (let tries = 0; ; tries += 1) {
        try {
          const answer = await this.send(what, { ...body, base: this.version, key: this.finishing.key });
          this.dirty = false;
          this.keep();
          return answer;
        } catch (refusal) {
          if (!refusal.passing || refusal.kind === "nobody") throw refusal;
          told(refusal);
          if (!(await this.patience(RETRY[Math.min(tries, RETRY.length - 1)]))) {
            this.finishing = null; // another content, another wish
            throw new Refusal("What was changed since is not submitted yet.", "withdrawn");
          }
        }
      }
    } catch (refusal) {
      this.halted = !refusal.passing && !refusal.mendable && refusal.kind !== "withdrawn";
      if (!this.halted && this.dirty) this.soon(PAUSE);
      throw refusal;
    }
  }

  // A while, or until the network is back -> true; false as soon as something is changed.
  patience(wait) {
    return new Promise((resolve) => {
      this.waiting = (still) => {
        clearTimeout(this.timer);
        this.waiting = null;
        resolve(still);
      };
      this.timer = setTimeout(() => this.waiting?.(true), wait);
    });
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
    this.failing = null;
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
    this.stopped = true;
    clearTimeout(this.timer);
    this.waiting?.(false);
    this.halted = true;
    window.removeEventListener("pagehide", this.leaving);
    window.removeEventListener("beforeunload", this.asking);
    window.removeEventListener("online", this.online);
  }
}
