// Somebody's web site: pages on an origin that is not the gateway's.

import { LocalServer } from "../local-server.mjs";

export class Site extends LocalServer {
  #pages = new Map();
  #routes = new Map();

  get origin() {
    return this.url;
  }

  /** Adds a page with this body and head; returns its URL. */
  page(body, head = "") {
    const path = `/page/${this.#pages.size}`;
    this.#pages.set(
      path,
      `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">${head}<body>${body}</body></html>`,
    );
    return this.origin + path;
  }

  /** Serves every path that begins with `path` by `answer(request, response)`; returns its URL. */
  route(path, answer) {
    this.#routes.set(path, answer);
    return this.origin + path;
  }

  answer(request, response) {
    const route = [...this.#routes].find(([path]) => request.url.startsWith(path));
    if (route) return route[1](request, response);
    const page = this.#pages.get(new URL(request.url, this.origin).pathname);
    response.writeHead(page ? 200 : 404, { "Content-Type": "text/html; charset=utf-8" });
    response.end(page);
  }
}
