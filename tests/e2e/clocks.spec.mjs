// Badges follow the server's clock, whatever the viewer's clock does.

import { NOON_S, EXPECTED_STATUSES, SIMULATED_STATES } from "./fake-gateway.mjs";
import { setVisibility } from "./fixtures.mjs";
import { FAULTS } from "./proxy.mjs";
import { expect, test } from "./virtual-time.mjs";

const DAY_S = 86_400;
const HOUR_S = 3_600;
/** The interval of 30 s with its jitter. */
const INTERVAL_S = 33;
const SHORTEST_INTERVAL_S = 27;
/** A step of the test. */
const STEP_S = 2;
const UNKNOWN = Object.fromEntries(Object.keys(EXPECTED_STATUSES).map((id) => [id, "unknown"]));
/** The statuses hours later: one person became active, one went offline. */
const LATER = { ...EXPECTED_STATUSES, 12: "offline", 23: "active" };

/** One person becomes active and one leaves; `LATER` is correct once 200 s have passed. */
function move({ fakeGateway }) {
  const left_s = fakeGateway.now_s;
  fakeGateway.people.set("12", () => ({ active: left_s, idle: left_s }));
  fakeGateway.people.set("23", SIMULATED_STATES.active);
}

/** The times of last activity of the badges, in seconds of the server's clock. */
const lastActive = ({ page }) =>
  page
    .locator("zulip-presence")
    .evaluateAll((all) => all.map(({ lastActive }) => lastActive && lastActive.getTime() / 1000));

for (const [what, wrong_s] of [
  ["a day slow", -DAY_S],
  ["a day fast", DAY_S],
  ["four minutes slow", -240],
  ["four minutes fast", 240],
]) {
  test(`a viewer's clock that is ${what} changes nothing`, async ({ virtualPage }) => {
    await virtualPage.open({ wrong_s });
    expect(await virtualPage.statuses()).toEqual(EXPECTED_STATUSES);
    // The last activity of idle and offline people is known from the fake gateway's timestamps.
    expect((await lastActive(virtualPage)).slice(1)).toEqual([
      NOON_S - 1_800,
      NOON_S - 10_800,
      null,
    ]);
    const changesBefore = (await virtualPage.changes()).length;
    await virtualPage.pass(600);
    expect(await virtualPage.statuses()).toEqual(EXPECTED_STATUSES);
    expect((await virtualPage.changes()).length).toBe(changesBefore);
    expect(await virtualPage.requestCount()).toBeGreaterThanOrEqual(19);
    expect(await virtualPage.requestCount()).toBeLessThanOrEqual(24);
    expect(virtualPage.messages).toEqual([]);
  });
}

for (const [what, by_s] of [
  ["a day back", -DAY_S],
  ["a day ahead", DAY_S],
  ["four minutes back", -240],
  ["four minutes ahead", 240],
]) {
  test(`a clock set ${what} shows nobody as offline`, async ({ virtualPage }) => {
    await virtualPage.open();
    await virtualPage.pass(15);
    const changesBefore = (await virtualPage.changes()).length;
    await virtualPage.page.clock.setSystemTime((NOON_S + virtualPage.now_s + by_s) * 1000);
    await virtualPage.pass(INTERVAL_S + STEP_S);
    expect(await virtualPage.statuses()).toEqual(EXPECTED_STATUSES);
    // Unknown at most until the reply to the immediate request has arrived.
    const news = (await virtualPage.changes()).slice(changesBefore);
    expect(news.filter(({ previous }) => previous !== "unknown").every(isLoss)).toBe(true);
    expect(news.length).toBeLessThanOrEqual(6);
    const requestsBefore = await virtualPage.requestCount();
    const settled = (await virtualPage.changes()).length;
    await virtualPage.pass(600);
    expect(await virtualPage.statuses()).toEqual(EXPECTED_STATUSES);
    expect((await virtualPage.changes()).length).toBe(settled);
    expect((await virtualPage.requestCount()) - requestsBefore).toBeLessThanOrEqual(23);
    expect(virtualPage.messages).toEqual([]);
  });
}

const isLoss = ({ status }) => status === "unknown";

test("a clock set back and forth every minute shows nobody as offline", async ({ virtualPage }) => {
  await virtualPage.open();
  const changesBefore = (await virtualPage.changes()).length;
  for (let minute = 0; minute < 20; minute++) {
    const wrong_s = [DAY_S, -DAY_S, 240, -240, 0][minute % 5];
    await virtualPage.page.clock.setSystemTime((NOON_S + virtualPage.now_s + wrong_s) * 1000);
    await virtualPage.pass(60);
    expect(await virtualPage.statuses(), `minute ${minute}`).toEqual(EXPECTED_STATUSES);
  }
  const statuses = (await virtualPage.changes())
    .slice(changesBefore)
    .map(({ user, status }) => [user, status]);
  for (const [user, status] of statuses)
    expect([EXPECTED_STATUSES[user], "unknown"]).toContain(status);
  // A clock step costs at most one more request.
  expect(await virtualPage.requestCount()).toBeLessThanOrEqual(
    1 + 20 * (60 / SHORTEST_INTERVAL_S + 1),
  );
});

