// Addresses of the pages over a grounding set: what is asked, and what the address bar says.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { server } from "./stand_ins.js";

const heard = [];
globalThis.document = {
  baseURI: "http://my.host/app/",
  addEventListener: (kind, act) => kind === "click" && heard.push(act),
};
globalThis.history = {
  pushState: (...step) => history.steps.push(["push", step[2].href ?? step[2]]),
  replaceState: (...step) => history.steps.push(["replace", step[2].href]),
  steps: [],
};

globalThis.location = new URL("http://my.host/app/");
const pages = await import("../../demo/grounding_set/static/grounding_set.js");
const { readAddress, writeAddress } = await import("../../demo/web/static/address.js");

beforeEach(() => {
  globalThis.location = new URL("http://my.host/app/?tab=browse&order=worst");
  history.steps.length = 0;
});

test("questions leave out what is not given, and escape the rest", () => {
  const url = new URL(pages.address("list", { words: "a & b?", rank_from: 0, kind: "", iou_to: null }));
  assert.match(url.pathname, /^\/app\/[\w-]+\/list$/);
  assert.deepEqual(Object.fromEntries(url.searchParams), { words: "a & b?", rank_from: "0" });
});

test("the address is read; a photo means Browse, an example Align", () => {
  assert.deepEqual(readAddress(), { tab: "browse", order: "worst" });
  globalThis.location = new URL("http://my.host/app/?photo=12");
  assert.deepEqual(readAddress(), { photo: "12", tab: "browse" });
  globalThis.location = new URL("http://my.host/app/?example=a.jpg&text=a+dog");
  assert.deepEqual(readAddress(), { example: "a.jpg", text: "a dog", tab: "align" });
  globalThis.location = new URL("http://my.host/app/");
  assert.deepEqual(readAddress(), { tab: "" });
});

test("the address is written once, as a new step where that is asked for or the page is another", () => {
  writeAddress("browse", { order: "worst" });
  assert.deepEqual(history.steps, [], "it says so already");
  writeAddress("browse", { words: "red bus", rank_to: "" });
  writeAddress("browse", { words: "red bus" }, true);
  writeAddress("search", { words: "red bus" });
  assert.deepEqual(history.steps, [
    ["replace", "http://my.host/app/?tab=browse&words=red+bus"],
    ["push", "http://my.host/app/?tab=browse&words=red+bus"],
    ["push", "http://my.host/app/?tab=search&words=red+bus"],
  ]);
});

test("another tab is a step, with the address that it had last; what a script clicks is none", () => {
  const tab = (tabId) => ({ dataset: { tabId } });
  const click = (page, isTrusted = true) => {
    const event = new Event("click");
    Object.defineProperty(event, "isTrusted", { value: isTrusted });
    Object.defineProperty(event, "target", { value: { closest: () => tab(page) } });
    heard.forEach((act) => act(event));
  };
  click("browse");
  click("search", false);
  assert.deepEqual(history.steps, [], "it is there already; nobody clicked");
  click("annotate");
  click("search"); // written in the test before
  assert.deepEqual(history.steps, [
    ["push", "/app/?tab=annotate"],
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
