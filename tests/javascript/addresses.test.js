// Addresses of the pages over a grounding set: what is asked, and what the address bar says.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { server } from "./stand_ins.js";

globalThis.document = Object.assign(new EventTarget(), { baseURI: "http://my.host/app/" });
globalThis.history = {
  pushState: (...step) => history.steps.push(["push", step[2].href]),
  replaceState: (...step) => history.steps.push(["replace", step[2].href]),
  steps: [],
};

const pages = await import("../../demo/grounding_set/static/grounding_set.js");

beforeEach(() => {
  globalThis.location = new URL("http://my.host/app/?tab=browse&order=worst");
  history.steps.length = 0;
});

test("questions leave out what is not given, and escape the rest", () => {
  const url = new URL(pages.address("list", { words: "a & b?", rank_from: 0, kind: "", iou_to: null }));
  assert.match(url.pathname, /^\/app\/[\w-]+\/list$/);
  assert.deepEqual(Object.fromEntries(url.searchParams), { words: "a & b?", rank_from: "0" });
});

test("the address is read, and a photo means Browse", () => {
  assert.deepEqual(pages.readAddress(), { tab: "browse", order: "worst" });
  globalThis.location = new URL("http://my.host/app/?photo=12");
  assert.deepEqual(pages.readAddress(), { photo: "12", tab: "browse" });
  globalThis.location = new URL("http://my.host/app/");
  assert.deepEqual(pages.readAddress(), { tab: "" });
});

test("the address is written once, as a new step where that is asked for", () => {
  pages.writeAddress("browse", { order: "worst" });
  assert.deepEqual(history.steps, [], "it says so already");
  pages.writeAddress("search", { words: "red bus", rank_to: "" });
  pages.writeAddress("search", { words: "red bus" }, true);
  assert.deepEqual(history.steps, [
    ["replace", "http://my.host/app/?tab=search&words=red+bus"],
    ["push", "http://my.host/app/?tab=search&words=red+bus"],
  ]);
});

test("a refusal is the server's sentence; a lost server has one of its own", async () => {
  server({ status: 400, body: { message: "rank_from: expected a number." } });
  await assert.rejects(pages.ask("list", {}), { message: "rank_from: expected a number." });
  server(new TypeError("fetch failed"), { status: 500, body: undefined });
  await assert.rejects(pages.ask("list", {}), /does not answer/);
  await assert.rejects(pages.ask("list", {}), /could not answer/);
});

test("a question that a newer one ended gives null", async () => {
  server(Object.assign(new Error("aborted"), { name: "AbortError" }));
  assert.equal(await pages.ask("list", {}), null);
});

test("numbers have two places, and nothing is nothing", () => {
  assert.equal(pages.places(0.456), "0.46");
  assert.equal(pages.places(0), "0.00");
  assert.equal(pages.places(null), "");
  assert.equal(pages.places(undefined), "");
});
