// The page: who you are, which project, then photo after photo; for owners also the review.

import { component } from "../../../web/static/component.js";
import { make, visible } from "../../../web/static/dom.js";
import { get, post } from "./requests.js";
import { askPasswords } from "./dialogs.js";
import { beginning, choices, ended } from "./project_choice.js";
import { Editor } from "./editor.js";
import { Administration } from "./administration.js";
import { tellLimits } from "./limits.js";
import { MyPhotos } from "./my_photos.js";
import { People } from "./people.js";
import { Review } from "./review.js";
import { signIn } from "./sign_in.js";

const midnight = () => new Date(new Date().setHours(0, 0, 0, 0)).toISOString();
const remembered = (who) => `annotate project: ${who}`;

class Page {
  constructor(root) {
    this.root = root;
    this.start();
  }

  async start() {
    try {
      this.me = await get("me");
      if (this.me.name === null) await this.enter();
      else await this.open();
    } catch (refusal) {
      this.stuck(refusal);
    }
  }

  stuck(refusal) {
    const again = make("button", { type: "button" }, "Try again");
    again.addEventListener("click", () => this.start());
    this.root.replaceChildren(make("p", { class: "message", role: "alert" }, refusal.message), again);
  }

  async enter() {
    this.me = await signIn(this.root, this.me.open);
    await this.open();
  }

  async open() {
    this.projects = await get(`projects?day=${encodeURIComponent(midnight())}`);
    const last = Number(this.recall());
    const only = this.projects.length === 1 ? this.projects[0] : null;
    this.project = this.projects.find(({ id }) => id === last) ?? only;
    this.build();
    // An owner looks first: to draw is to take a photo from somebody.
    if (this.me.owner && !this.projects.length) await this.show("administration");
    else if (this.me.owner && this.project) await this.show("review");
    else await this.show(this.project ? "work" : "choose");
  }

  recall() {
    try {
      return localStorage.getItem(remembered(this.me.name));
    } catch {
      return null; // a browser that keeps nothing asks each time
    }
  }

  remember(project) {
    this.project = project;
    this.choice.value = project.id;
    this.choice.hidden = false;
    try {
      localStorage.setItem(remembered(this.me.name), project.id);
    } catch {
      // It is asked again in the next tab.
    }
  }

  build() {
    this.choice = make("select", { "aria-label": "Project", hidden: !this.project });
    for (const { id, name } of this.projects) this.choice.append(make("option", { value: id }, visible(name)));
    this.choice.value = this.project?.id ?? "";
    this.choice.addEventListener("change", () => this.turn(Number(this.choice.value)));
    const tab = (name, label) => {
      const button = make("button", { type: "button", role: "tab", "data-tab": name }, label);
      button.addEventListener("click", () => this.show(name));
      return button;
    };
    this.tabs = this.me.owner
      ? [tab("work", "Draw"), tab("review", "Review"), tab("administration", "Projects"), tab("people", "People")]
      : [tab("work", "Draw"), tab("mine", "My photos")];
    this.far = make("p", { class: "far" });
    const leave = make("button", { type: "button", class: "quiet" }, "Sign out");
    leave.addEventListener("click", () => this.leave());
    const secret = make("button", { type: "button", class: "quiet" }, "Password");
    secret.hidden = this.me.open && !this.me.owner; // only a name
    secret.addEventListener("click", () => this.password());
    this.body = make("div", { class: "body" });
    this.root.replaceChildren(
      make(
        "header",
        { class: "bar" },
        this.choice,
        make("div", { role: "tablist", class: "tabs", hidden: !this.tabs.length }, ...this.tabs),
        this.far,
        make("span", { class: "who" }, visible(this.me.name)),
        secret,
        leave,
      ),
      this.body,
    );
  }

  async turn(id) {
    this.remember(this.projects.find((project) => project.id === id));
    await this.show(["review", "administration", "mine"].includes(this.shown) ? this.shown : "work");
  }

