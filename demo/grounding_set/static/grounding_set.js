// What the Browse, Search and Errors pages share: questions to the server.

import { given } from "../../web/static/address.js";

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

// What a rank, a score or an IoU is called; null where there is none.
export const places = (number) => (number == null ? "" : number.toFixed(2));
