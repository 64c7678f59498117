// A draft reaches the server: after a pause, again after a failure, once each.

import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { Clock, Storage, server, settled } from "./stand_ins.js";

globalThis.document = { baseURI: "http://127.0.0.1:7860/" };
globalThis.window = new EventTarget();
globalThis.localStorage = new Storage();
const clock = new Clock().install();

const { Saver } = await import("../../demo/pages/annotate/static/saver.js");

const unreachable = () => new TypeError("fetch failed");
const saved = (version) => ({ version });
const refusal = (kind, status = 409) => ({ status, body: { message: "No.", error: "No.", kind } });

let said, refused, content, saver;

beforeEach(() => {
  saver?.stop();
  localStorage.items.clear();
  [said, refused, content] = [[], [], { regions: [] }];
  saver = new Saver({
    who: "anna",
    assignment: 7,
    version: 3,
    content: () => content,
    say: (state) => said.push(state),
    refused: (error) => refused.push(error.kind),
  });
});

test("changes within the pause are one save, from the version it had, with a key", async () => {
  const requests = server(saved(4));
  for (const regions of [["a"], ["a", "b"]]) {
    content = { regions };
    saver.change();
    await clock.pass(500);
  }
  assert.equal(requests.length, 0);
  await clock.pass(200);
  assert.equal(requests.length, 1);
  const [{ address, method, body }] = requests;
  assert.equal(address, "http://127.0.0.1:7860/annotate/tasks/7/save");
  assert.equal(method, "POST");
  assert.deepEqual(body.regions, ["a", "b"]);
  assert.equal(body.base, 3);
  assert.match(body.key, /^[0-9a-f]{32}$/);
  assert.equal(saver.version, 4);
  assert.equal(said.at(-1), "saved");
  await clock.pass(60_000);
  assert.equal(requests.length, 1, "nothing is saved twice");
});

test("what the server has not got is kept in the browser, and forgotten once it has", async () => {
  server(saved(4));
  content = { regions: ["a"] };
  saver.change();
  assert.deepEqual(saver.kept(), { base: 3, regions: ["a"] });
  await clock.pass(600);
  assert.equal(saver.kept(), null);
});

test("without an answer it tries again, later each time, with the same key", async () => {
  const requests = server(unreachable(), unreachable(), { status: 503, body: undefined }, saved(4));
  saver.change();
  await clock.pass(600);
  assert.equal(said.at(-1), "waiting");
  for (const wait of [1000, 2000, 4000]) {
    const before = requests.length;
    await clock.pass(wait - 1);
    assert.equal(requests.length, before);
    await clock.pass(1);
    assert.equal(requests.length, before + 1);
  }
  assert.equal(new Set(requests.map(({ body }) => body.key)).size, 1);
  assert.equal(said.at(-1), "saved");
});

test("a change after a failure is another wish: another key", async () => {
  const requests = server(unreachable(), saved(4));
  saver.change();
  await clock.pass(600);
  saver.change();
  await clock.pass(600);
  assert.equal(requests.length, 2);
  assert.notEqual(requests[0].body.key, requests[1].body.key);
});

test("the network's return is tried at once", async () => {
  const requests = server(unreachable(), saved(4));
  saver.change();
  await clock.pass(600);
  window.dispatchEvent(new Event("online"));
  await clock.pass(0);
  assert.equal(requests.length, 2);
});

test("a change during a save is saved after it, from the new version", async () => {
  let answer;
  const requests = server(new Promise((resolve) => (answer = resolve)), saved(5));
  saver.change();
  await clock.pass(600);
  content = { regions: ["later"] };
  saver.change();
  await clock.pass(600);
  assert.equal(requests.length, 1, "one request at a time");
  answer(saved(4));
  await settled();
  await clock.pass(600);
  assert.equal(requests.length, 2);
  assert.equal(requests[1].body.base, 4);
  assert.deepEqual(requests[1].body.regions, ["later"]);
  assert.equal(saver.version, 5);
});

