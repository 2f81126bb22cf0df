// The real gateway in demo mode, on a port of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const PROGRAM = "target/gateway/zulip-presence-gateway";

export class Gateway {
  #options;
  #dist;
  #process;
  /** Where it listens, such as `http://127.0.0.1:41234`; it stays the same over a restart. */
  url;

  constructor(options = [], dist = "dist") {
    this.#options = options;
    this.#dist = dist;
  }

  async start() {
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    this.#process = spawn(
      PROGRAM,
      ["--demo", "--dist", this.#dist, "--listen", listen, ...this.#options],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    const output = [];
    const address = new Promise((resolve, reject) => {
      for (const stream of [this.#process.stdout, this.#process.stderr]) {
        createInterface({ input: stream }).on("line", (line) => {
          output.push(line);
          const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
          if (found) resolve(found);
        });
      }
      this.#process.on("error", reject);
      this.#process.on("exit", (code) =>
        reject(new Error(`the gateway ended with ${code}:\n${output.join("\n")}`)),
      );
    });
    this.url = await address;
    return this;
  }

  async kill() {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, "exit");
    this.#process.kill("SIGKILL");
    await gone;
  }
}
