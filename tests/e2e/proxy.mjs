// A proxy between a page and its endpoint that fails as networks, servers and reverse proxies do.

import { createGzip } from "node:zlib";
import { LocalServer } from "../local-server.mjs";

/** The request headers that are passed on. */
const PASSED = ["origin", "accept", "accept-language", "authorization"];

export class Proxy extends LocalServer {
  #upstream;
  /** Replies that are held back, each with the rest of its body. */
  #held = new Set();
  /** What happens to every request: a fault, or `undefined` for none. See `FAULTS`. */
  fault;

  constructor(upstream) {
    super();
    this.#upstream = upstream;
  }

  /** How many replies are held back now. */
  get held() {
    return this.#held.size;
  }

  /** Keeps `response` open; each second of the test's time it gets one more byte of `body`. */
  hold(response, body = "") {
    const held = { response, body: Buffer.from(body), sent: 0 };
    this.#held.add(held);
    response.on("close", () => this.#held.delete(held));
  }

  /** To be called when time of the test has passed. */
  pass(seconds) {
    for (const held of this.#held) {
      const end = Math.min(held.sent + seconds, held.body.length);
      if (end > held.sent) held.response.write(held.body.subarray(held.sent, end));
      held.sent = end;
    }
  }

  async answer(request, response) {
    response.on("error", () => {}); // The page has closed the connection.
    response.sendDate = false;
    if (this.fault)
      return this.fault({ request, response, proxy: this, reply: () => this.#reply(request) });
    try {
      const { status, headers, body } = await this.#reply(request);
      response.writeHead(status, headers).end(body);
    } catch {
      request.socket.destroy();
    }
  }

  async #reply({ url, method, headers }) {
    const passed = PASSED.filter((name) => name in headers).map((name) => [name, headers[name]]);
    const reply = await fetch(this.#upstream + url, {
      method,
      headers: Object.fromEntries(passed),
      redirect: "manual",
    });
    const kept = Object.fromEntries(reply.headers);
    for (const name of ["content-encoding", "transfer-encoding", "connection"]) delete kept[name];
    const body = Buffer.from(await reply.arrayBuffer());
    return { status: reply.status, headers: { ...kept, "content-length": body.length }, body };
  }
}

const HTML = "<!doctype html><html><title>Bad gateway</title><body>nginx</body></html>";

const cors = ({ headers }) => ({
  "Access-Control-Allow-Origin": headers.origin ?? "*",
  "Access-Control-Expose-Headers": "Date, Retry-After",
  "Cache-Control": "no-store",
});

/** A reply with CORS headers, of JSON unless `headers` say otherwise. */
const replyWith = (status, body, headers = {}) => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return ({ request, response }) =>
    response
      .writeHead(status, { ...cors(request), "Content-Type": "application/json", ...headers })
      .end(text);
};

const limited = (retryAfter) =>
  replyWith(
    429,
    {
      result: "error",
      msg: "API usage exceeded rate limit",
      code: "RATE_LIMIT_HIT",
      ...(retryAfter === undefined ? {} : { "retry-after": retryAfter }),
    },
    retryAfter === undefined ? {} : { "Retry-After": `${retryAfter}` },
  );

/** Starts a redirect, which leads to a login page. */
const redirects =
  (headers) =>
  ({ request, response }) => {
    if (request.url.startsWith("/login"))
      return response
        .writeHead(200, { "Content-Type": "text/html", ...headers(request) })
        .end(HTML);
    response.writeHead(302, { Location: "/login/?next=/api", ...headers(request) }).end();
  };

/** An endless body of spaces, with which any JSON may begin. */
function endless({ response }, into = response) {
  const piece = Buffer.alloc(64 << 10, " ");
  let isOver = false;
  response.on("close", () => (isOver = true));
  const more = () => {
    while (!isOver) {
      if (!into.write(piece)) return into.once("drain", more);
    }
  };
  more();
}

/** Every fault by its name; `Proxy.fault` takes one. Refused connections are `Proxy.stop()`. */
export const FAULTS = {
  "reset at once": ({ request }) => request.socket.resetAndDestroy(),
  "reset in the middle of the body": async ({ response, reply }) => {
    const { status, headers, body } = await reply();
    response.writeHead(status, headers);
    response.write(body.subarray(0, body.length / 2), () => response.socket.resetAndDestroy());
  },
  "no answer ever": ({ response, proxy }) => proxy.hold(response),
  "one byte a second": async ({ response, proxy, reply }) => {
    const { status, headers, body } = await reply();
    response.writeHead(status, headers).flushHeaders();
    proxy.hold(response, body);
  },
  "502 with HTML and without CORS": ({ response }) =>
    response.writeHead(502, { "Content-Type": "text/html" }).end(HTML),
  "500 without code": replyWith(500, { result: "error", msg: "Internal server error" }),
  "429 with a fraction": limited(6.466876268386841),
  "429 without a wait": limited(undefined),
  "429 with a wait of years": limited(1e9),
  "429 with a negative wait": limited(-5),
  "401 in the middle": replyWith(401, {
    result: "error",
    msg: "Invalid API key",
    code: "UNAUTHORIZED",
  }),
  "a redirect to a login page without CORS": redirects(() => ({})),
  "a redirect to a login page": redirects(cors),
  "an empty body": replyWith(200, ""),
  "a body that never ends": (exchange) => {
    const { request, response } = exchange;
    response.writeHead(200, { ...cors(request), "Content-Type": "application/json" });
    endless(exchange);
  },
  "a gzip bomb": (exchange) => {
    const { request, response } = exchange;
    response.writeHead(200, {
      ...cors(request),
      "Content-Type": "application/json",
      "Content-Encoding": "gzip",
    });
    const gzip = createGzip({ level: 9 });
    gzip.pipe(response);
    endless(exchange, gzip);
  },
  "JSON of 10,000 levels": replyWith(
    200,
    `{"result":"success","msg":"","presences":${"[".repeat(10_000)}${"]".repeat(10_000)}}`,
  ),
  "JSON of 10,000 levels in an entry": replyWith(
    200,
    `{"result":"success","msg":"","presences":{"12":${'{"a":'.repeat(10_000)}1${"}".repeat(10_000)}}}`,
  ),
};
