// A page in virtual time, a fake gateway in the same virtual time, and a proxy between them that can fail.

import { FakeGateway, NOON_S, EXPECTED_STATUSES } from "./fake-gateway.mjs";
import { expect, test as shared } from "./fixtures.mjs";
import { Proxy } from "./proxy.mjs";
import { nameTimers } from "./timers.mjs";

export { expect } from "./fixtures.mjs";

/** How far time advances in one step: less than the 10 s after which a request times out. */
const STEP_S = 4;
/** The resolution of measured times. */
const FINE_STEP_S = 2;

export const test = shared.extend({
  // Hundreds of steps would make it large and slow.
  trace: "off",

  virtualPage: async ({ page, site, gateway, consoleMessages }, use) => {
    const fakeGateway = await new FakeGateway().start();
    const proxy = await new Proxy(fakeGateway.url).start();
    await use(new VirtualPage({ page, site, gateway, consoleMessages, fakeGateway, proxy }));
    proxy.fault = undefined;
    await proxy.stop();
    await fakeGateway.stop();
  },
});

class VirtualPage {
  #consoleMessages;
  #site;
  #gateway;
  /** Virtual seconds since the page was opened. */
  now_s = 0;

  constructor({ page, site, gateway, consoleMessages, fakeGateway, proxy }) {
    Object.assign(this, { page, fakeGateway, proxy });
    [this.#site, this.#gateway, this.#consoleMessages] = [site, gateway, consoleMessages];
  }

  /** Opens a page with a badge for each of `users`; the viewer's clock is wrong by `wrong_s`. */
  async open({ users = Object.keys(EXPECTED_STATUSES), wrong_s = 0, settings = "" } = {}) {
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
    await page.waitForFunction(() => observed.requestTimes_ms.length > 0);
    await this.settle();
  }

  /** Advances time for page, fake gateway and proxy. */
  async pass(seconds, maxStep_s = STEP_S) {
    for (let left_s = seconds; left_s > 0; left_s -= maxStep_s) {
      const step_s = Math.min(maxStep_s, left_s);
      await this.page.clock.runFor(step_s * 1000);
      this.advanceServers(step_s);
      await this.settle();
    }
  }

  /** Advances time for fake gateway and proxy only, as the page's clock has advanced already. */
  advanceServers(seconds) {
    this.now_s += seconds;
    this.fakeGateway.now_s += seconds;
    this.proxy.pass(seconds);
  }

  /** Waits until every reply that is not held back has been read. */
  async settle() {
    while ((await this.page.evaluate(() => observed.settle())) > this.proxy.held);
  }

  /** Advances time until the badges show `statuses`, at most `max_s`; returns the seconds that it took. */
  async until(statuses, max_s) {
    const start_s = this.now_s;
    const wanted = JSON.stringify(statuses);
    while (JSON.stringify(await this.statuses()) !== wanted && this.now_s - start_s < max_s) {
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
        Object.fromEntries(all.map((one) => [one.getAttribute("user"), one.status])),
      );
  }

  /** Every presence-change event so far, `{ user, previous, status }`. */
  changes() {
    return this.page.evaluate(() => observed.changes);
  }

  /** How many presence requests the page has made. */
  requestCount() {
    return this.page.evaluate(() => observed.requestTimes_ms.length);
  }

  /** When the page made its last presence request, in seconds since it was opened. */
  lastRequestAt_s() {
    return this.page.evaluate(() => observed.requestTimes_ms.at(-1) / 1000);
  }

  /** The most bytes of one reply that the page had read when it asked for more. */
  maxBytesRead() {
    return this.page.evaluate(() => observed.maxBytesRead);
  }

  /** The console messages of the widget, and uncaught errors. */
  get messages() {
    return this.#consoleMessages.filter((line) => /zulip-presence:|^uncaught/.test(line));
  }
}

/** Runs in the page, before its scripts and after the clock was installed. */
function observe() {
  const start_ms = performance.now();
  const observed = (globalThis.observed = { changes: [], requestTimes_ms: [], maxBytesRead: 0 });
  let pending = 0;
  const count = (promise) => {
    const over = () => (pending -= 1);
    pending += 1;
    promise.then(over, over);
    return promise;
  };

  const { fetch } = window;
  window.fetch = (...request) => {
    if ((request[0].url ?? `${request[0]}`).includes("/presence?"))
      observed.requestTimes_ms.push(performance.now() - start_ms);
    return count(fetch(...request));
  };
  const { read } = ReadableStreamDefaultReader.prototype;
  const sizes = new WeakMap();
  ReadableStreamDefaultReader.prototype.read = function () {
    const size = sizes.get(this) ?? 0;
    observed.maxBytesRead = Math.max(observed.maxBytesRead, size);
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

  /** How many replies are still pending, after all queued tasks have run. */
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