  async show(name) {
    this.turns = (this.turns ?? 0) + 1;
    await this.dismiss();
    this.shown = name;
    for (const tab of this.tabs) tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
    this.far.textContent = "";
    if (name === "choose" || (["work", "mine"].includes(name) && !this.project)) this.body.replaceChildren(this.chooser());
    else if (name === "review") {
      this.body.replaceChildren(new Review(this.project, this.me, () => this.start()).root);
    } else if (name === "administration") {
      this.body.replaceChildren(new Administration(this.projects, this.project, (id) => this.kept(id)).root);
    } else if (name === "mine") {
      this.body.replaceChildren(new MyPhotos(this.project).root);
    } else if (name === "people") {
      this.body.replaceChildren(new People(this.me, this.projects).root);
    } else await this.next(false);
  }

  // Projects were made or changed: this one is shown (an id), or all.
  async kept(id) {
    this.projects = await get(`projects?day=${encodeURIComponent(midnight())}`);
    this.project = this.projects.find((project) => project.id === id) ?? null;
    this.build();
    if (this.project) this.remember(this.project);
    await this.show("administration");
  }

  // What was made on the photo in hand is saved before something else is shown.
  async dismiss() {
    const { editor } = this;
    this.editor = null;
    await editor?.leave();
  }

  chooser() {
    if (!this.projects.length) return make("p", {}, "There is no project to work on yet.");
    return choices(this.projects, (project) => {
      this.remember(project);
      this.next(true);
    });
  }

  // The photo in hand, or, if asked, a new one: to look at a project takes a photo from nobody.
  async next(take) {
    const turn = (this.turns = (this.turns ?? 0) + 1);
    this.shown = "work";
    for (const tab of this.tabs) tab.setAttribute("aria-selected", String(tab.dataset.tab === "work"));
    try {
      const { task, mine } = await post("next", { project: this.project.id, day: midnight(), take });
      if (turn !== this.turns || this.shown !== "work") return; // something else was asked for since
      this.tellHowFar({ ...mine, left: mine.left + (task ? 1 : 0) });
      this.editor?.stop();
      this.editor = null;
      if (!task) {
        const end = take ? ended(this.note, mine, () => this.next(true)) : beginning(this.project, mine, () => this.next(true));
        this.body.replaceChildren(...end);
        return;
      }
      const { me, project, note } = this;
      const done = (what, photo) => this.over(what, photo);
      this.note = "";
      this.editor = new Editor({ me, project, task, first: !mine.done, note, done });
      this.body.replaceChildren(this.editor.root);
      this.editor.canvas.focus(null);
    } catch (refusal) {
      if (refusal.kind === "nobody") await this.start();
      else this.stuck(refusal);
    }
  }

  over(what, photo) {
    const word = { submit: "Submitted", skip: "Skipped" }[what];
    this.note = word ? `${word}: ${visible(photo.name)}` : "";
    this.next(true);
  }

  tellHowFar({ done, today, left, seconds_per_photo: seconds }) {
    const parts = [`${left} left to do`, `${today} done today`, `${done} in all`];
    if (done) parts.push(`${Math.round(seconds)} s per photo`);
    this.far.textContent = parts.join(" · ");
  }

  async password() {
    const words = await askPasswords(this.root);
    if (!words) return;
    if (words.everywhere) {
      await this.leave(true);
      return;
    }
    try {
      await post("password", words);
      this.far.textContent = "Your password is changed.";
    } catch (refusal) {
      this.far.textContent = refusal.message;
    }
  }

  async leave(everywhere = false) {
    await this.dismiss();
    await post("leave", { everywhere }).catch(() => {});
    if (this.me.open) await this.start();
    else location.reload(); // to the choice of a project
  }
}

export const mount = component("annotate", [], (root, { props }) => {
  tellLimits(props.limits);
  new Page(root);
});
