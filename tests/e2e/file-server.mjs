// A server of built files, of one build or of several, that can fail. Its API is that of a gateway.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { test as shared } from "./fixtures.mjs";
import { Site } from "./site.mjs";

const TYPES = { ".js": "text/javascript", ".txt": "text/plain", ".wasm": "application/wasm" };
const LOADER = "zulip-presence.js";
const FILES = /\{"interface":\d.*?\}/;

/** The files of `make dist` that pages load, as a map from name to bytes. */
export function build() {
  const names = readdirSync("dist").filter((name) =>
    /^zulip-presence.*\.(js|wasm|txt)$/.test(name),
  );
  return new Map(names.map((name) => [name, readFileSync(join("dist", name))]));
}

/** The names of what the loader of a build loads: `{ glue, wasm }`. */
export function loaded(files) {
  const { glue, wasm } = JSON.parse(FILES.exec(files.get(LOADER))[0]);
  return { glue: glue[0], wasm: wasm[0] };
}

/** Another build, whose glue sets `globalThis.build` to `name`. */
export function anotherBuild(name, { isCompatible = true } = {}) {
  const files = build();
  const { glue, wasm } = loaded(files);
  const other = {
    glue: Buffer.concat([Buffer.from(`globalThis.build = "${name}";`), files.get(glue)]),
    // A custom section with the name.
    wasm: Buffer.concat([
      files.get(wasm),
      Buffer.from([0, name.length + 1, name.length, ...Buffer.from(name)]),
    ]),
  };
  files.delete(glue);
  files.delete(wasm);
  const manifest = JSON.parse(FILES.exec(files.get(LOADER))[0]);
  if (!isCompatible) manifest.interface += 1;
  for (const [kind, extension] of [
    ["glue", "js"],
    ["wasm", "wasm"],
  ]) {
    const hash = createHash("sha256").update(other[kind]).digest();
    const file = `zulip-presence-widget-${hash.toString("hex").slice(0, 16)}.${extension}`;
    files.set(file, other[kind]);
    manifest[kind] = [file, `sha256-${hash.toString("base64")}`];
  }
  const text = files.get(LOADER).toString().replace(FILES, JSON.stringify(manifest));
  files.set(LOADER, Buffer.from(text));
  return files;
}

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
