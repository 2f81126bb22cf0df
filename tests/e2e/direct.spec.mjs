// A trial without a gateway: the page sends requests to Zulip itself, with the bot's key.

import { KNOWN, expect, test as shared } from "./fixtures.mjs";
import { Site } from "./site.mjs";

const EMAIL = "bot@example.com";
const KEY = "a-key-that-the-page-gives-away";

const test = shared.extend({
  /** A Zulip of generation 4, with the CORS headers that a real one has: any other request header fails. */
  zulip: async ({}, use) => {
    const zulip = await new Site().start();
    zulip.preflights = new Set();
    zulip.key = KEY;
    zulip.route("/api/v1/", (request, response) => {
      response.setHeader("Access-Control-Allow-Origin", "*");
      if (request.method === "OPTIONS") {
        zulip.preflights.add(request.headers["access-control-request-headers"]);
        response.setHeader("Access-Control-Allow-Headers", "Authorization");
        return response.writeHead(204).end();
      }
      response.setHeader("Content-Type", "application/json");
      const basic = `Basic ${btoa(`${EMAIL}:${zulip.key}`)}`;
      if (request.headers.authorization !== basic) {
        response.writeHead(401, { "WWW-Authenticate": 'Basic realm="zulip"' });
        const body = { result: "error", msg: "Invalid API key", code: "UNAUTHORIZED" };
        return response.end(JSON.stringify(body));
      }
      const now = Date.now() / 1000;
      const presence = {
        active_timestamp: Math.floor(now - 20),
        idle_timestamp: Math.floor(now - 20),
      };
      const isBatch = request.url.startsWith("/api/v1/realm/presence");
      const body = isBatch ? { presences: { "ada@example.com": presence } } : { presence };
      response.end(JSON.stringify({ result: "success", msg: "", server_timestamp: now, ...body }));
    });
    await use(zulip);
    await zulip.stop();
  },
});

const script = (gateway, zulip) =>
  `<script src="${gateway.url}/zulip-presence.js" async data-endpoint="${zulip.origin}/api/v1" data-email="${EMAIL}" data-api-key="${KEY}"></script>`;

test("with a key in the page people are found by ID and by email, and the console warns once", async ({
  page,
  site,
  gateway,
  zulip,
  presenceRequests,
  consoleMessages,
}) => {
  const users = ["12", "ada@example.com", "12"];
  const body = users.map((user) => `<zulip-presence user="${user}">Ada</zulip-presence>`).join(" ");
  await page.goto(site.page(body, script(gateway, zulip)));
  await expect(page.locator("zulip-presence:state(active)")).toHaveCount(users.length);
  expect(consoleMessages).toHaveLength(1);
  expect(consoleMessages[0]).toContain("data-api-key");
  expect(consoleMessages[0]).not.toContain(KEY);
  expect(presenceRequests.map((url) => url.pathname)).toEqual([
    "/api/v1/realm/presence",
    "/api/v1/users/12/presence",
  ]);
  for (const url of presenceRequests) expect(url.href).not.toContain(KEY);
  expect([...zulip.preflights]).toEqual(["authorization"]);
});

test("a key that Zulip rejects is not tried again for five minutes", async ({
  page,
  site,
  gateway,
  zulip,
  presenceRequests,
}) => {
  await page.clock.install();
  zulip.key = "another";
  const body = `<zulip-presence user="ada@example.com">Ada</zulip-presence>`;
  await page.goto(site.page(body, script(gateway, zulip)));
  const refused = await page.waitForResponse((response) => response.status() === 401);
  await refused.finished();
  // The page has read that reply when it has read this one: its clock must not abort the request before.
  await page.evaluate(() => fetch(location.href).then((response) => response.text()));
  await page.clock.runFor("04:50");
  expect(presenceRequests).toHaveLength(1);
  await expect(page.locator("zulip-presence")).toHaveStatus("unknown");

  // In short steps: the network does not follow the page's clock, and a request is aborted after 10 s.
  zulip.key = KEY;
  const status = async () => {
    await page.clock.runFor("00:05");
    return page.locator("zulip-presence").evaluate((badge) => badge.status);
  };
  await expect.poll(status, { intervals: [50], timeout: 30_000 }).toMatch(KNOWN);
});
