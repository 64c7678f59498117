// A place for photos: chosen with a click or a key, dropped on the page, or pasted anywhere. One is
// looked at; of several, the others wait in line for a person to ask for the next.

import { component } from "../../../web/static/component.js";
import { make, visible } from "../../../web/static/dom.js";
import { again } from "./page_events.js";

export const mount = component("photo-input", ["value"], (root, { props, trigger, upload }) => {
  const input = make("input", { type: "file", accept: props.types, multiple: true });
  const title = make("strong", {}, "Choose a photo");
  const label = make("label", {}, input, title, make("span", {}, "or drop or paste one anywhere"));
  const status = make("p", { class: "status", role: "status" });
  const next = make("button", { type: "button" });
  const forget = make("button", { type: "button", "aria-label": "Forget the photos that wait" }, "✕");
  const line = make("p", { class: "queue", hidden: true }, next, forget);
  root.replaceChildren(label, line, status);
  let waiting = [];

  const say = (text, busy = false) => {
    status.textContent = text;
    label.classList.toggle("busy", busy);
  };

  function queue(files) {
    waiting = files;
    line.hidden = !waiting.length;
    if (!waiting.length) return;
    next.textContent = `Next photo (${waiting.length} ${waiting.length === 1 ? "waits" : "wait"})`;
    next.title = visible(waiting[0].name).slice(0, 80);
  }
  next.addEventListener("click", () => {
    const [first, ...others] = waiting;
    queue(others);
    send(first);
  });
  forget.addEventListener("click", () => queue([]));

  // The first is looked at now, the others after those that wait already.
  function take(files) {
    const [first, ...others] = files;
    if (!first) return;
    queue([...waiting, ...others]);
    send(first);
  }

  // wanted: {text, beta} to show it with; the sentence that is there, where it names none
  async function send(file, wanted = { text: null, beta: null }) {
    if (file.size > props.most) {
      const most = props.most.toLocaleString("en");
      say(`The file has ${file.size.toLocaleString("en")} bytes; at most ${most} are accepted.`);
      return;
    }
    say("Looking at the photo …", true);
    try {
      const { path } = await upload(file);
      props.value = { path, orig_name: file.name, meta: { _type: "gradio.FileData" } };
      again.file = file;
      trigger("upload", wanted);
    } catch {
      say("The photo could not be sent. Try again, or choose another one.");
    }
  }

  again.send = send;

  // Listeners on the whole page end with the component, and rest while its tab is hidden.
  const onPage = (kind, act) => {
    const listener = (event) => {
      if (!root.isConnected) document.removeEventListener(kind, listener);
      else if (root.offsetParent) act(event);
    };
    document.addEventListener(kind, listener);
  };
  const bringsFiles = (event) => event.dataTransfer?.types.includes("Files");

  input.addEventListener("change", () => {
    take([...input.files]);
    input.value = ""; // so that the same file can be chosen again
  });
  onPage("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    take(files);
  });
  onPage("dragover", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    label.classList.add("over");
  });
  onPage("dragleave", (event) => {
    if (!event.relatedTarget) label.classList.remove("over");
  });
  onPage("drop", (event) => {
    if (!bringsFiles(event)) return;
    event.preventDefault();
    label.classList.remove("over");
    take([...event.dataTransfer.files]);
  });
  // The server empties the value once it has seen the photo.
  return () => {
    if (!props.value) say("");
  };
});
