// Before and after the photos: which project, what is to be done there, and the end. Nothing here
// takes a photo by itself.

import { make, visible } from "../../../web/static/dom.js";

const count = (number, what) => `${number.toLocaleString("en")} ${what}${number === 1 ? "" : "s"}`;

function button(label, act, main = true) {
  const node = make("button", { type: "button", class: main ? "main" : "" }, label);
  node.addEventListener("click", act);
  return node;
}

// What keeps people from working on a project, as a sentence; "" where nothing does.
export function obstacle({ photos, absent, archived }) {
  if (archived) return "This project is archived.";
  if (!photos) return "This project has no photos yet.";
  if (absent === photos) return "The photos of this project are not here yet: it was brought in without them.";
  return absent ? `${count(absent, "photo")} of this project ${absent === 1 ? "is" : "are"} not here yet.` : "";
}

const workable = ({ photos, absent, archived }) => photos > absent && !archived;

const howFar = ({ mine, photos }) =>
  `${count(photos, "photo")} · ${mine.done} done by you · ${mine.left} left for you`;

// Every project with a way in; begin(project) takes a photo.
export function choices(projects, begin) {
  const lines = projects.map((project) => {
    const hindered = obstacle(project);
    return make(
      "li",
      {},
      make("h3", {}, make("bdi", {}, visible(project.name))),
      make("p", { class: "note" }, howFar(project)),
      hindered ? make("p", { class: "hindered" }, hindered) : "",
      workable(project) ? button(project.in_hand ? "Go on" : "Work on it", () => begin(project)) : "",
    );
  });
  return make(
    "section",
    { class: "project-choice", "aria-label": "Projects" },
    make("h2", {}, "Which project?"),
    make("ul", { class: "projects" }, ...lines),
  );
}

// A project that was chosen before, and no photo of it in hand.
export function beginning(project, mine, begin) {
  const hindered = obstacle(project);
  const { guidelines } = project.settings;
  const parts = [
    make("h2", {}, make("bdi", {}, visible(project.name))),
    make("p", { class: "note" }, howFar({ ...project, mine })),
    hindered ? make("p", { class: "hindered", role: "status" }, hindered) : "",
    guidelines ? make("p", { class: "guide" }, guidelines.split("\n").map(visible).join("\n")) : "",
    workable(project) ? button("Start drawing", begin) : "",
  ];
  return [make("section", { class: "project-choice", "aria-label": "Before the first photo" }, ...parts)];
}

export function ended(note, mine, again) {
  const thanks = mine.done ? "That was all: thank you." : "No photo wants people now.";
  return [
    make("p", { class: "note before", role: "status", hidden: !note }, note),
    make("p", { class: "end", role: "status" }, `${thanks} `),
    button("Look again", again, false),
  ];
}
