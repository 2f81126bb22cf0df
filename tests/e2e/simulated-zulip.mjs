// A simulated Zulip (zulip-simulator/), told what people do, and a gateway of it.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GATEWAY, Program, SIMULATOR } from "../processes.mjs";

export class SimulatedZulip {
  #program;
  url;

  async start() {
    this.#program = new Program(SIMULATOR, [], { stdin: "pipe" });
    [this.url] = await this.#program.match(/http:\/\/127\.0\.0\.1:\d+/);
    return this;
  }

  /** What happens: see zulip-simulator/src/main.rs. */
  tell(line) {
    this.#program.write(`${line}\n`);
  }

  stop() {
    return this.#program.stop();
  }
}

/** A gateway of a simulated Zulip; its address stays the same over a restart. */
export class ZulipGateway {
  #zulip;
  #folder;
  #options;
  #program;
  url;

  constructor(zulip, folder, options = []) {
    this.#zulip = zulip;
    this.#folder = folder;
    this.#options = options;
  }

  async start() {
    const zuliprc = join(this.#folder, "zuliprc");
    const account = "email=presence-bot@example.com\nkey=simulated";
    await writeFile(zuliprc, `[api]\n${account}\nsite=${this.#zulip.url}\n`, { mode: 0o600 });
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const own = ["--config-file", zuliprc, "--dist", "dist", "--listen", listen];
    this.#program = new Program(GATEWAY, [...own, ...this.#options]);
    const [, url] = await this.#program.match(/listening on (http:\/\/127\.0\.0\.1:\d+)/);
    this.url = url;
    return this;
  }

  /** The value of one of its metrics. */
  async metric(name) {
    const pattern = new RegExp(`^zulip_presence_${name}(?:\\{.*\\})? (.*)$`, "m");
    return Number(pattern.exec(await this.#metrics())?.[1]);
  }

  /** The values of one of its metrics, each with the value of one of its labels. */
  async metricBy(name, label) {
    const pattern = new RegExp(`^zulip_presence_${name}\\{.*\\b${label}="(.*?)".*\\} (.*)$`, "gm");
    const found = (await this.#metrics()).matchAll(pattern);
    return [...found].map(([, value, count]) => [value, Number(count)]);
  }

  async #metrics() {
    return (await fetch(`${this.url}/metrics`)).text();
  }

  stop(signal = "SIGKILL") {
    return this.#program.stop(signal);
  }
}
