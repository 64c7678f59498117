// What the editor of one photo is made of, and where it stands.

import { make, visible } from "../../../web/static/dom.js";

const lines = (text) => text.split("\n").map(visible).join("\n");

function button(label, title, act, name = "") {
  const node = make("button", { type: "button", title, "aria-label": title, class: name }, label);
  node.addEventListener("click", act);
  return node;
}

// run(command): what a key would do. -> the parts that change, and `root`
export function layout({ canvas, boxList, photo, guidelines, first, note, returned, remarks, others, run }) {
  const undoing = button("↶", "Undo (Ctrl+Z)", () => run("undo"));
  const redoing = button("↷", "Redo (Ctrl+Y)", () => run("redo"));
  const share = make("output", { class: "zoom" });
  canvas.zoomed = (zoom) => (share.textContent = `${Math.round(100 * zoom)} %`);
  const tools = make(
    "div",
    { class: "tools", role: "toolbar", "aria-label": "Tools" },
    button("+ Box", "A new box in the middle (N)", () => run("add")),
    undoing,
    redoing,
    make("span", { class: "gap" }),
    button("−", "Zoom out (-)", () => run("farther")),
    share,
    button("+", "Zoom in (+)", () => run("closer")),
    button("All", "All of the photo (0)", () => run("whole")),
    button("?", "Keys (?)", () => run("help"), "help"),
  );
  const missing = make("p", { class: "missing", role: "status" });
  const saved = make("p", { class: "saved", role: "status" }, "Saved");
  const again = make("button", { type: "button", hidden: true }, "Sign in again");
  again.addEventListener("click", () => location.reload()); // what is unsaved is kept, and comes back
  const said = make("p", { class: "said", role: "alert" });
  const submitting = button("Submit", "Submit (Ctrl+Enter)", () => run("submit"), "main");
  const skipping = button("Skip …", "Skip this photo", () => run("skip"));
  const offers = make("div", { class: "offers", hidden: true });
  const told = guidelines
    ? [make("details", { class: "guidelines", open: first }, make("summary", {}, "Guidelines"), make("p", {}, lines(guidelines)))]
    : [];
  const root = make(
    "section",
    { class: "editor", "aria-label": "This photo" },
    make("div", { class: "seen" }, canvas.frame, tools),
    make(
      "div",
      { class: "typed" },
      make("p", { class: "note before", role: "status", hidden: !note }, note),
      make(
        "p",
        { class: "photo-name" },
        make("bdi", {}, visible(photo.name)),
        make("span", { class: "note" }, ` ${photo.width} × ${photo.height}`),
      ),
      returned ? make("p", { class: "message returned", role: "status" }, "Needs changes: ", make("bdi", {}, visible(returned))) : "",
      ...told,
      missing,
      boxList.root,
      offers,
      ...others,
      remarks?.root ?? "",
      said,
      make("div", { class: "row" }, submitting, skipping, saved, again),
    ),
  );
  const screen = globalThis.visualViewport;
  const measure = () => root.style.setProperty("--seen", `${Math.round(screen.height * screen.scale)}px`);
  screen?.addEventListener("resize", measure);
  if (screen) measure();
  const away = () => screen?.removeEventListener("resize", measure);
  return { away, root, undoing, redoing, missing, saved, again, said, submitting, skipping, offers };
}
