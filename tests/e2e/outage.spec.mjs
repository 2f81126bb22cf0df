// The gateway goes down and comes back.

import { EVERYBODY, KNOWN, expect, people, presences, test } from "./fixtures.mjs";

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

/** The ID of somebody of the demo who has just been active. */
async function somebodyPresent(gateway) {
  const ids = EVERYBODY.map(({ id }) => id);
  const { presences: known, server_timestamp: now } = await presences(gateway, ids);
  const present = ids.find((id) => now - (known[id].active_timestamp ?? 0) < 70);
  if (present === undefined) throw new Error("nobody of the demo is active");
  return present;
}
