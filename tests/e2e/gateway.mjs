// The real gateway, on a port of its own.

import { GATEWAY, Program } from "../processes.mjs";

export class Gateway {
  #options;
  #dist;
  #source;
  #program;
  /** Where it listens, such as `http://127.0.0.1:41234`; it stays the same over a restart. */
  url;

  /** `source` says where Zulip is: by default it is simulated by the gateway itself. */
  constructor(options = [], dist = "dist", source = ["--demo"]) {
    this.#options = options;
    this.#dist = dist;
    this.#source = source;
  }

  async start() {
    const listen = this.url ? new URL(this.url).host : "127.0.0.1:0";
    const own = [...this.#source, "--dist", this.#dist, "--listen", listen];
    this.#program = new Program(GATEWAY, [...own, ...this.#options]);
    const [, url] = await this.#program.match(/listening on (http:\/\/127\.0\.0\.1:\d+)/);
    this.url = url;
    return this;
  }

  stop(signal) {
    return this.#program.stop(signal);
  }

  kill() {
    return this.stop("SIGKILL");
  }
}
