// What an owner takes away and brings in.

import { make } from "../../../web/static/dom.js";
import { address, get, sendFile } from "./requests.js";
import { bounded, limits } from "./limits.js";

const FAULTS = [
  ["refuse", "a box that cannot be stored: refuse the file"],
  ["clip", "cut such boxes to the photo"],
  ["skip", "leave such boxes out"],
];

export class Files {
  constructor(project, renewed) {
    Object.assign(this, { project, renewed });
    this.said = make("p", { role: "status" });
    const called = "Name of the new project";
    const field = make("input", { type: "text", required: true, "aria-label": called, placeholder: called });
    const name = bounded(field, limits.name);
    const form = make("select", { "aria-label": "Format of the file" }, make("option", { value: "any" }, "told by what is in it"));
    const faults = make("select", { "aria-label": "Boxes that cannot be stored" }, ...FAULTS.map(([value, text]) => make("option", { value }, text)));
    this.report = make("p", { hidden: true });
    const whole = this.form("Import a project", [name, form, faults], (file) =>
      sendFile(`import/project?${new URLSearchParams({ form: form.value, name: name.value, faults: faults.value })}`, file).then((made) => {
        if (!made.faults) this.renewed();
        else this.tellFaults(made);
        return `Imported: ${made.name}.`;
      }));
    const parts = [this.said, this.report, make("h3", {}, "Import"), whole];
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
      for (const { name, title, written } of await get("formats")) {
        choice.append(make("option", { value: name }, title));
        if (!written) continue;
        const href = this.project && address(`projects/${this.project.id}/export/${name}`);
        const link = make("a", { class: "button", href, download: "", "data-format": name }, title);
        link.addEventListener("click", () => this.tellWhatIsIn(name));
        this.links?.append(link);
      }
    } catch (refusal) {
      this.tell(refusal.message, true);
    }
  }

  // What a file of this format holds of the project, and what it has no place for.
  async tellWhatIsIn(format) {
    try {
      const all = await get(`projects/${this.project.id}/exports`);
      const { title, holds, left_out: left } = all.find(({ name }) => name === format);
      this.tell(`${title}: ${holds}.${left ? ` Left out, as it has no place for it: ${left}.` : ""}`, false);
    } catch (refusal) {
      this.tell(refusal.message, true);
    }
  }

  // What was clipped or left out, as a file to keep.
  tellFaults({ faults, report, name }) {
    const href = URL.createObjectURL(new Blob([report], { type: "text/csv" }));
    const link = make("a", { class: "button", href, download: `${name}.faults.csv` }, `Report of ${faults} faults`);
    const on = make("button", { type: "button" }, "Show the project");
    on.addEventListener("click", () => this.renewed());
    this.report.replaceChildren(link, " ", on);
    this.report.hidden = false;
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
