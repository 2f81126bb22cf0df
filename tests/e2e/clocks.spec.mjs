// The viewer's clock is wrong, is set, stands still or has slept: badges follow the server's.

import { NOON_S, SHOWN, WHEREABOUTS } from "./double.mjs";
import { FAULTS } from "./proxy.mjs";
import { expect, test } from "./virtual.mjs";

const DAY_S = 86_400;
const HOUR_S = 3_600;
/** The interval of 60 s with its jitter. */
const INTERVAL_S = 66;
/** A step of the test. */
const STEP_S = 2;
const UNKNOWN = Object.fromEntries(Object.keys(SHOWN).map((id) => [id, "unknown"]));
/** As of hours later: one came, one went. */
const LATER = { ...SHOWN, 12: "offline", 23: "active" };

/** One comes and one goes; `LATER` is the truth once 200 s have passed. */
function move({ double }) {
  const left_s = double.now_s;
  double.people.set("12", () => ({ active: left_s, idle: left_s }));
  double.people.set("23", WHEREABOUTS.there);
}

/** The times that the badges tell, in seconds of the server's clock. */
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
  test(`a clock that is ${what} changes nothing`, async ({ world }) => {
    await world.open({ wrong_s });
    expect(await world.statuses()).toEqual(SHOWN);
    // Idle and gone people's last activity is known by the double's claims.
    expect((await lastActive(world)).slice(1)).toEqual([NOON_S - 1_800, NOON_S - 10_800, null]);
    const told = (await world.changes()).length;
    await world.pass(600);
    expect(await world.statuses()).toEqual(SHOWN);
    expect((await world.changes()).length).toBe(told);
    expect(await world.asked()).toBeGreaterThanOrEqual(10);
    expect(await world.asked()).toBeLessThanOrEqual(12);
    expect(world.lines).toEqual([]);
  });
}

for (const [what, by_s] of [
  ["a day back", -DAY_S],
  ["a day ahead", DAY_S],
  ["four minutes back", -240],
  ["four minutes ahead", 240],
]) {
  test(`a clock that is set ${what} makes nobody grey`, async ({ world }) => {
    await world.open();
    await world.pass(30);
    const told = (await world.changes()).length;
    await world.page.clock.setSystemTime((NOON_S + world.now_s + by_s) * 1000);
    await world.pass(INTERVAL_S + STEP_S);
    expect(await world.statuses()).toEqual(SHOWN);
    // At most a moment without knowledge, until the reply that was asked for at once has come.
    const news = (await world.changes()).slice(told);
    expect(news.filter(({ previous }) => previous !== "unknown").every(isLoss)).toBe(true);
    expect(news.length).toBeLessThanOrEqual(6);
    const before = await world.asked();
    const settled = (await world.changes()).length;
    await world.pass(600);
    expect(await world.statuses()).toEqual(SHOWN);
    expect((await world.changes()).length).toBe(settled);
    expect((await world.asked()) - before).toBeLessThanOrEqual(12);
    expect(world.lines).toEqual([]);
  });
}

const isLoss = ({ status }) => status === "unknown";

test("a clock that is set to and fro every minute makes nobody grey", async ({ world }) => {
  await world.open();
  const told = (await world.changes()).length;
  for (let minute = 0; minute < 20; minute++) {
    const wrong_s = [DAY_S, -DAY_S, 240, -240, 0][minute % 5];
    await world.page.clock.setSystemTime((NOON_S + world.now_s + wrong_s) * 1000);
    await world.pass(60);
    await world.pass(INTERVAL_S - 60 + STEP_S);
    expect(await world.statuses(), `minute ${minute}`).toEqual(SHOWN);
  }
  const statuses = (await world.changes()).slice(told).map(({ user, status }) => [user, status]);
  for (const [user, status] of statuses) expect([SHOWN[user], "unknown"]).toContain(status);
  // A jump costs one request more at most.
  expect(await world.asked()).toBeLessThanOrEqual(20 * 3);
});

