// Headless Chromium over the DevTools protocol, by a pipe: no other program between the bench and the browser.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CHROMIUM, FLAGS } from "../../tests/e2e/chromium.mjs";

// With every window the browser loads pages of its own for its address bar, beside the page that is measured.
const NO_PAGES_OF_ITS_OWN = "--disable-features=WebUIOmniboxPopup,WebUIOmniboxAimPopup";

export class Chromium {
  #process;
  #profile;
  #pending = new Map();
  #listeners = new Map();
  #lastId = 0;
  version;

  async start() {
    this.#profile = await mkdtemp(join(tmpdir(), "zulip-presence-bench-"));
    this.#process = spawn(
      CHROMIUM,
      [
        "--headless=new",
        "--remote-debugging-pipe",
        `--user-data-dir=${this.#profile}`,
        ...FLAGS,
        NO_PAGES_OF_ITS_OWN,
        "about:blank",
      ],
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] },
    );
    this.#read(this.#process.stdio[4]);
    this.version = (await this.send("Browser.getVersion")).product;
    return this;
  }

  async stop() {
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
    await rm(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  send(method, params = {}, sessionId = undefined) {
    const id = ++this.#lastId;
    const where = new Error(method);
    this.#process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve, reject) => this.#pending.set(id, { resolve, reject, where }));
  }

  /** Calls back with the parameters of each such event of one session, or of the browser. */
  on(event, callback, sessionId = "") {
    this.#listeners.set(`${sessionId} ${event}`, callback);
  }

  forget(sessionId) {
    for (const key of this.#listeners.keys()) {
      if (key.startsWith(`${sessionId} `)) this.#listeners.delete(key);
    }
  }

  /** A page in a browser context of its own: nothing cached, nothing stored. */
  async page() {
    const { browserContextId } = await this.send("Target.createBrowserContext");
    return this.tab(browserContextId);
  }

  /**
   * One more tab in the window of that context; it hides the others. Without a context it is in the browser's own profile, on disk, whose
   * caches stay.
   */
  async tab(browserContextId) {
    const { targetId } = await this.send("Target.createTarget", {
      url: "about:blank",
      browserContextId,
    });
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
    return new Page(this, { browserContextId, targetId, sessionId });
  }

  async #read(pipe) {
    let rest = "";
    pipe.setEncoding("utf8");
    for await (const chunk of pipe) {
      const messages = (rest + chunk).split("\0");
      rest = messages.pop();
      for (const message of messages) this.#receive(JSON.parse(message));
    }
  }

  #receive({ id, result, error, method, params, sessionId = "" }) {
    if (id === undefined) return this.#listeners.get(`${sessionId} ${method}`)?.(params);
    const { resolve, reject, where } = this.#pending.get(id);
    this.#pending.delete(id);
    if (!error) return resolve(result);
    where.message += `: ${error.message}`;
    reject(where);
  }
}

class Page {
  #browser;
  #sessionId;
  #targetId;
  browserContextId;

  constructor(browser, { browserContextId, targetId, sessionId }) {
    this.#browser = browser;
    this.#sessionId = sessionId;
    this.#targetId = targetId;
    this.browserContextId = browserContextId;
  }

  send(method, params) {
    return this.#browser.send(method, params, this.#sessionId);
  }

  on(event, callback) {
    this.#browser.on(event, callback, this.#sessionId);
  }

  /** Evaluates an expression in the page; a promise is awaited. */
  async evaluate(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    });
    if (exceptionDetails) {
      throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    }
    return result.value;
  }

  async metrics() {
    const { metrics } = await this.send("Performance.getMetrics");
    return Object.fromEntries(metrics.map(({ name, value }) => [name, value]));
  }

  async close() {
    this.#browser.forget(this.#sessionId);
    await this.#browser.send("Target.closeTarget", { targetId: this.#targetId });
    if (this.browserContextId) {
      await this.#browser.send("Target.disposeBrowserContext", {
        browserContextId: this.browserContextId,
      });
    }
  }
}
