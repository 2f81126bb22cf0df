// The gateway behind nginx, Apache, Caddy and HAProxy, with the files of deploy/: on a host name of its own, and under
// a path of a site that has other pages.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import { after, before, describe, test } from "node:test";
import { builtFiles } from "../../tools/built-files.mjs";
import { Cleanup, certificates, startGateway, until } from "../processes.mjs";
import { request, send } from "./request.mjs";
import { HOST, PROXIES, SITE } from "./reverse-proxies.mjs";

const { loader, glue, wasm } = builtFiles();
const ORIGIN = "https://wiki.example.com";
const GATEWAY_ARGS = ["--demo", "--dist", "dist", "--allow-origin", ORIGIN];

for (const [name, modes] of Object.entries(PROXIES))
  for (const [mode, start] of Object.entries(modes))
    describe(`${name}, ${mode === "host" ? "own host name" : "under a path"}`, () => {
      const prefix = mode === "host" ? "" : "/presence";
      const cleanup = new Cleanup();
      let gateway, recorder, intranet, tls, proxy, recording;

      before(async () => {
        const directory = await cleanup.directory();
        tls = certificates(directory, [HOST, SITE]);
        gateway = await startGateway(cleanup, GATEWAY_ARGS);
        recorder = await serve(cleanup);
        intranet = await serve(cleanup, "the intranet");
        const setup = { cleanup, tls, intranet: intranet.port };
        proxy = await start({ ...setup, directory, gateway: gateway.port });
        recording = await start({
          ...setup,
          directory: await cleanup.directory(),
          gateway: recorder.port,
        });
      });
      after(() => cleanup.stop());

      const host = mode === "host" ? HOST : SITE;
      const ask = (path, options) => request(proxy, host, path, { ca: tls.ca, ...options });
      const get = (path, headers) => ask(prefix + path, { headers });

      test("presence by ID, by email and for many people", async () => {
        for (const user of ["12", "ada%40example.com", "ada@example.com"]) {
          const reply = await get(`/api/v1/users/${user}/presence`);
          assert.equal(reply.status, 200, user);
          assert.equal(reply.headers["content-type"], "application/json");
          assert.equal(JSON.parse(reply.body).presence.aggregated.status, "active", user);
        }
        const users = encodeURIComponent(JSON.stringify([12, "ada@example.com", 17]));
        const { presences } = JSON.parse((await get(`/api/v1/realm/presence?users=${users}`)).body);
        assert.deepEqual(Object.keys(presences).sort(), ["12", "17", "ada@example.com"]);
        assert.ok(presences[12].active_timestamp > 0);
      });

      test("the longest URL that a page sends", async () => {
        const email = (n) => `somebody.with.a.rather.long.name.${n}.and.more@corp.example.com`;
        const path = (count) => {
          const users = JSON.stringify(Array.from({ length: count }, (_, n) => email(n)));
          return `/api/v1/realm/presence?users=${encodeURIComponent(users)}`;
        };
        let count = 1;
        while (path(count + 1).length <= 4_000) count += 1;
        const reply = await get(path(count));
        assert.equal(reply.status, 200);
        assert.equal(Object.keys(JSON.parse(reply.body).presences).length, count);
      });

      test("what caches may do is what the gateway says", async () => {
        const path = "/api/v1/users/23/presence";
        const direct = await request({ port: gateway.port, scheme: "http" }, "x", path);
        const { headers } = await get(path);
        assert.match(direct.headers["cache-control"], /^public, max-age=\d+, /);
        // deploy/nginx.conf has a cache of its own, and lets browsers store nothing.
        const kept =
          name === "nginx" && mode === "host"
            ? /^private, no-cache, max-age=(\d+)$/
            : /^public, max-age=(\d+), stale-while-revalidate=/;
        assert.match(headers["cache-control"], kept);
        // Pages tell Zulip's time by both.
        const [, maxAge_s] = kept.exec(headers["cache-control"]);
        const behind_ms = Date.now() - (Date.parse(headers.expires) - maxAge_s * 1000);
        assert.ok(behind_ms >= 0 && behind_ms < 20_000, `${behind_ms} ms`);
        assert.match(String(headers.vary), /\borigin\b/i);
      });

      test("a listed origin may read, another may not", async () => {
        const path = `${prefix}/api/v1/users/12/presence`;
        for (const [origin, allowed] of [
          [ORIGIN, ORIGIN],
          ["https://other.example.com", undefined],
        ]) {
          const reply = await ask(path, { headers: { Origin: origin } });
          assert.equal(reply.headers["access-control-allow-origin"], allowed, origin);
          const preflight = await ask(path, {
            method: "OPTIONS",
            headers: { Origin: origin, "Access-Control-Request-Method": "GET" },
          });
          assert.equal(preflight.status, 204);
          assert.equal(preflight.headers["access-control-allow-origin"], allowed, origin);
        }
      });

      test("the widget's files, compressed and not, and not again when unchanged", async () => {
        for (const [file, type] of [
          [loader, "text/javascript; charset=utf-8"],
          [glue, "text/javascript; charset=utf-8"],
          [wasm, "application/wasm"],
        ]) {
          const plain = await get(`/${file}`);
          assert.equal(plain.status, 200, file);
          assert.equal(plain.headers["content-type"], type);
          assert.deepEqual(plain.bytes, readFileSync(`dist/${file}`), file);
          const brotli = await get(`/${file}`, { "Accept-Encoding": "gzip, br" });
          assert.equal(brotli.headers["content-encoding"], "br", file);
          assert.deepEqual(brotli.bytes, readFileSync(`dist/${file}.br`), file);
          const unchanged = await get(`/${file}`, { "If-None-Match": plain.headers.etag });
          assert.equal(unchanged.status, 304, file);
        }
        const page = await get("/");
        assert.equal(page.status, 200);
        assert.match(page.body, /<zulip-presence/);
      });

      test("a stream comes as it happens, and is not cut between two comments", async () => {
        const path = `${prefix}/api/v1/realm/presence/stream?users=%5B12%5D&slim_presence=true`;
        const stream = await open(proxy, host, path, {
          ca: tls.ca,
          headers: { Origin: ORIGIN, "Accept-Encoding": "gzip, br" },
        });
        const { statusCode, headers } = stream.response;
        assert.equal(statusCode, 200);
        assert.equal(headers["content-type"], "text/event-stream");
        assert.equal(headers["cache-control"], "no-store");
        assert.equal(headers["content-encoding"], undefined);
        assert.equal(headers["access-control-allow-origin"], ORIGIN);
        const first = await stream.until(/^data: (.*)\n\n/);
        assert.ok(JSON.parse(first[1]).presences[12].active_timestamp > 0);
        // The first comment comes after 15 s, the second after 30 s.
        await stream.until(/:\n\n(.*\n)*:\n\n/);
        stream.close();
      });

      test("the badge as a picture", async () => {
        const reply = await get("/users/12/presence.svg");
        assert.equal(reply.headers["content-type"], "image/svg+xml");
        assert.match(reply.body, /<title>Active<\/title>/);
      });

      test("nothing for monitoring gets out", async () => {
        for (const path of [
          "/metrics",
          "/readyz",
          "/healthz",
          "//metrics",
          "/%6detrics",
          "/./metrics",
          "/x/../metrics",
          "/x%2f..%2fmetrics",
          "/metrics?x",
          "/METRICS",
          "/metrics/",
        ]) {
          const reply = await get(path);
          assert.ok(reply.status >= 400 && reply.status < 500, `${path}: ${reply.status}`);
          assert.doesNotMatch(reply.body, /zulip_presence_/, path);
        }
      });

      test("an encoded slash names nobody else", async () => {
        for (const path of [
          "/api/v1/users/x%2f..%2f12/presence",
          "/api/v1/users/x%252f..%252f12/presence",
          "/api/v1/users/12%2f/presence",
        ]) {
          const reply = await get(path);
          assert.ok(reply.status >= 400 && reply.status < 500, `${path}: ${reply.status}`);
          assert.doesNotMatch(reply.body, /timestamp/, path);
        }
      });

      test("only GET, HEAD and OPTIONS", async () => {
        const path = `${prefix}/api/v1/users/12/presence`;
        for (const method of ["POST", "PUT", "DELETE", "PATCH"])
          assert.equal((await ask(path, { method })).status, 405, method);
        const head = await ask(path, { method: "HEAD" });
        assert.equal(head.status, 200);
        assert.equal(head.bytes.length, 0);
      });

      test("the gateway gets the path as it was sent, and no cookie and no password", async () => {
        const path = "/api/v1/users/a%2Fb%25%40corp.example.com/presence";
        recorder.requests.length = 0;
        await request(recording, host, `${prefix}${path}?users=%5B%2212%22%5D&x`, {
          ca: tls.ca,
          headers: { Cookie: "session=secret", Authorization: "Basic c2VjcmV0" },
        });
        const [seen, ...more] = recorder.requests.filter(({ url }) => url !== "/healthz");
        assert.equal(seen.url, `${path}?users=%5B%2212%22%5D&x`);
        assert.equal(seen.headers.cookie, undefined);
        assert.equal(seen.headers.authorization, undefined);
        assert.deepEqual(more, []);
      });

      if (mode === "path")
        test("the site's other pages stay what they are", async () => {
          for (const path of [
            "/",
            "/team.html",
            "/presences",
            "/metrics",
            "/api/v1/users/12/presence",
          ])
            assert.equal((await ask(path)).body, `the intranet: ${path}`);
          const reply = await ask("/presence");
          assert.equal(reply.status, 301);
          assert.equal(new URL(reply.headers.location, `https://${SITE}/`).pathname, "/presence/");
        });

      test("a gateway that is restarted is used again, without touching the proxy", async () => {
        const path = "/api/v1/users/31/presence";
        await gateway.stop("SIGKILL");
        const { status } = await get(path);
        assert.ok([502, 503, 504].includes(status), `${status}`);
        await startGateway(cleanup, GATEWAY_ARGS, { port: gateway.port });
        await until(async () => (await get(path)).status === 200, "a reply");
      });
    });

/** An HTTP server that returns and records the requests it gets. */
async function serve(cleanup, text = "") {
  const requests = [];
  const server = http.createServer(({ url, headers }, response) => {
    requests.push({ url, headers });
    response.end(`${text}: ${url}`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: server.address().port, requests };
}

/** A reply that is read as it comes. */
async function open(proxy, host, path, options) {
  const sent = send(proxy, host, path, options);
  const [response] = await once(sent, "response");
  let text = "";
  response.setEncoding("utf8").on("data", (data) => (text += data));
  return {
    response,
    until: (pattern) =>
      until(() => {
        const found = pattern.exec(text);
        if (!found && response.closed) throw new Error(`it ended without ${pattern}: ${text}`);
        return found;
      }, pattern),
    close: () => sent.destroy(),
  };
}
