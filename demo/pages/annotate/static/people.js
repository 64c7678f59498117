// The owner's list of people: who they are, when they were last here, new ones, invitations.

import { make, visible } from "../../../web/static/dom.js";
import { get, post } from "./requests.js";
import { button } from "./administration.js";
import { bounded, limits } from "./limits.js";
import { table } from "./tables.js";

const when = (time) => (time ? new Date(time).toLocaleString() : "–");

export class People {
  constructor(me, projects) {
    Object.assign(this, { me, projects });
    this.root = make("section", { class: "people", "aria-label": "People" });
    this.said = make("p", { class: "said", role: "alert" });
    this.told = make("div", { class: "told", role: "status" });
    this.fill();
  }

  async fill() {
    await this.act(async () => {
      const { people, invitations } = await get("people");
      this.root.replaceChildren(
        make("h2", {}, "People"),
        this.said,
        this.told,
        table("People", ["Name", "Role", "Last active", ""], people.map((one) => this.line(one))),
        make("h3", {}, "Invite somebody"),
        this.inviting(),
        ...this.invited(invitations),
        make("h3", {}, "Or make somebody with a password"),
        this.making(),
      );
    });
  }

  async act(act) {
    try {
      this.said.textContent = "";
      await act();
    } catch (refusal) {
      this.said.textContent = refusal.message;
    }
  }

  line({ name, role, disabled, has_password: secret, active }) {
    const mine = name === this.me.name;
    const change = (path, body) => () => this.act(async () => {
      const answer = await post(`people/${path}`, { name, ...body });
      if (answer.password) this.tell(answer);
      await this.fill();
    });
    const label = (text) => ({ "aria-label": `${text}: ${visible(name)}` });
    const other = role === "owner" ? "annotator" : "owner";
    const acts = mine ? [make("span", { class: "note" }, "you")] : [
      button("New password", change("password", {}), label("New password")),
      button(`Make ${other}`, change("role", { role: other }), label(`Make ${other}`)),
      button(disabled ? "Let in again" : "Disable", change("disabled", { disabled: !disabled }), label(disabled ? "Let in again" : "Disable")),
    ];
    const marks = [role, disabled && "disabled", !secret && "no password"].filter(Boolean).join(", ");
    return [make("bdi", {}, visible(name)), marks, when(active), make("div", { class: "row" }, ...acts)];
  }

  tell({ name, password }) {
    this.told.replaceChildren(
      make("p", {}, "The password of ", make("bdi", {}, visible(name)), ", shown only now: ", make("code", {}, password)),
    );
  }

  form(fields, label, send) {
    const form = make("form", { class: "row" }, ...fields, make("button", {}, label));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.act(async () => {
        await send();
        form.reset();
        await this.fill();
      });
    });
    return form;
  }

  role() {
    return make("select", { "aria-label": "Role" }, make("option", { value: "annotator" }, "annotator"), make("option", { value: "owner" }, "owner"));
  }

  inviting() {
    const note = bounded(make("input", { type: "text", "aria-label": "For whom", placeholder: "For whom (a note for you)" }), limits.name);
    const role = this.role();
    const project = make("select", { "aria-label": "Project of the invited" }, make("option", { value: "" }, "no project in particular"));
    for (const { id, name, archived } of this.projects) {
      if (!archived) project.append(make("option", { value: id }, visible(name)));
    }
    return this.form([note, role, project], "Make a link", async () => {
      const projects = project.value ? [Number(project.value)] : [];
      const { token, invitation } = await post("invitations", { note: note.value, role: role.value, projects });
      const link = new URL(`demo/pages/annotate/static/join.html#${token}`, document.baseURI).href;
      const field = make("input", { type: "text", readonly: true, value: link, "aria-label": "The invitation's link" });
      field.addEventListener("focus", () => field.select());
      const copy = button("Copy", () => navigator.clipboard?.writeText(link));
      this.told.replaceChildren(
        make("p", {}, `A link for one person, until ${when(invitation.expires)}; shown only now:`),
        make("div", { class: "row link" }, field, copy),
      );
    });
  }

  invited(invitations) {
    if (!invitations.length) return [];
    const names = new Map(this.projects.map(({ id, name }) => [id, name]));
    const rows = invitations.map(({ id, note, role, projects, expires }) => [
      make("bdi", {}, visible(note) || "–"),
      [role, ...projects.map((one) => visible(names.get(one) ?? ""))].filter(Boolean).join(", "),
      when(expires),
      button("Withdraw", () => this.act(async () => {
        await post(`invitations/${id}/withdraw`);
        await this.fill();
      })),
    ]);
    return [make("h3", {}, "Links that can still be used"), table("Invitations", ["For whom", "As", "Until", ""], rows)];
  }

  making() {
    const name = bounded(make("input", { type: "text", required: true, "aria-label": "Name of the new person", placeholder: "Name" }), limits.name);
    const role = this.role();
    return this.form([name, role], "Make", async () => {
      this.tell(await post("people", { name: name.value, role: role.value }));
    });
  }
}
