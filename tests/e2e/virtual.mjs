// A page in virtual time, with a double of the gateway that lives in the same time, and a proxy between them that fails as it is told.

import { Double, NOON_S, SHOWN } from "./double.mjs";
import { expect, test as shared } from "./fixtures.mjs";
import { Proxy } from "./proxy.mjs";
import { nameTimers } from "./timers.mjs";

export { expect } from "./fixtures.mjs";

/** How far time goes in one step: every reply comes within one, below the 10 s after which a request is given up. */
const STEP_S = 4;
/** How exactly times are measured. */
const FINE_STEP_S = 2;

export const test = shared.extend({
  // Hundreds of steps would make it large and slow.
  trace: "off",

  world: async ({ page, site, gateway, said }, use) => {
    const double = await new Double().start();
    const proxy = await new Proxy(double.url).listen();
    await use(new World({ page, site, gateway, said, double, proxy }));
    proxy.fault = undefined;
    await proxy.refuse();
    await double.stop();
  },
});

class World {
  #said;
  #site;
  #gateway;
  /** Virtual seconds since the page was opened. */
  now_s = 0;

  constructor({ page, site, gateway, said, double, proxy }) {
    Object.assign(this, { page, double, proxy });
    [this.#site, this.#gateway, this.#said] = [site, gateway, said];
  }

  /** Opens a page with a badge for each of `users`; the viewer's clock is wrong by `wrong_s`. */
  async open({ users = Object.keys(SHOWN), wrong_s = 0, settings = "" } = {}) {
    const { page } = this;
    const start_ms = (NOON_S + wrong_s) * 1000;
    await page.clock.install({ time: start_ms - 1000 });
    await page.clock.pauseAt(start_ms);
    await page.addInitScript(nameTimers);
    await page.addInitScript(observe);
    const badges = users.map((id) => `<zulip-presence user="${id}">Person ${id}</zulip-presence>`);
    const script = `<script src="${this.#gateway.url}/zulip-presence.js" async data-endpoint="${this.proxy.url}/api/v1" ${settings}></script>`;
    await page.goto(this.#site.page(`<p>${badges.join(" ")}</p>`, script));
    expect(await page.evaluate(() => zulipPresence.ready)).toBe(true);
    await page.waitForFunction(() => observed.asked.length > 0);
    await this.settle();
  }

  /** Lets time pass, for page, double and proxy alike. */
  async pass(seconds, most_s = STEP_S) {
    for (let left_s = seconds; left_s > 0; left_s -= most_s) {
      const step_s = Math.min(most_s, left_s);
      await this.page.clock.runFor(step_s * 1000);
      this.passed(step_s);
      await this.settle();
    }
  }

  /** So much time has passed already as far as the page is concerned. */
  passed(seconds) {
    this.now_s += seconds;
    this.double.now_s += seconds;
    this.proxy.pass(seconds);
  }

  /** What needs no time has happened: every reply that is not held back has been read. */
  async settle() {
    while ((await this.page.evaluate(() => observed.settle())) > this.proxy.held);
  }

  /** Passes time until the badges show `statuses`, at most `most_s`; the seconds that it took. */
  async until(statuses, most_s) {
    const start_s = this.now_s;
    const wanted = JSON.stringify(statuses);
    while (JSON.stringify(await this.statuses()) !== wanted && this.now_s - start_s < most_s) {
      await this.pass(FINE_STEP_S, FINE_STEP_S);
    }
    expect(await this.statuses()).toEqual(statuses);
    return this.now_s - start_s;
  }

  /** What each person's badge shows. */
  statuses() {
    return this.page
      .locator("zulip-presence")
      .evaluateAll((all) =>
        Object.fromEntries(
          all.map((one) => [one.getAttribute("user"), one.getAttribute("status")]),
        ),
      );
  }

  /** Every change that the page was told, `{ user, previous, status }`. */
  changes() {
    return this.page.evaluate(() => observed.changes);
  }

  /** How often the page asked so far. */
  asked() {
    return this.page.evaluate(() => observed.asked.length);
  }

  /** When the page asked last, in seconds since it was opened. */
  askedLast() {
    return this.page.evaluate(() => observed.asked.at(-1) / 1000);
  }

  /** The most bytes that the page had of a reply when it went on reading. */
  mostRead() {
    return this.page.evaluate(() => observed.mostRead);
  }

  /** The lines that the widget wrote to the console, and errors that nobody caught. */
  get lines() {
    return this.#said.filter((line) => /zulip-presence:|^uncaught/.test(line));
  }
}

/** Runs in the page, before its scripts and after the clock was installed. */
function observe() {
  const start_ms = performance.now();
  const observed = (globalThis.observed = { changes: [], asked: [], mostRead: 0 });
  let pending = 0;
  const count = (promise) => {
    const over = () => (pending -= 1);
    pending += 1;
    promise.then(over, over);
    return promise;
  };

  const { fetch } = window;
  window.fetch = (...request) => {
    if (`${request[0]}`.includes("/presence?")) observed.asked.push(performance.now() - start_ms);
    return count(fetch(...request));
  };
  const { read } = ReadableStreamDefaultReader.prototype;
  const sizes = new WeakMap();
  ReadableStreamDefaultReader.prototype.read = function () {
    const size = sizes.get(this) ?? 0;
    observed.mostRead = Math.max(observed.mostRead, size);
    const piece = count(read.call(this));
    piece.then(
      ({ value }) => sizes.set(this, size + (value?.length ?? 0)),
      () => {},
    );
    return piece;
  };
  addEventListener("presence-change", ({ detail: { user, previous, status } }) =>
    observed.changes.push({ user, previous, status }),
  );

  /** How many replies are still awaited, once all that is queued now has happened. */
  observed.settle = async () => {
    for (let turn = 0; turn < 4; turn++) {
      await new Promise((resolve) => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = () => resolve(port1.close());
        port2.postMessage(null);
      });
    }
    return pending;
  };
}
