// What a browser has and Node has not, as far as the modules under test use it: storage, events, a
// clock that the test moves, and a server that answers what the test says.

export class Storage {
  items = new Map();
  getItem = (name) => this.items.get(name) ?? null;
  setItem = (name, value) => void this.items.set(name, String(value));
  removeItem = (name) => void this.items.delete(name);
}

// Stands for setTimeout, clearTimeout and performance.now; `pass` lets milliseconds go by.
export class Clock {
  now = 0;
  timers = new Map();
  last = 0;

  install() {
    globalThis.setTimeout = (act, wait = 0) => {
      this.timers.set((this.last += 1), { at: this.now + wait, act });
      return this.last;
    };
    globalThis.clearTimeout = (timer) => this.timers.delete(timer);
    globalThis.setInterval = () => 0;
    globalThis.clearInterval = () => {};
    performance.now = () => this.now;
    return this;
  }

  async pass(milliseconds) {
    const end = this.now + milliseconds;
    for (;;) {
      const due = [...this.timers].filter(([, { at }]) => at <= end);
      if (!due.length) break;
      due.sort(([, a], [, b]) => a.at - b.at);
      const [timer, { at, act }] = due[0];
      this.timers.delete(timer);
      this.now = at;
      act();
      await settled();
    }
    this.now = end;
    await settled();
  }
}

// After all promises that wait for nothing but each other.
export const settled = () => new Promise((resolve) => setImmediate(resolve));

// A `fetch` that keeps each request and gives the answers in turn: a body, {status, body}, or an
// Error for a server that cannot be reached. A promise among them is waited for.
export function server(...answers) {
  const requests = [];
  globalThis.fetch = async (address, settings = {}) => {
    requests.push({ address, ...settings, body: settings.body && JSON.parse(settings.body) });
    const answer = await answers.shift();
    if (answer instanceof Error) throw answer;
    const { status = 200, body = answer } = answer ?? { status: 500, body: undefined };
    return {
      ok: status < 400,
      status,
      json: async () => {
        if (body === undefined) throw new SyntaxError("no JSON");
        return body;
      },
    };
  };
  return requests;
}
