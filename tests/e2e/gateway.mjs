// The real gateway in demo mode, on a port of its own.

import { GATEWAY, Program } from "../processes.mjs";

export class Gateway {
  #options;
  #dist;
  #program;
  /** Where it listens, such as `http://127.0.0.1:41234`; it stays the same over a restart. */
  url;

  constructor(options = [], dist = "dist") {
    this.#options = options;
    this.#dist = dist;
  }

  async start() {
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const options = ["--demo", "--dist", this.#dist, "--listen", listen, ...this.#options];
    this.#program = new Program(GATEWAY, options);
    [this.url] = await this.#program.match(/http:\/\/127\.0\.0\.1:\d+/);
    return this;
  }

  kill() {
    return this.#program.stop("SIGKILL");
  }
}
