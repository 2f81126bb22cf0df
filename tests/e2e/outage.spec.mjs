// The gateway goes down and comes back.

import { EVERYBODY, KNOWN, expect, people, presences, settle, test } from "./fixtures.mjs";

test("while the gateway is down nobody turns offline, and polling resumes when it is back", async ({
  page,
  site,
  mortal,
  presenceRequests,
}) => {
  test.slow(); // It takes two intervals, because the browser's cache answers the first.
  const present = await somebodyPresent(mortal);
  const script = `<script src="${mortal.url}/zulip-presence.js" async data-interval="15"></script>`;
  await page.goto(site.page(`<zulip-presence user="${present}">Somebody</zulip-presence>`, script));
  const badge = page.locator("zulip-presence");
  await expect(badge).toHaveStatus(/^(active|idle)$/);
  const statuses = await badge.evaluateHandle((element) => {
    const statuses = [];
    element.addEventListener("presence-change", ({ detail }) => statuses.push(detail.status));
    return statuses;
  });

  await mortal.kill();
  await page.waitForEvent("requestfailed", {
    predicate: (request) => request.url().includes("/presence?"),
    timeout: 90_000,
  });
  await expect(badge).toHaveStatus(/^(active|idle)$/);

  await mortal.start();
  const answered = page.waitForResponse(
    (response) => response.url().includes("/presence?") && response.ok(),
  );
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await answered;
  await expect(badge).toHaveStatus(/^(active|idle)$/);
  expect(await statuses.jsonValue()).not.toContain("offline");
  expect(
    presenceRequests.map(people).every(([only, ...rest]) => only === present && rest.length === 0),
  ).toBe(true);
});

test("a long outage makes everybody unknown, and nobody offline", async ({
  page,
  site,
  mortal,
}) => {
  await page.clock.install();
  const present = await somebodyPresent(mortal);
  const script = `<script src="${mortal.url}/zulip-presence.js" async></script>`;
  await page.goto(site.page(`<zulip-presence user="${present}">Somebody</zulip-presence>`, script));
  const badge = page.locator("zulip-presence");
  await expect(badge).toHaveStatus(KNOWN);
  const statuses = await badge.evaluateHandle((element) => {
    const statuses = [];
    element.addEventListener("presence-change", ({ detail }) => statuses.push(detail.status));
    return statuses;
  });
  await mortal.kill();
  for (let s = 0; s < 240; s += 10) await page.clock.runFor(10_000);
  await expect(badge).toHaveStatus("unknown");
  expect(await statuses.jsonValue()).not.toContain("offline");
});

test("a proxy whose clock is ten minutes ahead makes nobody offline or unknown", async ({
  page,
  site,
  gateway,
  tag,
}) => {
  const present = await somebodyPresent(gateway);
  let replies = 0;
  await page.route("**/realm/presence?*", async (route) => {
    const response = await route.fetch();
    const date = new Date(Date.now() + 600_000).toUTCString();
    await route.fulfill({ response, headers: { ...response.headers(), date } });
    replies += 1;
  });
  await page.goto(
    site.page(
      `<zulip-presence user="${present}">Somebody</zulip-presence>`,
      tag(`data-live="off"`),
    ),
  );
  await expect(page.locator("zulip-presence")).toHaveStatus(/^(active|idle)$/);
  expect(replies).toBe(1);
});

test("that the page is parsed and loaded is no reason to ask again at once", async ({
  page,
  site,
  tag,
}) => {
  await page.addInitScript(() => {
    const { setTimeout } = window;
    // The wait after a failure does not end by itself; the one for the parser does.
    window.setTimeout = (callback, ms, ...rest) =>
      ms > 2_000 ? 0 : setTimeout(callback, ms, ...rest);
    window.shown = new Promise((resolve) => addEventListener("pageshow", () => resolve()));
  });
  const requests = [];
  const base = site.route("/failing/", ({ url }, response) => {
    requests.push(url);
    response.writeHead(503, { "Access-Control-Allow-Origin": "*" }).end("{}");
  });
  const held = {};
  for (const name of ["script", "image"])
    site.route(`/held/${name}`, (_, response) => (held[name] = response));
  const body = `<zulip-presence user="12">Ada</zulip-presence><img src="/held/image" alt=""><script src="/held/script"></script>`;
  await page.goto(site.page(body, tag(`data-endpoint="${base}api/v1" data-live="off"`)), {
    waitUntil: "commit",
  });
  await expect.poll(() => requests).toHaveLength(1);
  await page.waitForFunction(() => zulipPresence.ready);
  await settle(page, "/other");
  held.script.end();
  await page.waitForFunction(() => document.readyState === "interactive");
  await settle(page, "/other");
  held.image.end();
  await page.evaluate(() => window.shown);
  await settle(page, "/other");
  expect(requests).toHaveLength(1);
  // Whoever comes back asks.
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await expect.poll(() => requests).toHaveLength(2);
});

/** The ID of somebody of the demo who has just been active. */
async function somebodyPresent(gateway) {
  const ids = EVERYBODY.map(({ id }) => id);
  const { presences: known, server_timestamp: now } = await presences(gateway, ids);
  const present = ids.find((id) => now - (known[id].active_timestamp ?? 0) < 70);
  if (present === undefined) throw new Error("nobody of the demo is active");
  return present;
}
