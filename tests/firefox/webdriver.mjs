// Firefox by the WebDriver protocol (W3C), as far as the tests need it: geckodriver is asked by plain HTTP.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** Under which name the protocol hands out elements. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
const WAIT_MS = 60_000;

export const KEYS = { tab: "\uE004", enter: "\uE007", escape: "\uE00C", space: " " };

export class Firefox {
  #driver;
  #server;
  #session;

  async start() {
    this.#driver = spawn(process.env.GECKODRIVER ?? "geckodriver", ["--port", "0"], {
      // Firefox itself complains there of the machine that has no screen.
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#driver.on("error", (error) => {
      throw new Error(`geckodriver: ${error.message}`);
    });
    for await (const line of createInterface({ input: this.#driver.stdout })) {
      const [, address] = /Listening on (127\.0\.0\.1:\d+)/.exec(line) ?? [];
      if (!address) continue;
      this.#server = `http://${address}`;
      break;
    }
    // What else it says is nobody's concern, but wants to be read.
    this.#driver.stdout.resume();
    const firefox = { args: ["-headless"], prefs: { "intl.accept_languages": "en-US, en" } };
    if (process.env.FIREFOX) firefox.binary = process.env.FIREFOX;
    const { sessionId, capabilities } = await this.#ask("POST", "/session", {
      capabilities: { alwaysMatch: { "moz:firefoxOptions": firefox } },
    });
    this.#session = `/session/${sessionId}`;
    this.version = `${capabilities.browserName} ${capabilities.browserVersion}`;
    return this;
  }

  async stop() {
    if (this.#session) await this.#ask("DELETE", this.#session);
    const gone = once(this.#driver, "exit");
    this.#driver.kill();
    await gone;
  }

  open(url) {
    return this.#command("POST", "/url", { url });
  }

  back() {
    return this.#command("POST", "/back", {});
  }

  /** What `body`, a function, returns in the page, with these arguments. A promise is waited for. */
  run(body, ...args) {
    return this.#command("POST", "/execute/sync", {
      script: `return (${body})(...arguments)`,
      args,
    });
  }

  /** Waits until `body` returns something true in the page, and gives it. */
  async until(body, ...args) {
    const end = Date.now() + WAIT_MS;
    for (;;) {
      const value = await this.run(body, ...args);
      if (value) return value;
      if (Date.now() > end) throw new Error(`never came: ${body} ${JSON.stringify(args)}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The role and name by which assistive technology knows what `body` returns. */
  async accessible(body, ...args) {
    const element = await this.run(body, ...args);
    const path = `/element/${element[ELEMENT]}`;
    const [role, label] = await Promise.all([
      this.#command("GET", `${path}/computedrole`),
      this.#command("GET", `${path}/computedlabel`),
    ]);
    return { role, label };
  }

  async press(...keys) {
    const actions = keys.flatMap((value) => [
      { type: "keyDown", value },
      { type: "keyUp", value },
    ]);
    await this.#command("POST", "/actions", { actions: [{ type: "key", id: "keys", actions }] });
  }

  /** Moves a mouse to the middle of what `body` returns, and clicks where told to. */
  async point(body, { click = false } = {}) {
    const origin = await this.run(body);
    const actions = [{ type: "pointerMove", duration: 0, x: 0, y: 0, origin }];
    if (click) actions.push({ type: "pointerDown", button: 0 }, { type: "pointerUp", button: 0 });
    await this.#command("POST", "/actions", {
      actions: [{ type: "pointer", id: "mouse", parameters: { pointerType: "mouse" }, actions }],
    });
  }

  #command(method, path, body) {
    return this.#ask(method, this.#session + path, body);
  }

  async #ask(method, path, body) {
    const reply = await fetch(this.#server + path, {
      method,
      body: body && JSON.stringify(body),
      headers: { "Content-Type": "application/json" },
    });
    const { value } = await reply.json();
    if (!reply.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  }
}
