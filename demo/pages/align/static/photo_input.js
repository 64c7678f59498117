// A place for a photo: chosen with a click or a key, dropped on the page, or pasted anywhere.

import { component } from "../../../web/static/component.js";
import { make } from "../../../web/static/dom.js";

export const mount = component("photo-input", ["value"], (root, { props, trigger, upload }) => {
  const input = make("input", { type: "file", accept: props.types });
  const title = make("strong", {}, "Choose a photo");
  const label = make("label", {}, input, title, make("span", {}, "or drop or paste one anywhere"));
  const status = make("p", { class: "status", role: "status" });
  root.replaceChildren(label, status);

  const say = (text, busy = false) => {
    status.textContent = text;
    label.classList.toggle("busy", busy);
  };

  async function send(file) {
    if (file.size > props.most) {
      const most = props.most.toLocaleString("en");
      say(`The file has ${file.size.toLocaleString("en")} bytes; at most ${most} are accepted.`);
      return;
    }
    say("Looking at the photo …", true);
    try {
      const { path } = await upload(file);
      props.value = { path, orig_name: file.name, meta: { _type: "gradio.FileData" } };
      trigger("upload");
    } catch {
      say("The photo could not be sent. Try again, or choose another one.");
    }
  }

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
    if (input.files[0]) send(input.files[0]);
    input.value = ""; // so that the same file can be chosen again
  });
  onPage("paste", (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (!file) return;
    event.preventDefault();
    send(file);
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
    if (event.dataTransfer.files[0]) send(event.dataTransfer.files[0]);
  });
  // The server empties the value once it has seen the photo.
  return () => {
    if (!props.value) say("");
  };
});
