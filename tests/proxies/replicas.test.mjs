// Two gateways of different builds behind one name, by deploy/nginx.conf.

import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { chromium } from "@playwright/test";
import { anotherBuild, build, loaded } from "../builds.mjs";
import { CHROMIUM, FLAGS } from "../e2e/chromium.mjs";
import { Cleanup, startGateway } from "../processes.mjs";
import { request } from "./request.mjs";
import { HOST, PROXIES } from "./reverse-proxies.mjs";

const LOADS = 12;

const cleanup = new Cleanup();
let site, browser;

before(async () => {
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...FLAGS, `--host-resolver-rules=MAP ${HOST} 127.0.0.1`],
  });
  cleanup.add(() => browser.close());
});
after(() => cleanup.stop());

/** Starts nginx in front of two ports. */
async function startNginx(gateway, second) {
  return PROXIES.nginx.host({ cleanup, directory: await cleanup.directory(), gateway, second });
}

/** Starts a server; returns its port. */
async function serve(answer) {
  const server = createServer(answer);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  cleanup.add(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}

test("each page gets its files at once, whichever gateway has them", async () => {
  const gateways = [];
  for (const files of [build(), anotherBuild("new")]) {
    const dist = await cleanup.directory();
    for (const [name, bytes] of files) writeFileSync(join(dist, name), bytes);
    gateways.push(await startGateway(cleanup, ["--demo", "--allow-origin", "*", "--dist", dist]));
  }
  const { port } = await startNginx(...gateways.map((gateway) => gateway.port));
  site = await serve((_, response) => {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.end(`<!doctype html><html lang="de"><title>Our team</title><link rel="icon" href="data:,">
      <script src="http://${HOST}:${port}/zulip-presence.js" async></script>
      <zulip-presence user="12" label="status">Ada Lovelace</zulip-presence>`);
  });
  const builds = [];
  for (let load = 0; load < LOADS; load++) {
    // With an empty cache.
    const context = await browser.newContext();
    const page = await context.newPage();
    const problems = [];
    page.on("console", (message) => problems.push(message.text()));
    page.on("response", (response) => {
      if (!response.ok()) problems.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(`http://127.0.0.1:${site}/`);
    await page.waitForFunction(() => document.querySelector("zulip-presence").status === "active");
    builds.push(await page.evaluate(() => globalThis.build));
    assert.deepEqual(problems, [], `load ${load}`);
    await context.close();
  }
  assert.deepEqual(new Set(builds), new Set([undefined, "new"]));
});

test("a file that no gateway has is a 404 that no cache keeps", async () => {
  const [one, other] = [
    await startGateway(cleanup, ["--demo", "--dist", "dist"]),
    await startGateway(cleanup, ["--demo", "--dist", "dist"]),
  ];
  const nginx = await startNginx(one.port, other.port);
  const reply = await request(nginx, HOST, "/zulip-presence-widget-0123456789abcdef.js");
  assert.equal(reply.status, 404);
  assert.equal(reply.headers["cache-control"], "no-store");
  assert.equal(reply.headers["access-control-allow-origin"], "*");
});

test("only files that are named by their content are requested from another gateway", async () => {
  const requests = [];
  const missing = ({ url }, response) => {
    requests.push(url);
    response.writeHead(404).end();
  };
  const nginx = await startNginx(await serve(missing), await serve(missing));
  const { glue, wasm } = loaded(build());
  for (const [path, count] of [
    [`/${glue}`, 2],
    [`/${wasm}?0.5`, 2],
    ["/zulip-presence-words-zh-CN-0123456789abcdef.txt", 2],
    ["/zulip-presence.js", 1],
    ["/api/v1/users/12/presence", 1],
    ["/api/v1/realm/presence?users=%5B12%5D", 1],
    ["/api/v1/users/12/status", 1],
    ["/users/12/presence.svg", 1],
    ["/none", 1],
  ]) {
    requests.length = 0;
    assert.equal((await request(nginx, HOST, path)).status, 404, path);
    assert.equal(requests.length, count, path);
  }
});
