// What the Browse, Search and Errors pages share: questions to the server, and the page's address.

const ROOT = "groundings";
const here = (path) => new URL(`${ROOT}/${path}`, document.baseURI);

// Parts of an address that say which photos, as core/groundings/listing.py names them.
export const LISTING = [
  "order",
  "words",
  "rank_from",
  "rank_to",
  "kind",
  "iou_from",
  "iou_to",
  "area_from",
  "area_to",
  "score_from",
  "score_to",
];

const given = (values) =>
  Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");

export function address(name, values = {}) {
  const url = here(name);
  for (const [key, value] of given(values)) url.searchParams.set(key, value);
  return url.href;
}

// -> the answer; throws an Error whose message is for people. A signal's end gives null.
export async function ask(name, values, signal) {
  let answer;
  try {
    answer = await fetch(address(name, values), { signal });
  } catch (error) {
    if (error.name === "AbortError") return null;
    throw new Error("The server does not answer. Try again in a moment.");
  }
  const said = await answer.json().catch(() => null);
  if (answer.ok && said) return said;
  throw new Error(said?.message ?? "The server could not answer this. Try again.");
}

// Asks one question at a time: a new one ends the last.
export class Questions {
  ask(name, values) {
    this.last?.abort();
    this.last = new AbortController();
    return ask(name, values, this.last.signal);
  }
}

export const thumb = (set, id) => here(`${set}/thumb/${id}.jpg`).href;
export const whole = (set, id) => here(`${set}/whole/${id}.jpg`).href;
export const tile = (set, id, region) => here(`${set}/tile/${id}/${region}.jpg`).href;

// The address bar: tab=browse|search|errors and that page's own parts ("page" is Gradio's own word).
// A photo means Browse.
export function readAddress() {
  const values = Object.fromEntries(new URLSearchParams(location.search));
  return { ...values, tab: values.tab ?? (values.photo ? "browse" : "") };
}

export function writeAddress(page, values, push = false) {
  const url = new URL(location.href);
  url.search = new URLSearchParams([["tab", page], ...given(values)]).toString();
  if (url.href === location.href) return;
  history[push ? "pushState" : "replaceState"](null, "", url);
}

// Another page at some place: its tab opens, and it reads the address.
export function goTo(page, values) {
  followed.add(page); // before it was ever shown: its tab is no reason to clear the address
  writeAddress(page, values, true);
  selectTab(page);
  dispatchEvent(new PopStateEvent("popstate"));
}

const followed = new Set(); // the pages that the address belongs to

// Tabs are known by the pages' ids. Gradio keeps a second, hidden row of them to measure with.
function tabs(page) {
  return [...document.querySelectorAll(`[role="tab"][data-tab-id="${CSS.escape(page)}"]`)].filter(
    (tab) => !tab.closest(".hidden"),
  );
}

export function selectTab(page) {
  const named = tabs(page);
  const shown = named.find((tab) => tab.getClientRects().length) ?? named[0];
  if (shown?.getAttribute("aria-selected") !== "true") shown?.click();
}

// A page that belongs to the address: tells it when it is to be read anew, and when it comes into
// sight. Other tabs leave no address behind.
export function follow(element, page, { read, show }) {
  followed.add(page);
  const onPop = () => {
    if (!element.isConnected) return removeEventListener("popstate", onPop);
    const values = readAddress();
    if (values.tab !== page) return;
    selectTab(page);
    read(values);
  };
  addEventListener("popstate", onPop);
  let seen = false;
  new ResizeObserver(() => {
    const visible = element.getClientRects().length > 0;
    if (visible && !seen) show();
    seen = visible;
  }).observe(element);
  leaveNothingBehind();
}

let watching = false;

function leaveNothingBehind() {
  if (watching) return;
  watching = true;
  document.addEventListener("click", (event) => {
    const tab = event.target.closest?.('[role="tab"]');
    if (!tab || followed.has(tab.dataset.tabId)) return;
    history.replaceState(null, "", location.pathname);
  });
}

// What a rank, a score or an IoU is called; null where there is none.
export const places = (number) => (number == null ? "" : number.toFixed(2));
