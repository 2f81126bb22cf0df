// Network faults between page and endpoint: nobody turns offline or stays active by mistake, the endpoint is not
// flooded, the console gets at most one line, and statuses are correct again within a bound.

import { EXPECTED_STATUSES, SIMULATED_STATES, NOON_S } from "./fake-gateway.mjs";
import { FAULTS } from "./proxy.mjs";
import { expect, test } from "./virtual-time.mjs";

const UNKNOWN = Object.fromEntries(Object.keys(EXPECTED_STATUSES).map((id) => [id, "unknown"]));

/** How long a fault lasts. */
const OUTAGE_S = 600;
/** The interval of 30 s with its jitter. */
const INTERVAL_S = 33;
/** Timestamps are at most 65 s old in a reply, and count for 200 s: nobody who is online can age out sooner. */
const KEPT_S = 135;
/** A reply that is older is not used. */
const THRESHOLD_S = 200;
/** The longest wait that the page chooses: the interval, without jitter. */
const LONGEST_S = 30;
/** Longest wait that a server may impose, with its jitter. */
const IMPOSED_S = 990;
/** The wait after a 401, with its jitter. */
const UNAUTHORIZED_S = 330;
/** A step of the test, and a time-out. */
const SLACK_S = 14;

/**
 * The page's waits are 5, 10, 20 and then 30 s, half of each random: ten minutes allow 43 requests if all are short and the first is
 * immediate, and 16 if all are long, the first comes after an interval and each takes 10 s to fail.
 */
const OWN = { requests: [16, 43], recovers_s: LONGEST_S };
/** One request, and then the imposed wait. */
const IMPOSED = { requests: [1, 1], recovers_s: INTERVAL_S + IMPOSED_S - OUTAGE_S };

/** One request, and another one after each wait. */
const UNAUTHORIZED = {
  requests: [2, 3],
  recovers_s: INTERVAL_S + 2 * UNAUTHORIZED_S - OUTAGE_S,
};

const refused = { begin: ({ proxy }) => proxy.stop(), end: ({ proxy }) => proxy.start() };
const disconnected = {
  begin: ({ page }) => page.context().setOffline(true),
  end: ({ page }) => page.context().setOffline(false),
};
const fault = (name) => ({
  begin: ({ proxy }) => void (proxy.fault = FAULTS[name]),
  end: ({ proxy }) => void (proxy.fault = undefined),
});

const ROWS = [
  { name: "connections are refused", ...refused, ...OWN },
  // The browser reports the network's return.
  { name: "the browser is offline", ...disconnected, ...OWN, recovers_s: 0 },
  ...Object.keys(FAULTS).map((name) => ({ name, ...fault(name), ...OWN })),
].map(
  (row) =>
    ({
      "429 with a wait of years": { ...row, ...IMPOSED },
      // Only a person can replace a key, and one line says so.
      "401 in the middle": { ...row, ...UNAUTHORIZED, lines: 1 },
    })[row.name] ?? row,
);

/** Maximum bytes read of one reply; the browser's chunk size decides by how much the last chunk exceeds it. */
const MAX_BYTES_READ = 1 << 20;

const endless = ["a body that never ends", "a gzip bomb"];

for (const { name, begin, end, requests, recovers_s, lines = 0 } of ROWS) {
  test(`${name} for ten minutes: nobody turns offline, and statuses recover`, async ({
    virtualPage,
  }) => {
    await virtualPage.open();
    expect(await virtualPage.statuses()).toEqual(EXPECTED_STATUSES);
    await virtualPage.pass(90);
    expect(await virtualPage.statuses()).toEqual(EXPECTED_STATUSES);
    const changesBefore = (await virtualPage.changes()).length;
    const [requestsBefore, answered_s, began_s] = [
      await virtualPage.requestCount(),
      await virtualPage.lastRequestAt_s(),
      virtualPage.now_s,
    ];
    const age_s = () => virtualPage.now_s - answered_s;
    expect([3, 4]).toContain(requestsBefore);

    await begin(virtualPage);
    await virtualPage.pass(KEPT_S - age_s() - 2);
    expect(await virtualPage.statuses()).toEqual(EXPECTED_STATUSES);
    // The reply is at most one step younger than its request.
    await virtualPage.pass(THRESHOLD_S - age_s() + 6);
    expect(await virtualPage.statuses()).toEqual(UNKNOWN);
    await virtualPage.pass(OUTAGE_S - (virtualPage.now_s - began_s));
    expect(await virtualPage.statuses()).toEqual(UNKNOWN);
    const news = (await virtualPage.changes()).slice(changesBefore);
    expect(news.map(({ status }) => status)).toEqual(news.map(() => "unknown"));
    expect(news).toHaveLength(3);
    const requestsDuring = (await virtualPage.requestCount()) - requestsBefore;
    expect(requestsDuring).toBeGreaterThanOrEqual(requests[0]);
    expect(requestsDuring).toBeLessThanOrEqual(requests[1]);

    // Meanwhile one person became active and one left.
    virtualPage.fakeGateway.people.set("23", SIMULATED_STATES.active);
    virtualPage.fakeGateway.people.set("12", () => ({
      active: NOON_S + began_s,
      idle: NOON_S + began_s,
    }));
    await end(virtualPage);
    await virtualPage.settle();
    const now = { ...EXPECTED_STATUSES, 12: "offline", 23: "active" };
    const recovered_s = await virtualPage.until(now, recovers_s + SLACK_S);

    const requestsAtRecovery = await virtualPage.requestCount();
    await virtualPage.pass(2 * INTERVAL_S);
    const after = (await virtualPage.requestCount()) - requestsAtRecovery;
    expect([2, 3]).toContain(after);
    expect(await virtualPage.statuses()).toEqual(now);
    expect(virtualPage.messages).toHaveLength(lines);
    expect(await virtualPage.maxBytesRead()).toBeLessThanOrEqual(MAX_BYTES_READ);
    expect(await virtualPage.maxBytesRead()).toBeGreaterThan(
      endless.includes(name) ? MAX_BYTES_READ / 8 : 0,
    );
    test.info().annotations.push({
      type: "measured",
      description: JSON.stringify({
        name,
        requestsDuring,
        recovered_s,
        lines: virtualPage.messages.length,
      }),
    });
  });

  // A browser that is offline cannot load the page either.
  if (begin === disconnected.begin) continue;
  test(`${name} from the start: everybody is unknown until it ends`, async ({ virtualPage }) => {
    await begin(virtualPage);
    await virtualPage.open();
    await virtualPage.pass(60);
    expect(await virtualPage.statuses()).toEqual(UNKNOWN);
    await expect(virtualPage.page.locator("p")).toHaveText(
      "Person 12 Person 17 Person 23 Person 31",
    );
    expect(virtualPage.messages.length).toBeLessThanOrEqual(1);
    await end(virtualPage);
    await virtualPage.until(EXPECTED_STATUSES, IMPOSED_S + SLACK_S);
    expect((await virtualPage.changes()).map(({ status }) => status)).not.toContain("unknown");
    expect(virtualPage.messages.length).toBeLessThanOrEqual(1);
  });
}
