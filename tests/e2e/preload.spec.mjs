// The first replies are requested before the WebAssembly has loaded, each once.

import { expect, people, smallBadges, test as shared } from "./fixtures.mjs";

/** The number of users with IDs of ten digits that fit into a group's URL. */
const GROUP = 284;
/** More groups than the engine has in flight at once: six. */
const IDS = Array.from({ length: 6 * GROUP }, (_, at) => `${2_000_000_000 - 3 * at}`);
const MAX_IN_FLIGHT = 4;
/** By a stream the gateway would say that it knows nobody of them. */
const POLLING = `data-live="off"`;

const test = shared.extend({
  /** Requests as the server sees them: for whom in which order, how many at once, and how many before the WebAssembly was requested. */
  served: async ({ page }, use) => {
    const served = { users: [], now: 0, most: 0, beforeWasm: 0, isWasmHere: false };
    await page.route("**/realm/presence?*", async (route) => {
      served.users.push(people(new URL(route.request().url())));
      served.beforeWasm += !served.isWasmHere;
      served.most = Math.max(served.most, ++served.now);
      // So that requests that may be in flight together are counted together.
      await new Promise((resolve) => setTimeout(resolve, 50));
      served.now--;
      const now_s = Date.now() / 1000;
      const presences = Object.fromEntries(
        served.users.flat().map((id) => [id, { active_timestamp: now_s - 20 }]),
      );
      await route.fulfill({
        headers: { "Access-Control-Allow-Origin": "*", "Cache-Control": "no-store" },
        json: { result: "success", msg: "", presences, server_timestamp: now_s },
      });
    });
    await use(served);
  },
});

/** Delays the WebAssembly until `condition` holds. */
async function holdWasm(page, served, condition) {
  await page.route("**/*.wasm", async (route) => {
    await expect.poll(condition).toBe(true);
    served.isWasmHere = true;
    await route.continue();
  });
}

test("four groups are preloaded before the WebAssembly, and each group is requested once", async ({
  page,
  site,
  tag,
  served,
  consoleMessages,
}) => {
  await holdWasm(page, served, () => served.users.length === MAX_IN_FLIGHT && served.now === 0);
  await page.goto(site.page(smallBadges(IDS), tag(POLLING)));
  await expect(page.locator("zulip-presence:state(active)")).toHaveCount(IDS.length);
  expect(served.users.map((users) => users.length)).toEqual(Array(6).fill(GROUP));
  expect(new Set(served.users.flat()).size).toBe(IDS.length);
  expect(served.users[0][0]).toBe(IDS[GROUP - 1]);
  expect(served.most).toBe(MAX_IN_FLIGHT);
  expect(served.beforeWasm).toBe(MAX_IN_FLIGHT);
  expect(consoleMessages).toEqual([]);
});

test("people off screen are not preloaded", async ({ page, site, tag, served }) => {
  const far = `<p style="height: 5000px"></p>`;
  await holdWasm(page, served, () => served.users.length === 1 && served.now === 0);
  await page.goto(
    site.page(smallBadges(IDS.slice(0, GROUP)) + far + smallBadges(IDS.slice(GROUP)), tag(POLLING)),
  );
  await expect(page.locator("zulip-presence:state(active)")).toHaveCount(GROUP);
  expect(served.users).toHaveLength(1);
});

for (const [what, settings, body, expected] of [
  ["a key", `data-email="bot@example.com" data-api-key="abc"`, smallBadges(["12"]), undefined],
  ["cookies", `data-credentials="omit"`, smallBadges(["12"]), ["12"]],
  ["an email", "", smallBadges(["12", "ada@example.com"]), ["12", "ada@example.com"]],
  ["a zero in front", "", smallBadges(["012", "7"]), ["7", "12"]],
]) {
  test(`nothing is preloaded when only the engine can decide: ${what}`, async ({
    page,
    site,
    tag,
    served,
  }) => {
    await page.goto(site.page(body, tag(`${POLLING} ${settings}`)));
    await expect.poll(() => page.evaluate(() => zulipPresence.ready)).toBe(true);
    if (expected) await expect(page.locator("zulip-presence").last()).toHaveStatus("active");
    expect(served.users).toEqual(expected ? [expected] : []);
  });
}
