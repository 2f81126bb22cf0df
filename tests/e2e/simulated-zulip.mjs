// A simulated Zulip (zulip-simulator/), told what people do, and a gateway of it.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Program, SIMULATOR } from "../processes.mjs";
import { Gateway } from "./gateway.mjs";

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

/** A gateway of a simulated Zulip. */
export class ZulipGateway extends Gateway {
  #zulip;
  #zuliprc;

  constructor(zulip, folder, options) {
    const zuliprc = join(folder, "zuliprc");
    super(options, "dist", ["--config-file", zuliprc]);
    this.#zulip = zulip;
    this.#zuliprc = zuliprc;
  }

  async start() {
    const account = "email=presence-bot@example.com\nkey=simulated";
    const text = `[api]\n${account}\nsite=${this.#zulip.url}\n`;
    await writeFile(this.#zuliprc, text, { mode: 0o600 });
    return super.start();
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
}