test("after a sleep of three hours nothing old is shown, and the page asks at once", async ({
  world,
}) => {
  await world.open();
  await world.pass(30);
  const told = (await world.changes()).length;
  move(world);
  const before = await world.asked();
  // Both clocks go on, no timer fires meanwhile.
  world.passed(3 * HOUR_S);
  await world.page.clock.fastForward(3 * HOUR_S * 1000);
  await world.settle();
  expect(await world.statuses()).toEqual(LATER);
  expect((await world.asked()) - before).toBe(1);
  const news = (await world.changes()).slice(told);
  expect(news.filter(({ user }) => user === "12").map(({ status }) => status)).toEqual([
    "unknown",
    "offline",
  ]);
});

test("after a sleep in which the monotonic clock stood still the page is right within an interval", async ({
  world,
}) => {
  await world.open();
  await world.pass(30);
  move(world);
  const before = await world.asked();
  world.passed(3 * HOUR_S);
  await world.page.clock.setSystemTime((NOON_S + world.now_s) * 1000);
  // Timers stood still too: nothing tells the page, and the next one fires as if nothing had happened.
  await world.until(LATER, INTERVAL_S);
  expect((await world.asked()) - before).toBe(1);
});

for (const event of ["online", "pageshow"]) {
  test(`after such a sleep ${event} tells at once`, async ({ world }) => {
    await world.open();
    await world.pass(30);
    move(world);
    world.passed(3 * HOUR_S);
    await world.page.clock.setSystemTime((NOON_S + world.now_s) * 1000);
    await world.page.evaluate((event) => void dispatchEvent(new Event(event)), event);
    await world.settle();
    expect(await world.statuses()).toEqual(LATER);
  });
}

test("a request that a sleep went over is given up, and asked anew at once", async ({ world }) => {
  await world.open();
  await world.pass(30);
  world.proxy.fault = FAULTS["no answer ever"];
  while ((await world.asked()) < 2) await world.pass(STEP_S);
  expect(world.proxy.held).toBe(1);
  world.proxy.fault = undefined;
  move(world);
  world.passed(3 * HOUR_S);
  await world.page.clock.setSystemTime((NOON_S + world.now_s) * 1000);
  // The request's own time-out is the next timer.
  await world.until(LATER, 12);
  expect(await world.asked()).toBe(3);
  await expect.poll(() => world.proxy.held).toBe(0);
});

for (const [which, stop] of [
  ["monotonic", () => (performance.now = () => 0)],
  ["wall", () => (Date.now = () => 1)],
]) {
  test(`a ${which} clock that stands still for good is made up for by the other`, async ({
    world,
  }) => {
    await world.open();
    await world.pass(10);
    await world.page.evaluate(stop);
    await world.pass(600);
    expect(await world.statuses()).toEqual(SHOWN);
    const asked = await world.asked();
    expect(asked).toBeGreaterThanOrEqual(10);
    expect(asked).toBeLessThanOrEqual(13);
    move(world);
    await world.until(LATER, 2 * 200);
    expect((await world.changes()).map(({ status }) => status)).not.toContain("unknown");
  });
}

test("a tab that is hidden for five hours asks nothing, and is right at once when it is seen", async ({
  world,
}) => {
  await world.open();
  await world.pass(30);
  const show = (state) =>
    world.page.evaluate((state) => {
      Object.defineProperty(document, "visibilityState", { configurable: true, value: state });
      document.dispatchEvent(new Event("visibilitychange"));
    }, state);
  await show("hidden");
  move(world);
  const before = await world.asked();
  await world.pass(300);
  expect(await world.statuses()).toEqual(UNKNOWN);
  // Timers of hidden tabs fire once a minute at most.
  for (let minute = 0; minute < 300; minute++) {
    world.passed(60);
    await world.page.clock.fastForward(60_000);
  }
  await world.settle();
  expect(await world.asked()).toBe(before);
  expect(await world.statuses()).toEqual(UNKNOWN);
  await show("visible");
  await world.settle();
  expect(await world.statuses()).toEqual(LATER);
  expect(await world.asked()).toBe(before + 1);
  expect(world.lines).toEqual([]);
});
