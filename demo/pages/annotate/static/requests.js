// Questions to the server. An answer, or a Refusal that says why in one sentence.

export class Refusal extends Error {
  constructor(message, kind, body = {}) {
    super(message);
    this.kind = kind; // "nobody", "stale", "final", "lapsed", "invalid", ...; "offline": no answer
    this.answer = body;
  }

  // Whether the same request may succeed later.
  get passing() {
    return ["offline", "broken", "busy", "crowded", "full", "nobody"].includes(this.kind);
  }

  // Whether it may succeed once the person has changed what they sent.
  get mendable() {
    return ["invalid", "large"].includes(this.kind);
  }
}

export const address = (path) => new URL(`annotate/${path}`, document.baseURI).href;

async function answer(path, settings) {
  let response;
  try {
    response = await fetch(address(path), settings);
  } catch {
    throw new Refusal("The server cannot be reached.", "offline");
  }
  const body = await response.json().catch(() => ({}));
  if (response.ok) return body;
  throw new Refusal(body.message ?? "The server could not answer.", body.kind ?? "broken", body);
}

export const get = (path) => answer(path, {});

export const post = (path, body = {}, settings = {}) =>
  answer(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    ...settings,
  });

// A file as it is; its length is told by the browser.
export const sendFile = (path, file) =>
  answer(path, { method: "POST", headers: { "content-type": "application/octet-stream" }, body: file });

// A random identity. Not crypto.randomUUID: browsers keep that from pages without https.
export function identity() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
