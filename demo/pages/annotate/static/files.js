// What an owner takes away and brings in.

import { make } from "../../../web/static/dom.js";
import { address, look, sendFile } from "./ask.js";
import { limits } from "./limits.js";

export class Files {
  constructor(project, renewed) {
    Object.assign(this, { project, renewed });
    this.said = make("p", { role: "status" });
    const name = make("input", { type: "text", maxlength: limits.name, required: true, "aria-label": "Name of the new project", placeholder: "Name of the new project" });
    const form = make("select", { "aria-label": "Format of the file" });
    const whole = this.form("Import a project", [name, form], (file) =>
      sendFile(`import/project?${new URLSearchParams({ form: form.value, name: name.value })}`, file).then((made) => {
        this.renewed();
        return `Imported: ${made.name}.`;
      }));
    const parts = [this.said, make("h3", {}, "Import"), whole];
    if (project) {
      const suggestions = this.form("Import suggestions", [], (file) =>
        sendFile(`import/suggestions/${project.id}`, file).then(({ suggestions: many }) => `${many} suggestions are in.`));
      this.links = make("div", { class: "row" });
      parts.unshift(make("h3", {}, "Export"), this.links);
      parts.push(suggestions);
    }
    this.root = make("section", { class: "files" }, make("h2", {}, "Files"), ...parts);
    this.offer(form);
  }

  // The formats that the server knows.
  async offer(choice) {
    try {
      for (const { name, title } of await look("formats")) {
        choice.append(make("option", { value: name }, title));
        const href = this.project && address(`projects/${this.project.id}/export/${name}`);
        this.links?.append(make("a", { class: "button", href, download: "" }, title));
      }
    } catch (refusal) {
      this.tell(refusal.message, true);
    }
  }

  form(label, fields, send) {
    const file = make("input", { type: "file", required: true, "aria-label": `${label}: the file` });
    const form = make("form", { class: "row" }, ...fields, file, make("button", {}, label));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      this.tell("Reading …", false);
      try {
        this.tell(await send(file.files[0]), false);
        form.reset();
      } catch (refusal) {
        this.tell(refusal.message, true);
      }
    });
    return form;
  }

  tell(sentence, wrong) {
    this.said.textContent = sentence;
    this.said.className = wrong ? "said" : "";
  }
}
