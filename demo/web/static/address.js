// The address bar says what is before one: tab=browse|search|... and that page's own parts ("page" is
// Gradio's own word). Another tab is a step of the browser's history; Back leads to the one before.

import { make, visible } from "./dom.js";

// Parts that mean a page even without `tab`, as PAGES of demo/pages says.
const MEANT = { photo: "browse", example: "align" };
const kept = new Map(); // page -> the address that it had last

export const given = (values) =>
  Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");

export function readAddress() {
  const values = Object.fromEntries(new URLSearchParams(location.search));
  const meant = Object.keys(MEANT).find((name) => values[name]);
  return { ...values, tab: values.tab ?? MEANT[meant] ?? "" };
}

// The page that the address means: the first tab, where it names none.
const here = () => readAddress().tab || firstTab();

// push: a step of the history, as it is in any case where another page had the address before.
export function writeAddress(page, values, push = false) {
  const url = new URL(location.href);
  url.search = new URLSearchParams([["tab", page], ...given(values)]).toString();
  kept.set(page, url.href);
  if (url.href === location.href) return;
  history[push || here() !== page ? "pushState" : "replaceState"](null, "", url);
}

// Another page at some place: its tab opens, and it reads the address.
export function goTo(page, values) {
  writeAddress(page, values, true);
  selectTab(page);
  dispatchEvent(new PopStateEvent("popstate"));
}

// Tabs are known by the pages' ids. Gradio keeps a second, hidden row of them to measure with.
function tabs(which) {
  const found = document.querySelectorAll?.(`[role="tab"]${which}`) ?? [];
  return [...found].filter((tab) => !tab.closest(".hidden"));
}

const firstTab = () => tabs("[data-tab-id]")[0]?.dataset.tabId ?? "";

export function selectTab(page) {
  const named = tabs(`[data-tab-id="${CSS.escape(page)}"]`);
  const shown = named.find((tab) => tab.getClientRects().length) ?? named[0];
  if (shown?.getAttribute("aria-selected") !== "true") shown?.click();
}

// A page that has parts of its own in the address: tells it when it is to be read anew, and when it
// comes into sight.
export function follow(element, page, { read, show }) {
  const onPop = () => {
    if (!element.isConnected) return removeEventListener("popstate", onPop);
    const values = readAddress();
    if (values.tab === page) read(values);
  };
  addEventListener("popstate", onPop);
  let seen = false;
  new ResizeObserver(() => {
    const inSight = element.getClientRects().length > 0;
    if (inSight && !seen) show();
    seen = inSight;
  }).observe(element);
}

// Whatever page comes next finds its address there: the one that it had, or its bare one.
function step(event) {
  const page = event.isTrusted && event.target.closest?.('[role="tab"]')?.dataset.tabId;
  if (!page || page === here()) return;
  history.pushState(null, "", kept.get(page) ?? `${location.pathname}?tab=${page}`);
}

// An address with a page that is not there: one word about it, below the title.
function sayWhatIsNotThere() {
  const { tab } = readAddress();
  const first = tabs("[data-tab-id]")[0];
  if (!tab || !first || document.querySelector(`[data-tab-id="${CSS.escape(tab)}"]`)) return;
  const said = `There is no page “${visible(tab).slice(0, 40)}” here; this is ${first.textContent.trim()}.`;
  document.querySelector(".page-head header")?.append(make("p", { role: "status" }, said));
}

sayWhatIsNotThere();

// Both before anybody else hears of it: pages that come into sight read the address.
document.addEventListener("click", step, true);
globalThis.addEventListener?.("popstate", () => selectTab(here()), true);
