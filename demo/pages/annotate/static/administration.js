// The owner's own page: projects and their rules, their photos, and who works on them.

import { make, visible } from "../../../web/static/dom.js";
import { address, get, post } from "./requests.js";
import { askText, askForm } from "./dialogs.js";
import { obstacle } from "./project_choice.js";
import { bounded, limits } from "./limits.js";
import { uploads } from "./uploads.js";

const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

export function button(label, act, more = {}) {
  const node = make("button", { type: "button", ...more }, label);
  node.addEventListener("click", act);
  return node;
}

const FIELDS = [
  ["boxes_per_photo", "Boxes per photo", 1, 100],
  ["annotators_per_photo", "People per photo", 1, 10000],
  ["lease_minutes", "Minutes without a save after which a photo goes to somebody else", 1, 43200],
];
const SWITCHES = [
  ["blind", "Nobody sees the others' work"],
  ["suggestions", "People see what a model suggests"],
  ["members_only", "Only people who were put into the project work on it"],
];
const STOCK = {
  boxes_per_photo: 5, annotators_per_photo: 9, lease_minutes: 60,
  blind: true, suggestions: false, members_only: false, guidelines: "",
};

// A project's name and rules; send(rules) -> a promise; it stays open with what went wrong.
export function rulesForm({ name = "", settings = STOCK }, label, send) {
  const called = bounded(make("input", { type: "text", required: true, value: name }), limits.name);
  const numbers = FIELDS.map(([key, text, min, max]) => {
    const field = make("input", { type: "number", min, max, step: 1, required: true, value: settings[key] });
    return { key, field, row: make("label", { class: "number" }, field, text) };
  });
  const switches = SWITCHES.map(([key, text]) => {
    const field = make("input", { type: "checkbox", checked: settings[key] });
    return { key, field, row: make("label", { class: "choice" }, field, text) };
  });
  const guidelines = bounded(make("textarea", { rows: 4 }), limits.text);
  guidelines.value = settings.guidelines;
  const said = make("p", { class: "said", role: "alert" });
  const form = make(
    "form",
    { class: "rules" },
    make("label", {}, "Name", called),
    ...numbers.map(({ row }) => row),
    make("label", {}, "Guidelines, which annotators see", guidelines),
    ...switches.map(({ row }) => row),
    make("div", { class: "row" }, make("button", { class: "main" }, label)),
    said,
  );
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const rules = { name: called.value, guidelines: guidelines.value };
    for (const { key, field } of numbers) rules[key] = field.valueAsNumber;
    for (const { key, field } of switches) rules[key] = field.checked;
    said.textContent = "";
    try {
      said.textContent = (await send(rules)) ?? "";
    } catch (refusal) {
      said.textContent = refusal.message;
    }
  });
  return form;
}

export class Administration {
  // renewed(project): projects changed; the page shows this one (an id), or the list
  constructor(projects, project, renewed) {
    Object.assign(this, { projects, renewed });
    this.root = make("section", { class: "administration", "aria-label": "Projects and their rules" });
    this.said = make("p", { class: "said", role: "alert" });
    if (project) this.one(project);
    else this.list();
  }

  list() {
    const lines = this.projects.map((project) =>
      make(
        "li",
        { class: project.archived ? "archived" : "" },
        button(visible(project.name), () => this.one(project), { class: "link" }),
        make("span", { class: "note" }, [
          count(project.photos, "photo"), obstacle(project),
        ].filter(Boolean).join(" · ")),
      ),
    );
    const form = rulesForm({}, "Make the project", async (rules) => this.renewed((await post("projects", rules)).id));
    this.root.replaceChildren(
      make("h2", {}, "Projects"),
      make("ul", { class: "projects" }, ...lines),
      make("details", { open: !lines.length }, make("summary", {}, "New project"), form),
    );
  }

  one(project) {
    const path = `projects/${project.id}`;
    const hindered = project.archived ? "" : obstacle(project);
    const rules = rulesForm(project, "Save", async (wanted) => {
      await post(`${path}/rules`, wanted);
      this.renewed(project.id);
    });
    this.members = make("div", { class: "members" });
    this.root.replaceChildren(
      make("div", { class: "row" }, button("← All projects", () => this.list()), make("h2", {}, visible(project.name))),
      make("p", { class: "note" }, `${count(project.photos, "photo")}${project.archived ? " · archived" : ""}`),
      hindered ? make("p", { class: "hindered" }, `${hindered} Upload them here, or name their folder with "photos add".`) : "",
      this.said,
      make("h3", {}, "Photos"),
      uploads(project.id, () => this.renewed(project.id)),
      make("h3", {}, "Rules"),
      rules,
      make("h3", {}, "People of this project"),
      this.members,
      make("h3", {}, "The whole project"),
      make(
        "div",
        { class: "row" },
        button("Copy …", () => this.act(() => this.copy(path))),
        button(project.archived ? "Bring back" : "Archive", () => this.act(async () => {
          await post(`${path}/archive`, { archived: !project.archived });
          this.renewed(project.id);
        })),
        button("Delete …", () => this.act(() => this.remove(project, path)), { class: "danger" }),
      ),
    );
    this.act(() => this.people(path));
  }

  async act(act) {
    try {
      this.said.textContent = "";
      await act();
    } catch (refusal) {
      this.said.textContent = refusal.message;
    }
  }

  async people(path) {
    const members = await get(`${path}/members`);
    this.members.replaceChildren(...members.map(({ name, admitted }) => {
      const box = make("input", { type: "checkbox", checked: admitted });
      box.addEventListener("change", () => this.act(() => post(`${path}/members`, { name, admitted: box.checked })));
      return make("label", { class: "choice" }, box, make("bdi", {}, visible(name)));
    }));
  }

  async copy(path) {
    const name = await askText(this.root, "Copy the project", "Its rules and photos, without anybody's work.", "Name of the copy");
    if (name) this.renewed((await post(`${path}/copy`, { name })).id);
  }

  // First the file with everything, then the name, typed once more.
  async remove(project, path) {
    const file = make("a", { class: "button", href: address(`${path}/export/jsonl`), download: "" }, "Download everything (JSON lines)");
    const field = make("input", { type: "text", required: true, "aria-label": "Type the project's name", placeholder: "The project's name" });
    const agree = () => field.setCustomValidity(
      !file.dataset.taken ? "Download everything first." : field.value === project.name ? "" : "This is not the project's name.",
    );
    file.addEventListener("click", () => {
      file.dataset.taken = "yes";
      agree();
    });
    field.addEventListener("input", agree);
    agree();
    const answer = await askForm(this.root, "Delete this project", [
      make("p", {}, "Everybody's work on it is deleted for ever, and photos that were uploaded here. Files in folders stay."),
      make("p", {}, "1. ", file),
      make("p", {}, "2. Type its name: ", make("strong", {}, make("bdi", {}, visible(project.name)))),
      field,
    ], "Delete it");
    if (!answer) return;
    await post(`${path}/delete`, { name: project.name });
    this.renewed(null);
  }
}