test("somebody else's version stops it until the page decides", async () => {
  const requests = server(refusal("stale"), saved(9));
  saver.change();
  await clock.pass(600);
  assert.deepEqual(refused, ["stale"]);
  assert.equal(said.at(-1), "refused");
  saver.change();
  await clock.pass(60_000);
  assert.equal(requests.length, 1);
  saver.resume(8);
  await settled();
  assert.equal(requests[1].body.base, 8);
  assert.equal(saver.version, 9);
});

test("submitting waits for a save under way, and no save follows it", async () => {
  let answer;
  const requests = server(new Promise((resolve) => (answer = resolve)), { next: 8 });
  saver.change();
  await clock.pass(600);
  const finished = saver.finish("submit", { regions: ["a"] });
  await settled();
  assert.equal(requests.length, 1);
  answer(saved(4));
  assert.deepEqual(await finished, { next: 8 });
  assert.match(requests[1].address, /tasks\/7\/submit$/);
  assert.equal(requests[1].body.base, 4);
  await clock.pass(60_000);
  assert.equal(requests.length, 2);
  assert.equal(saver.kept(), null);
});

test("a submission without an answer is sent again by itself, with the same key", async () => {
  const requests = server(unreachable(), { status: 503, body: undefined }, { next: 8 });
  const told = [];
  const finished = saver.finish("submit", {}, ({ kind }) => told.push(kind));
  await settled();
  const leaving = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(leaving);
  assert.ok(leaving.defaultPrevented, "it is under way: the browser asks");
  await clock.pass(1000);
  assert.equal(requests.length, 2);
  window.dispatchEvent(new Event("online"));
  assert.deepEqual(await finished, { next: 8 });
  assert.deepEqual(told, ["offline", "broken"]);
  assert.equal(new Set(requests.map(({ body }) => body.key)).size, 1);
  await clock.pass(60_000);
  assert.equal(requests.length, 3);
});

test("a change takes back a submission that did not arrive", async () => {
  const requests = server(unreachable(), saved(4), { next: 8 });
  const finished = saver.finish("submit", { regions: ["a"] });
  await settled();
  content = { regions: ["a", "b"] };
  saver.change();
  await assert.rejects(finished, { kind: "withdrawn" });
  await clock.pass(600);
  assert.match(requests[1].address, /save$/);
  assert.deepEqual(requests[1].body.regions, ["a", "b"]);
  await saver.finish("submit", content);
  assert.notEqual(requests[2].body.key, requests[0].body.key, "other content, another wish");
});

test("what the server cannot take is said, and saved once it is mended", async () => {
  const requests = server(refusal("invalid", 400), saved(4));
  saver.change();
  await clock.pass(60_000);
  assert.equal(requests.length, 1, "the same again would be refused again");
  assert.equal(said.at(-1), "refused");
  assert.notEqual(saver.kept(), null, "and it stays in the browser");
  saver.change();
  await clock.pass(600);
  assert.equal(requests.length, 2);
  assert.equal(said.at(-1), "saved");
});

test("who is signed out is told so, and asked nothing on leaving: it is kept", async () => {
  server(refusal("nobody", 401));
  saver.change();
  await clock.pass(600);
  assert.equal(said.at(-1), "signed-out");
  const leaving = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(leaving);
  assert.ok(!leaving.defaultPrevented);
  assert.notEqual(saver.kept(), null);
});

test("leaving the page sends what is not saved, as a request that outlives it", async () => {
  const requests = server(saved(4));
  window.dispatchEvent(new Event("pagehide"));
  assert.equal(requests.length, 0, "nothing to save");
  saver.change();
  const leaving = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(leaving);
  assert.ok(!leaving.defaultPrevented, "it is sent in this moment");
  window.dispatchEvent(new Event("pagehide"));
  await settled();
  assert.equal(requests.length, 1);
  assert.equal(requests[0].keepalive, true);
});

test("the browser asks before what the server did not take is left", async () => {
  server(unreachable());
  saver.change();
  await clock.pass(600);
  const leaving = new Event("beforeunload", { cancelable: true });
  window.dispatchEvent(leaving);
  assert.ok(leaving.defaultPrevented);
});
