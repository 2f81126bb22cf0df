// The real gateway with its simulated organisation, behind a proxy that makes a person active when a test requests it.

import { Gateway } from "../e2e/gateway.mjs";
import { Proxy } from "../e2e/proxy.mjs";

export class LiveGateway {
  #gateway;
  #proxy;
  #present = new Set();

  async start() {
    this.#gateway = await new Gateway(["--allow-origin", "*", "--refresh", "10"]).start();
    this.#proxy = await new Proxy(this.#gateway.url).start();
    this.#proxy.fault = (exchange) => this.#answer(exchange);
    return this;
  }

  /** The gateway's URL for pages. */
  get url() {
    return this.#proxy.url;
  }

  /** From now on this person, by the key of `user`, is active. */
  arrive(user) {
    this.#present.add(user);
  }

  /** Everybody has the status of the simulated organisation again. */
  reset() {
    this.#present.clear();
  }

  async stop() {
    await this.#proxy.stop();
    await this.#gateway.kill();
  }

  async #answer({ request, response, reply }) {
    try {
      const { status, headers, body } = await reply();
      const changed = this.#present.size > 0 && status === 200 && isPresence(request.url);
      const sent = changed ? this.#withPresent(request.url, body) : body;
      response.writeHead(status, { ...headers, "content-length": sent.length }).end(sent);
    } catch {
      request.socket.destroy();
    }
  }

  #withPresent(url, body) {
    const reply = JSON.parse(body);
    const now = Math.floor(reply.server_timestamp);
    if (reply.presence && this.#present.has(decodeURIComponent(url.split("/").at(-2))))
      reply.presence = activeAt(reply.presence, now);
    for (const [user, entry] of Object.entries(reply.presences ?? {}))
      if (this.#present.has(user)) reply.presences[user] = activeAt(entry, now);
    return Buffer.from(JSON.stringify(reply));
  }
}

function isPresence(url) {
  return new URL(url, "http://gateway").pathname.endsWith("/presence");
}

/** The same entry, of somebody who was active at `now`. */
function activeAt(entry, now) {
  const of = ([name, value]) => {
    if (typeof value === "object") return [name, activeAt(value, now)];
    return [name, name === "status" ? "active" : now];
  };
  return Object.fromEntries(Object.entries(entry).map(of));
}
