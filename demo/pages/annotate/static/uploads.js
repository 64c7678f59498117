// Photos by drag and drop, as files or whole folders: one after another, with progress, each tried
// again when the network fails. What cannot be taken is listed; the others are taken.

import { make, visible } from "../../../web/static/dom.js";
import { sendFile } from "./requests.js";

const ENDINGS = /\.(jpe?g|png|webp)$/i;
const RETRY = [1000, 4000, 15000]; // ms

// What was dropped -> [{file, path}], folders and all.
export async function dropped(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
  if (!entries.length) return chosen(transfer.files);
  const found = [];
  const read = async (entry) => {
    if (entry.isFile) {
      const file = await new Promise((resolve, reject) => entry.file(resolve, reject));
      found.push({ file, path: entry.fullPath.replace(/^\//, "") });
      return;
    }
    const reader = entry.createReader();
    for (;;) {
      const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!some.length) return;
      for (const one of some) await read(one); // a hundred at a time, until there is none
    }
  };
  for (const entry of entries) await read(entry);
  return found;
}

export const chosen = (files) =>
  [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));

const rest = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// Sends photos one after another. told({done, all, added, known, refused: [[path, why]]}) after each.
export async function upload(project, found, told) {
  // In an order of their own, the upper folders' first: of two files of one name the second gets its
  // folders' names, and the same folder always gives the same names.
  const depth = ({ path }) => path.split("/").length;
  const order = (a, b) => depth(a) - depth(b) || (a.path < b.path ? -1 : 1);
  const photos = found.filter(({ path }) => ENDINGS.test(path)).sort(order);
  const others = found.length - photos.length;
  const state = { done: 0, all: photos.length, added: 0, known: 0, others, refused: [] };
  const send = async ({ file, path }) => {
    for (let tries = 0; ; tries += 1) {
      try {
        const answer = await sendFile(`upload/${project}?${new URLSearchParams({ path })}`, file);
        state.added += answer.new;
        state.known += answer.known;
        return;
      } catch (refusal) {
        if (!refusal.passing || tries >= RETRY.length) {
          state.refused.push([path, refusal.message]);
          return;
        }
        await rest(RETRY[tries]);
      }
    }
  };
  told(state);
  for (const photo of photos) {
    await send(photo);
    state.done += 1;
    told(state);
  }
  return state;
}

const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

// The place to drop photos on, with a choice of files and of a folder. renewed(): photos came.
export function uploads(project, renewed) {
  const bar = make("progress", { max: 1, value: 0, hidden: true });
  const said = make("p", { role: "status", class: "note" }, "JPEG, PNG and WebP, up to 20 MB each.");
  const list = make("ul", { class: "refused" });
  const pick = (label, folder) => {
    const field = make("input", {
      type: "file", multiple: true, accept: folder ? false : "image/jpeg,image/png,image/webp",
      webkitdirectory: folder, "aria-label": label,
    });
    field.addEventListener("change", () => {
      take(chosen(field.files));
      field.value = "";
    });
    return make("label", { class: "button pick" }, label, field);
  };
  const root = make(
    "section",
    { class: "uploads", "aria-label": "Upload photos" },
    make("p", {}, "Drop photos or folders here, or"),
    make("div", { class: "row" }, pick("Choose photos", false), pick("Choose a folder", true)),
    bar, said, list,
  );
  let busy = false;
  const show = ({ done, all, added, known, others, refused }) => {
    [bar.max, bar.value, bar.hidden] = [all || 1, done, done === all];
    const parts = [`${done} of ${count(all, "photo")}`, `${added} added`];
    if (known) parts.push(`${known} there already`);
    if (others) parts.push(`${count(others, "other file")} passed over`);
    if (refused.length) parts.push(`${refused.length} not taken:`);
    said.textContent = parts.join(" · ");
    list.replaceChildren(...refused.map(([path, why]) => make("li", {}, make("bdi", {}, visible(path)), `: ${why}`)));
  };
  const take = async (found) => {
    if (busy || !found.length) return;
    busy = true;
    const state = await upload(project, found, show).finally(() => (busy = false));
    if (state.added) renewed();
  };
  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("over");
  });
  root.addEventListener("dragleave", () => root.classList.remove("over"));
  root.addEventListener("drop", async (event) => {
    event.preventDefault();
    root.classList.remove("over");
    take(await dropped(event.dataTransfer));
  });
  return root;
}
