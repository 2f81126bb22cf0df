// An HTTP server on a free port of 127.0.0.1, for tests and bench.

import { once } from "node:events";
import { createServer } from "node:http";

export class LocalServer {
  #options;
  #server;
  /** Where it listens, such as `http://127.0.0.1:41234`; it stays the same over a restart. */
  url;

  /** @param {object} [options] Those of `http.createServer`. */
  constructor(options = {}) {
    this.#options = options;
  }

  /** Answers a request. Subclasses define it. */
  answer(_request, response) {
    response.writeHead(404).end();
  }

  async start() {
    this.#server = createServer(this.#options, (...exchange) => this.answer(...exchange));
    this.#server.listen(this.url ? new URL(this.url).port : 0, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  /** Connections are refused until the next start. */
  async stop() {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
