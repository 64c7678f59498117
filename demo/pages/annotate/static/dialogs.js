// Questions that stop the work for a moment. Each gives a promise of the answer; Escape gives null.

import { make } from "../../../web/static/dom.js";
import { KEYS } from "./keys.js";
import { bounded, limits } from "./limits.js";

function ask(place, title, body, buttons) {
  return new Promise((resolve) => {
    const dialog = make("dialog", { class: "ask", "aria-label": title });
    const form = make("form", { method: "dialog" }, make("h2", {}, title), ...body);
    const row = make("div", { class: "row" });
    for (const { label, value, main, safe, unfilled = value === "" } of buttons) {
      const look = { class: main ? "main" : "", formnovalidate: unfilled, autofocus: safe };
      row.append(make("button", { value, ...look }, label));
    }
    form.append(row);
    dialog.append(form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(dialog.returnValue || null);
    });
    dialog.addEventListener("keydown", (event) => event.stopPropagation()); // the page's keys rest
    place.append(dialog);
    dialog.showModal();
  });
}

const REASONS = ["The photo is not to be described", "Too blurred or too dark", "The photo does not show"];

// No reason is chosen beforehand, and the way back has the focus: keys that were meant for a box
// skip nothing.
export async function askReason(place) {
  const text = bounded(make("input", { type: "text", "aria-label": "Another reason", placeholder: "Another reason" }), limits.text);
  const choices = REASONS.map((reason) => {
    const radio = make("input", { type: "radio", name: "reason", value: reason, required: true });
    return make("label", { class: "choice" }, radio, reason);
  });
  const radio = make("input", { type: "radio", name: "reason", value: "", required: true, "aria-label": "Another reason, as typed" });
  const other = make("label", { class: "choice" }, radio, text);
  const radios = [...choices, other].map((label) => label.querySelector("input"));
  const settle = () => (text.required = radio.checked);
  for (const one of radios) one.addEventListener("change", settle);
  text.addEventListener("input", () => {
    radio.checked = true;
    settle();
  });
  const note = make("p", {}, "Somebody else gets this photo. What you drew is kept; an owner can give the photo back to you.");
  const answer = await ask(place, "Skip this photo", [note, ...choices, other], [
    { label: "Skip it", value: "skip", main: true },
    { label: "Go back", value: "", safe: true },
  ]);
  if (answer !== "skip") return null;
  return radios.find((one) => one.checked)?.value || text.value.trim() || null;
}

export async function askText(place, title, note, label) {
  const text = bounded(make("input", { type: "text", required: true, "aria-label": label, placeholder: label }), limits.text);
  const answer = await ask(place, title, [make("p", {}, note), text], [
    { label: title, value: "yes", main: true },
    { label: "Go back", value: "" },
  ]);
  return answer === "yes" ? text.value.trim() : null;
}

// A question with a body of its own -> whether it was agreed to.
export async function askForm(place, title, body, label) {
  const answer = await ask(place, title, body, [
    { label, value: "yes", main: true },
    { label: "Go back", value: "", safe: true },
  ]);
  return answer === "yes";
}

// -> {old, new}, {everywhere: true} to sign out on all browsers, or null
export async function askPasswords(place) {
  const field = (label, complete) =>
    make("input", { type: "password", required: true, autocomplete: complete, "aria-label": label, placeholder: label });
  const [old, fresh] = [field("The password now", "current-password"), field("The new one", "new-password")];
  const answer = await ask(place, "Change your password", [old, fresh], [
    { label: "Change it", value: "yes", main: true },
    { label: "Sign out everywhere", value: "everywhere", unfilled: true },
    { label: "Go back", value: "" },
  ]);
  if (answer === "everywhere") return { everywhere: true };
  return answer === "yes" ? { old: old.value, new: fresh.value } : null;
}

// Somebody (mostly the same person elsewhere) saved since this page was loaded. final: what is
// stored can be changed no more, so nothing of this page can be kept.
export function askStale(place, { who, when, what, final }, me) {
  const whose = who === me ? "You" : who;
  const time = when ? ` on ${new Date(when).toLocaleString()}` : "";
  const theirs = { label: "Show what is stored", value: "theirs", main: true };
  const mine = { label: "Keep what is here", value: "mine" };
  const end = final ? [make("p", {}, "It is final; only an owner can open it again.")] : [];
  return ask(
    place,
    "This photo was changed elsewhere",
    [make("p", {}, `${whose} ${what ?? "changed"} it${time}, after this page was loaded.`), ...end],
    final ? [theirs] : [theirs, mine],
  );
}

export const tellEnd = (place, sentence) =>
  ask(place, "This photo cannot be changed any more", [make("p", {}, sentence)], [
    { label: "Go on", value: "on", main: true },
  ]);

export function listKeys(place) {
  const table = make("table", { class: "keys" });
  for (const [keys, what] of KEYS) {
    table.append(make("tr", {}, make("td", {}, make("kbd", {}, keys)), make("td", {}, what)));
  }
  return ask(place, "Keys", [table], [{ label: "Close", value: "", main: true }]);
}
