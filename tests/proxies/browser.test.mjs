// Badges in a browser, on a page of a site that has the gateway under a path, behind each proxy, over TLS and HTTP/2.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, test } from "node:test";
import { chromium } from "@playwright/test";
import { CHROMIUM, FLAGS } from "../e2e/chromium.mjs";
import { Cleanup, certificates, startGateway } from "../processes.mjs";
import { PROXIES, SITE } from "./reverse-proxies.mjs";

const PAGE = `<!doctype html>
<html lang="en">
  <title>Our team</title>
  <script src="/presence/zulip-presence.js" async></script>
  <zulip-presence user="12">Ada Lovelace</zulip-presence>
  <zulip-presence user="ada@example.com">Ada Lovelace</zulip-presence>
</html>`;

const cleanup = new Cleanup();
let tls, gateway, intranet, browser;

before(async () => {
  tls = certificates(await cleanup.directory(), [SITE]);
  gateway = await startGateway(cleanup, ["--demo", "--dist", "dist"]);
  intranet = createServer((_, response) => {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.end(PAGE);
  });
  intranet.listen(0, "127.0.0.1");
  await once(intranet, "listening");
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: [...FLAGS, `--host-resolver-rules=MAP ${SITE} 127.0.0.1`],
  });
});
after(async () => {
  await browser?.close();
  intranet?.closeAllConnections();
  intranet?.close();
  await cleanup.stop();
});

for (const [name, { path: start }] of Object.entries(PROXIES))
  test(name, async () => {
    const { port } = await start({
      cleanup,
      directory: await cleanup.directory(),
      tls,
      gateway: gateway.port,
      intranet: intranet.address().port,
    });
    // The CA is the tests' own.
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    const problems = [];
    page.on("console", (message) => problems.push(message.text()));
    page.on("pageerror", (error) => problems.push(String(error)));
    page.on("response", (response) => {
      if (!response.ok()) problems.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(`https://${SITE}:${port}/team.html`);
    await page.waitForFunction(() =>
      [...document.querySelectorAll("zulip-presence")].every(({ status }) => status === "active"),
    );
    const protocols = await page.evaluate(() =>
      performance.getEntriesByType("resource").map(({ nextHopProtocol }) => nextHopProtocol),
    );
    assert.deepEqual([...new Set(protocols)], ["h2"]);
    assert.deepEqual(problems, []);
    await context.close();
  });
