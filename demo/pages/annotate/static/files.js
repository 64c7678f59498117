// What an owner takes away and brings in.

import { make } from "../../../web/static/dom.js";
import { address, sendFile } from "./ask.js";

const FORMATS = [
  ["jsonl", "JSON lines (everything, exactly)"],
  ["coco", "COCO"],
  ["visual-genome", "Visual Genome"],
  ["csv", "CSV"],
  ["web-annotation", "Web Annotation"],
];

function choice(label) {
  const select = make("select", { "aria-label": label });
  for (const [value, name] of FORMATS) select.append(make("option", { value }, name));
  return select;
}

export class Files {
  constructor(project, renewed) {
    Object.assign(this, { project, renewed });
    this.said = make("p", { role: "status" });
    const name = make("input", { type: "text", maxlength: 100, required: true, "aria-label": "Name of the new project", placeholder: "Name of the new project" });
    const form = choice("Format of the file");
    const whole = this.form("Import a project", [name, form], (file) =>
      sendFile(`import/project?${new URLSearchParams({ form: form.value, name: name.value })}`, file).then((made) => {
        this.renewed();
        return `Imported: ${made.name}.`;
      }));
    const parts = [this.said, make("h3", {}, "Import"), whole];
    if (project) {
      const suggestions = this.form("Import suggestions", [], (file) =>
        sendFile(`import/suggestions/${project.id}`, file).then(({ suggestions: many }) => `${many} suggestions are in.`));
      const links = FORMATS.map(([value, label]) =>
        make("a", { class: "button", href: address(`projects/${project.id}/export/${value}`), download: "" }, label));
      parts.unshift(make("h3", {}, "Export"), make("div", { class: "row" }, ...links));
      parts.push(suggestions);
    }
    this.root = make("section", { class: "files" }, make("h2", {}, "Files"), ...parts);
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
