// A server of built files, of one build or of several, that can fail. Its API is that of a gateway.

import { extname } from "node:path";
import { LOADER, build } from "../builds.mjs";
import { test as shared } from "./fixtures.mjs";
import { Site } from "./site.mjs";

const TYPES = { ".js": "text/javascript", ".txt": "text/plain", ".wasm": "application/wasm" };
export class FileServer {
  #site = new Site();
  #gateway;
  /** The builds of the replicas, which answer in turn. */
  builds = [build()];
  /** What happens to a request for a file, by name; `true`: it has been answered. */
  fault = () => false;
  /** What caches may do with the loader, and with the other files. */
  cacheControl = {
    loader: "public, max-age=300, must-revalidate",
    others: "public, max-age=31536000, immutable",
  };
  /** Every request for a file: `{ name, url, at_ms }`. */
  requests = [];
  origin;

  constructor(gateway) {
    this.#gateway = gateway;
  }

  async start() {
    await this.#site.start();
    this.origin = this.#site.origin;
    this.#site.route("/api/", (request, response) => this.#ask(request, response));
    this.#site.route("/zulip-presence", (request, response) => this.#serve(request, response));
    return this;
  }

  stop() {
    return this.#site.stop();
  }

  get loader() {
    return `${this.origin}/${LOADER}`;
  }

  /** How often a file was requested whose name matches. */
  count(pattern) {
    return this.requests.filter(({ name }) => pattern.test(name)).length;
  }

  async #ask({ url, headers }, response) {
    const reply = await fetch(this.#gateway.url + url, {
      headers: headers.origin ? { origin: headers.origin } : {},
    });
    const body = Buffer.from(await reply.arrayBuffer());
    response.writeHead(reply.status, {
      "Content-Type": "application/json",
      "Access-Control-Allow-Origin": "*",
      "Cache-Control": "no-store",
    });
    response.end(body);
  }

  #serve(request, response) {
    const name = new URL(request.url, this.origin).pathname.slice(1);
    this.requests.push({ name, url: request.url, at_ms: Date.now() });
    const files = this.builds[(this.requests.length - 1) % this.builds.length];
    const body = files.get(name);
    if (this.fault({ name, request, response, body })) return;
    const headers = { "Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff" };
    if (!body) {
      response.writeHead(404, { ...headers, "Cache-Control": "no-store" }).end();
      return;
    }
    response.writeHead(200, {
      ...headers,
      "Content-Type": TYPES[extname(name)],
      "Content-Length": body.length,
      "Cache-Control": this.cacheControl[name === LOADER ? "loader" : "others"],
    });
    response.end(body);
  }
}

/** Adds HTML to the page that runs this. */
export const ADD = (html) => document.body.insertAdjacentHTML("beforeend", html);

/** The script tag of a file server. */
export const script = ({ loader }, attributes = "") =>
  `<script src="${loader}" async ${attributes}></script>`;

export const test = shared.extend({
  files: async ({ gateway }, use) => {
    const files = await new FileServer(gateway).start();
    await use(files);
    await files.stop();
  },

  /** The console messages that are about the widget, and uncaught errors. */
  ours: async ({ consoleMessages }, use) => {
    await use(() => consoleMessages.filter((line) => /zulip-presence: |^uncaught/.test(line)));
  },
});
