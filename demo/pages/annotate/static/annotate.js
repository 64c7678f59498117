// The page: who you are, which project, then photo after photo; for owners also the review.

import { component } from "../../../web/static/component.js";
import { make, visible } from "../../../web/static/dom.js";
import { look, tell } from "./ask.js";
import { askPasswords } from "./dialogs.js";
import { Editor } from "./editor.js";
import { tellLimits } from "./limits.js";
import { Review } from "./review.js";
import { signIn } from "./sign_in.js";

const midnight = () => new Date(new Date().setHours(0, 0, 0, 0)).toISOString();
const REMEMBERED = "annotate project";

class Page {
  constructor(root) {
    this.root = root;
    this.start();
  }

  async start() {
    try {
      this.me = await look("me");
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
    this.projects = await look("projects");
    const remembered = Number(sessionStorage.getItem(REMEMBERED));
    this.project = this.projects.find(({ id }) => id === remembered) ?? this.projects[0] ?? null;
    this.build();
    // An owner looks first: to draw is to take a photo from somebody.
    await this.show(this.me.owner ? "review" : this.project ? "work" : "none");
  }

  build() {
    const choice = make("select", { "aria-label": "Project" });
    for (const { id, name } of this.projects) choice.append(make("option", { value: id }, visible(name)));
    choice.value = this.project?.id ?? "";
    choice.addEventListener("change", () => this.turn(Number(choice.value)));
    const tab = (name, label) => {
      const button = make("button", { type: "button", role: "tab", "data-tab": name }, label);
      button.addEventListener("click", () => this.show(name));
      return button;
    };
    this.tabs = this.me.owner ? [tab("work", "Draw"), tab("review", "Review")] : [];
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
        choice,
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
    this.project = this.projects.find((project) => project.id === id);
    sessionStorage.setItem(REMEMBERED, id);
    await this.show(this.shown);
  }

  async show(name) {
    this.shown = name;
    this.editor?.stop();
    this.editor = null;
    for (const tab of this.tabs) tab.setAttribute("aria-selected", String(tab.dataset.tab === name));
    if (name === "none") this.body.replaceChildren(make("p", {}, "There is no project to work on yet."));
    else if (name === "review") {
      this.far.textContent = "";
      this.body.replaceChildren(new Review(this.project, this.me, () => this.start()).root);
    } else await this.next();
  }

  async next() {
    const turn = (this.turns = (this.turns ?? 0) + 1);
    try {
      const { task, mine } = await tell("next", { project: this.project.id, day: midnight() });
      if (turn !== this.turns || this.shown !== "work") return; // something else was asked for since
      this.tellHowFar({ ...mine, left: mine.left + (task ? 1 : 0) });
      this.editor?.stop();
      this.editor = null;
      if (!task) {
        const thanks = mine.done ? "That was all: thank you." : "No photo wants people now.";
        const again = make("button", { type: "button" }, "Look again");
        again.addEventListener("click", () => this.next());
        this.body.replaceChildren(make("p", { class: "end", role: "status" }, `${thanks} `), again);
        return;
      }
      const done = () => this.next();
      this.editor = new Editor({ me: this.me, project: this.project, task, first: !mine.done, done });
      this.body.replaceChildren(this.editor.root);
      this.editor.canvas.focus(null);
    } catch (refusal) {
      if (refusal.kind === "nobody") await this.start();
      else this.stuck(refusal);
    }
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
      await tell("password", words);
      this.far.textContent = "Your password is changed.";
    } catch (refusal) {
      this.far.textContent = refusal.message;
    }
  }

  async leave(everywhere = false) {
    await this.editor?.saver.save();
    this.editor?.stop();
    this.editor = null;
    await tell("leave", { everywhere }).catch(() => {});
    if (this.me.open) await this.start();
    else location.reload(); // at the door
  }
}

export const mount = component("annotate", [], (root, { props }) => {
  tellLimits(props.limits);
  new Page(root);
});
