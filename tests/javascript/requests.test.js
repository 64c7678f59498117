// Questions of the annotation page to the server, and what becomes of a refusal.

import assert from "node:assert/strict";
import { test } from "node:test";

import { server } from "./stand_ins.js";

globalThis.document = { baseURI: "http://my.host/app/" };

const { Refusal, identity, get, post } = await import("../../demo/pages/annotate/static/requests.js");

test("addresses are relative to the page, so that a proxy may put it anywhere", async () => {
  const requests = server({ fine: true });
  assert.deepEqual(await get("me"), { fine: true });
  assert.equal(requests[0].address, "http://my.host/app/annotate/me");
});

test("what is told is JSON, posted", async () => {
  const requests = server({});
  await post("tasks/1/skip", { reason: "blurred" });
  assert.equal(requests[0].method, "POST");
  assert.equal(requests[0].headers["content-type"], "application/json");
  assert.deepEqual(requests[0].body, { reason: "blurred" });
});

test("a server that cannot be reached, or answers no JSON, may do so later", async () => {
  server(new TypeError("fetch failed"), { status: 502, body: undefined });
  for (const kind of ["offline", "broken"]) {
    await assert.rejects(get("me"), (error) => {
      assert.ok(error instanceof Refusal);
      assert.equal(error.kind, kind);
      assert.ok(error.passing);
      assert.match(error.message, /^The server .*\.$/);
      return true;
    });
  }
});

test("what the server refuses for good is not tried again", async () => {
  for (const kind of ["stale", "final", "lapsed", "invalid"]) {
    server({ status: 409, body: { message: "No.", error: "No.", kind } });
    await assert.rejects(get("me"), { kind, passing: false, message: "No." });
  }
});

test("identities are 128 random bits", () => {
  const some = Array.from({ length: 100 }, identity);
  assert.ok(some.every((one) => /^[0-9a-f]{32}$/.test(one)));
  assert.equal(new Set(some).size, 100);
});
