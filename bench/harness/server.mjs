// One loopback server for every page: brotli, correct content types; scripts may be cached, pages and replies may not.

import { extname } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, brotliCompressSync, constants } from "node:zlib";
import { LocalServer } from "../../tests/local-server.mjs";
import { realmPresence } from "./people.mjs";

const TYPES = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};
const CACHED = /javascript|wasm|css/;
/** Replies are compressed on request, as on a real server; files are compressed beforehand. */
const REPLY_QUALITY = 4;

export class Server extends LocalServer {
  /** Path to `{ type, body }`, compressed. */
  #files = new Map();
  /** Every request for presence: when, for whom, from which page. */
  requests = [];
  /** With each generation one person in ten changes in the replies. */
  generation = 0;

  constructor() {
    super({ keepAliveTimeout: 60_000 });
  }

  get origin() {
    return this.url;
  }

  /** Serves these bytes at that path; returns their size on the wire. */
  async add(path, bytes) {
    const body = await promisify(brotliCompress)(bytes, {
      params: {
        [constants.BROTLI_PARAM_QUALITY]: 11,
        [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
      },
    });
    this.#files.set(path, { type: TYPES[extname(path)], body });
    return body.length;
  }

  answer(request, response) {
    const url = new URL(request.url, this.origin);
    const file = this.#files.get(url.pathname) ?? this.#reply(url, request.headers.referer);
    if (!file) return response.writeHead(404).end();
    response.writeHead(200, {
      "Cache-Control": CACHED.test(file.type) ? "public, max-age=31536000, immutable" : "no-store",
      "Content-Encoding": "br",
      "Content-Length": file.body.length,
      "Content-Type": file.type,
    });
    response.end(file.body);
  }

  #reply(url, referer) {
    if (!url.pathname.endsWith("/api/v1/realm/presence")) return undefined;
    this.requests.push({ at: Date.now(), users: url.searchParams.get("users"), page: referer });
    const users = JSON.parse(url.searchParams.get("users"));
    const body = Buffer.from(
      JSON.stringify(realmPresence(users, this.generation, url.searchParams.has("slim_presence"))),
    );
    return {
      type: TYPES[".json"],
      body: brotliCompressSync(body, {
        params: { [constants.BROTLI_PARAM_QUALITY]: REPLY_QUALITY },
      }),
    };
  }
}
