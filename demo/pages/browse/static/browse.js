// The Browse page: a grid of the set's photos, or one of them opened. The address is the view.

import { component } from "../../../web/static/component.js";
import { make } from "../../../web/static/dom.js";
import { Grid } from "./browse_grid.js";
import { OpenPhoto } from "./browse_photo.js";
import { LISTING, Questions, ask } from "../../../grounding_set/static/grounding_set.js";
import { follow, readAddress, writeAddress } from "../../../web/static/address.js";

const VIEW = ["photo", "sentence", "text", "beta", "region"];
const some = (values, names) =>
  Object.fromEntries(names.filter((name) => values[name]).map((name) => [name, values[name]]));

class Browse {
  constructor(root) {
    this.root = root;
    this.questions = new Questions();
    this.message = make("p", { class: "message", role: "alert", hidden: true });
    this.listing = {};
    this.offset = 0;
    this.view = {};
    document.addEventListener("keydown", (event) => this.key(event));
    this.start();
  }

  async start() {
    try {
      this.about = await ask("about");
    } catch (error) {
      this.root.replaceChildren(this.message);
      return this.say(error.message);
    }
    this.grid = new Grid(this.about, {
      list: (listing, offset) => this.list(listing, offset, true),
      open: (photo) => this.open({ photo }, true),
    });
    this.photo = new OpenPhoto(this.about, {
      open: (view, push) => this.open(view, push),
      changed: (view) => this.keep(view),
      random: () => this.random(),
      close: () => this.list(this.listing, this.offset, true),
      say: (text) => this.say(text),
    });
    this.root.replaceChildren(this.message, this.grid.root, this.photo.root);
    follow(this.root, "browse", { read: (values) => this.read(values), show: () => this.write() });
    const values = readAddress();
    this.read(values.tab === "browse" ? values : {});
  }

  // An address's values, or none for the first page.
  read(values) {
    this.listing = some(values, LISTING);
    this.offset = Number(values.offset) || 0;
    if (values.photo) this.open(some(values, VIEW), false);
    else this.list(this.listing, this.offset, false);
  }

  write(push = false) {
    if (!this.root.getClientRects().length) return;
    const offset = this.offset || "";
    writeAddress("browse", { ...this.view, ...this.listing, offset }, push);
  }

  say(text) {
    this.message.textContent = text;
    this.message.hidden = !text;
  }

  // -> what the server says; null where a newer question ended this one, false where it refused.
  async answer(name, values) {
    try {
      const said = await this.questions.ask(name, values);
      if (said) this.say("");
      return said;
    } catch (error) {
      this.say(error.message);
      return false;
    }
  }

  async list(listing, offset, push) {
    this.root.classList.add("waiting");
    const count = this.grid.count;
    const page = await this.answer("list", { ...listing, offset, count });
    this.root.classList.remove("waiting");
    if (!page) return;
    [this.listing, this.offset, this.view] = [listing, offset, {}];
    this.photo.root.hidden = true;
    this.grid.root.hidden = false;
    this.grid.show(page, listing);
    this.write(push);
  }

  async open(view, push) {
    this.root.classList.add("waiting");
    const opened = await this.answer("open", { ...this.listing, ...view });
    this.root.classList.remove("waiting");
    if (!opened) {
      if (opened === null || push) return; // overtaken; or what was there stays, and why is said
      const why = this.message.textContent;
      await this.list(this.listing, 0, false);
      return this.say(why);
    }
    this.offset = Math.floor(opened.place / this.grid.count) * this.grid.count;
    this.grid.root.hidden = true;
    this.photo.root.hidden = false;
    this.view = this.photo.show(opened, view);
    this.write(push);
  }

  // The opened photo changed what it shows of itself: the address follows.
  keep(view) {
    this.view = view;
    this.write();
  }

  async random() {
    const chosen = await this.answer("random", { ...this.listing, photo: this.view.photo });
    if (chosen) this.open({ photo: chosen.photo }, true);
  }

  key(event) {
    const busy = event.target.closest?.("input, textarea, select, [role='tab'], [contenteditable]");
    if (!this.grid || !this.root.getClientRects().length || event.defaultPrevented || busy) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const shown = this.photo.root.hidden ? this.grid : this.photo;
    if (event.key === "ArrowRight") shown.next();
    else if (event.key === "ArrowLeft") shown.previous();
    else if (event.key === "r") this.random();
    else if (event.key === "/") this.toFilter();
    else if (event.key === "Escape" && shown === this.photo && !event.target.closest(".viewer")) {
      this.list(this.listing, this.offset, true);
    } else return;
    event.preventDefault();
  }

  async toFilter() {
    if (this.grid.root.hidden) await this.list(this.listing, this.offset, true);
    this.grid.words.focus();
  }
}

export const mount = component("browse", [], (root) => {
  new Browse(root);
});
