// An owner corrects submitted work: the same editor, whose saver keeps nothing until it is sent.

import { post } from "./requests.js";

export class Correction {
  // What saver.js's Saver does, as far as the editor asks for it.
  constructor({ assignment, version, say }) {
    Object.assign(this, { assignment, version });
    this.dirty = false;
    queueMicrotask(() => say("saved", "Nothing is changed until you press Submit.")); // once it is laid out
  }

  kept() {
    return null;
  }

  keep() {}

  change() {
    this.dirty = true;
  }

  async save() {}

  async finish(what, { annotations }) {
    await post(`tasks/${this.assignment}/correct`, { annotations, base: this.version });
    this.dirty = false;
  }

  accept(version) {
    this.version = version;
  }

  forget() {
    this.dirty = false;
  }

  resume(version) {
    this.version = version;
  }

  stop() {}
}