test("after a sleep of three hours no stale status is shown, and the page asks at once", async ({
  virtualPage,
}) => {
  await virtualPage.open();
  await virtualPage.pass(15);
  const changesBefore = (await virtualPage.changes()).length;
  move(virtualPage);
  const requestsBefore = await virtualPage.requestCount();
  // Both clocks advance, and no timer fires meanwhile.
  virtualPage.advanceServers(3 * HOUR_S);
  await virtualPage.page.clock.fastForward(3 * HOUR_S * 1000);
  await virtualPage.settle();
  expect(await virtualPage.statuses()).toEqual(LATER);
  expect((await virtualPage.requestCount()) - requestsBefore).toBe(1);
  const news = (await virtualPage.changes()).slice(changesBefore);
  expect(news.filter(({ user }) => user === "12").map(({ status }) => status)).toEqual([
    "unknown",
    "offline",
  ]);
});

test("after a sleep that stopped the monotonic clock the statuses are correct within an interval", async ({
  virtualPage,
}) => {
  await virtualPage.open();
  await virtualPage.pass(15);
  move(virtualPage);
  const requestsBefore = await virtualPage.requestCount();
  virtualPage.advanceServers(3 * HOUR_S);
  await virtualPage.page.clock.setSystemTime((NOON_S + virtualPage.now_s) * 1000);
  // Timers stopped too: nothing notifies the page, and the next timer fires as if nothing had happened.
  await virtualPage.until(LATER, INTERVAL_S);
  expect((await virtualPage.requestCount()) - requestsBefore).toBe(1);
});

for (const event of ["online", "pageshow"]) {
  test(`after such a sleep ${event} makes the page ask at once`, async ({ virtualPage }) => {
    await virtualPage.open();
    await virtualPage.pass(15);
    move(virtualPage);
    virtualPage.advanceServers(3 * HOUR_S);
    await virtualPage.page.clock.setSystemTime((NOON_S + virtualPage.now_s) * 1000);
    await virtualPage.page.evaluate((event) => void dispatchEvent(new Event(event)), event);
    await virtualPage.settle();
    expect(await virtualPage.statuses()).toEqual(LATER);
  });
}

test("a request in flight during a sleep is cancelled and retried at once", async ({
  virtualPage,
}) => {
  await virtualPage.open({ settings: 'data-live="off"' });
  await virtualPage.pass(15);
  virtualPage.proxy.fault = FAULTS["no answer ever"];
  while ((await virtualPage.requestCount()) < 2) await virtualPage.pass(STEP_S);
  expect(virtualPage.proxy.held).toBe(1);
  virtualPage.proxy.fault = undefined;
  move(virtualPage);
  virtualPage.advanceServers(3 * HOUR_S);
  await virtualPage.page.clock.setSystemTime((NOON_S + virtualPage.now_s) * 1000);
  // The request's own time-out is the next timer.
  await virtualPage.until(LATER, 12);
  expect(await virtualPage.requestCount()).toBe(3);
  await expect.poll(() => virtualPage.proxy.held).toBe(0);
});

for (const [which, stop] of [
  ["monotonic", () => (performance.now = () => 0)],
  ["wall", () => (Date.now = () => 1)],
]) {
  test(`a ${which} clock that stops is compensated by the other`, async ({ virtualPage }) => {
    await virtualPage.open();
    await virtualPage.pass(10);
    await virtualPage.page.evaluate(stop);
    await virtualPage.pass(600);
    expect(await virtualPage.statuses()).toEqual(EXPECTED_STATUSES);
    const count = await virtualPage.requestCount();
    expect(count).toBeGreaterThanOrEqual(19);
    expect(count).toBeLessThanOrEqual(25);
    move(virtualPage);
    await virtualPage.until(LATER, 2 * 200);
    expect((await virtualPage.changes()).map(({ status }) => status)).not.toContain("unknown");
  });
}

test("a tab hidden for five hours sends nothing, and is correct at once when shown", async ({
  virtualPage,
}) => {
  await virtualPage.open();
  await virtualPage.pass(15);
  const show = (state) => setVisibility(virtualPage.page, state);
  await show("hidden");
  move(virtualPage);
  const requestsBefore = await virtualPage.requestCount();
  await virtualPage.pass(300);
  expect(await virtualPage.statuses()).toEqual(UNKNOWN);
  // Timers of hidden tabs fire once a minute at most.
  for (let minute = 0; minute < 300; minute++) {
    virtualPage.advanceServers(60);
    await virtualPage.page.clock.fastForward(60_000);
  }
  await virtualPage.settle();
  expect(await virtualPage.requestCount()).toBe(requestsBefore);
  expect(await virtualPage.statuses()).toEqual(UNKNOWN);
  await show("visible");
  await virtualPage.settle();
  expect(await virtualPage.statuses()).toEqual(LATER);
  expect(await virtualPage.requestCount()).toBe(requestsBefore + 1);
  expect(virtualPage.messages).toEqual([]);
});
