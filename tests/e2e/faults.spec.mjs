// Whatever fails between page and endpoint: nobody turns grey by it, nobody stays green, the page leaves the endpoint alone, says at most
// one line, and is right again within a bound.

import { SHOWN, WHEREABOUTS, NOON_S } from "./double.mjs";
import { FAULTS } from "./proxy.mjs";
import { expect, test } from "./virtual.mjs";

const UNKNOWN = Object.fromEntries(Object.keys(SHOWN).map((id) => [id, "unknown"]));

/** How long a fault lasts. */
const OUTAGE_S = 600;
/** The interval of 60 s with its jitter. */
const INTERVAL_S = 66;
/** Claims are at most 65 s old in an answer, and count for 200 s: before that nobody who is there can age out. */
const KEPT_S = 135;
/** An answer that is older says nothing. */
const THRESHOLD_S = 200;
/** Longest wait of the page's own. */
const LONGEST_S = 300;
/** Longest wait that a server may impose, with its jitter. */
const IMPOSED_S = 990;
/** A step of the test, and a time-out. */
const SLACK_S = 14;

/**
 * Own waits of 5, 10, 20, … 300 s, half of each by chance: in ten minutes these allow nine requests if all are short and the first
 * comes at once, and seven if all are long and the first comes after an interval; six where each takes 10 s to fail.
 */
const OWN = { requests: [6, 9], recovers_s: LONGEST_S };
/** One request, and then the imposed wait. */
const IMPOSED = { requests: [1, 1], recovers_s: INTERVAL_S + IMPOSED_S - OUTAGE_S };

const refused = { begin: ({ proxy }) => proxy.refuse(), end: ({ proxy }) => proxy.listen() };
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
  // The browser tells of the network's return.
  { name: "the browser is offline", ...disconnected, ...OWN, recovers_s: 0 },
  ...Object.keys(FAULTS).map((name) => ({ name, ...fault(name), ...OWN })),
].map(
  (row) =>
    ({
      "429 with a wait of years": { ...row, ...IMPOSED },
      // Only a person can mend a key, and one line says so.
      "401 in the middle": { ...row, ...IMPOSED, lines: 1 },
    })[row.name] ?? row,
);

/** Most bytes of one reply; the browser's pieces decide by how much the last one goes beyond. */
const MOST_READ = 1 << 20;

const endless = ["a body that never ends", "a gzip bomb"];

for (const { name, begin, end, requests, recovers_s, lines = 0 } of ROWS) {
  test(`${name}: ten minutes long`, async ({ world }) => {
    await world.open();
    expect(await world.statuses()).toEqual(SHOWN);
    await world.pass(90);
    expect(await world.statuses()).toEqual(SHOWN);
    const told = (await world.changes()).length;
    const [askedBefore, answered_s, began_s] = [
      await world.asked(),
      await world.askedLast(),
      world.now_s,
    ];
    const age_s = () => world.now_s - answered_s;
    expect(askedBefore).toBe(2);

    await begin(world);
    await world.pass(KEPT_S - age_s() - 2);
    expect(await world.statuses()).toEqual(SHOWN);
    // The answer is a step younger than its request at most.
    await world.pass(THRESHOLD_S - age_s() + 6);
    expect(await world.statuses()).toEqual(UNKNOWN);
    await world.pass(OUTAGE_S - (world.now_s - began_s));
    expect(await world.statuses()).toEqual(UNKNOWN);
    const news = (await world.changes()).slice(told);
    expect(news.map(({ status }) => status)).toEqual(news.map(() => "unknown"));
    expect(news).toHaveLength(3);
    const askedDuring = (await world.asked()) - askedBefore;
    expect(askedDuring).toBeGreaterThanOrEqual(requests[0]);
    expect(askedDuring).toBeLessThanOrEqual(requests[1]);

    // Meanwhile one came and one went.
    world.double.people.set("23", WHEREABOUTS.there);
    world.double.people.set("12", () => ({ active: NOON_S + began_s, idle: NOON_S + began_s }));
    await end(world);
    await world.settle();
    const now = { ...SHOWN, 12: "offline", 23: "active" };
    const recovered_s = await world.until(now, recovers_s + SLACK_S);

    const before = await world.asked();
    await world.pass(2 * INTERVAL_S);
    const after = (await world.asked()) - before;
    expect([2, 3]).toContain(after);
    expect(await world.statuses()).toEqual(now);
    expect(world.lines).toHaveLength(lines);
    expect(await world.mostRead()).toBeLessThanOrEqual(MOST_READ);
    expect(await world.mostRead()).toBeGreaterThan(endless.includes(name) ? MOST_READ / 8 : 0);
    test.info().annotations.push({
      type: "measured",
      description: JSON.stringify({ name, askedDuring, recovered_s, lines: world.lines.length }),
    });
  });

  // A browser that is offline has no page either.
  if (begin === disconnected.begin) continue;
  test(`${name}: from the start`, async ({ world }) => {
    await begin(world);
    await world.open();
    await world.pass(60);
    expect(await world.statuses()).toEqual(UNKNOWN);
    await expect(world.page.locator("p")).toHaveText("Person 12 Person 17 Person 23 Person 31");
    expect(world.lines.length).toBeLessThanOrEqual(1);
    await end(world);
    await world.until(SHOWN, IMPOSED_S + SLACK_S);
    expect((await world.changes()).map(({ status }) => status)).not.toContain("unknown");
    expect(world.lines.length).toBeLessThanOrEqual(1);
  });
}
