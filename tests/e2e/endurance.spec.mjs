// A page with many badges, open for a day of virtual time.

import { NOON_S } from "./fake-gateway.mjs";
import { expect, test } from "./fixtures.mjs";
import { limitByClock, stopTime } from "./timers.mjs";
import { watchWasmMemory } from "./wasm-memory.mjs";

const PEOPLE = 500;
const GROUPS = Math.ceil(PEOPLE / 500);
const HOURS = 24;
/** In these hours the allocator, the engine's budgets and the browser's caches reach their final size. */
const WARM_HOURS = 4;
/** The browser's heap varies by this much by itself. */
const NOISE_BYTES = 400_000;
/** At most one for the engine and one for the texts. */
const MOST_TIMERS = 2;

// A trace would record every step of the day.
test.use({ trace: "off" });

test("five hundred badges for a day send the planned requests, and nothing grows", async ({
  page,
  context,
  site,
  tag,
  consoleMessages,
}) => {
  test.setTimeout(600_000); // A minute, but for a machine that is at its limit.
  await page.addInitScript(watchWasmMemory);
  await page.addInitScript(stopTime, NOON_S * 1000);
  // The loader listens to the time limit of what it loads until that is over.
  await page.addInitScript(limitByClock);
  await page.addInitScript(simulate, 60);
  const badges = Array.from(
    { length: PEOPLE },
    // Every tenth has a text that changes every minute.
    (_, i) =>
      `<zulip-presence user="${i + 1}" ${i % 10 ? "" : 'label="last-active"'}>P${i + 1}</zulip-presence>`,
  );
  // All on screen, so that every group is requested; painting them would be half of the work.
  const style = `<style>p { font-size: 5px; line-height: 1; visibility: hidden }</style>`;
  await page.goto(site.page(`<p>${badges.join(" ")}</p>`, style + tag('data-live="off"')));
  await expect(page.locator("zulip-presence:state(unknown)")).toHaveCount(0);
  const devtools = await context.newCDPSession(page);
  const first = await page.evaluate(() => day.requestCounts());
  expect(Object.keys(first)).toHaveLength(GROUPS);

  const measured = [];
  for (let hour = 0; hour <= HOURS; hour++) {
    if (hour > 0) await page.evaluate(() => virtual.pass(3_600_000));
    measured.push(await measure());
    expect(await page.evaluate(() => day.wrong()), `hour ${hour}`).toEqual([]);
  }
  console.log(`day: ${JSON.stringify(measured)}`);
  const [warm, last] = [measured[WARM_HOURS], measured.at(-1)];
  expect(last.wasm).toBe(warm.wasm);
  expect(last.heap - warm.heap).toBeLessThan(NOISE_BYTES);
  expect(last.nodes - warm.nodes).toBeLessThan(PEOPLE);
  expect(last.listeners).toBe(warm.listeners);
  // At first the time-outs of the preloaded requests are pending, too.
  for (const { timers } of measured.slice(1)) expect(timers).toBeLessThanOrEqual(MOST_TIMERS);

  // An interval takes 27 to 33 s. The mean of so many is within a hundredth of 30 s.
  const requestCounts = Object.values(await page.evaluate(() => day.requestCounts()));
  expect(requestCounts).toHaveLength(GROUPS);
  for (const count of requestCounts) {
    expect(count).toBeGreaterThanOrEqual((HOURS * 3_600) / 33);
    expect(count).toBeLessThanOrEqual((HOURS * 3_600) / 27 + 1);
  }
  const sum = requestCounts.reduce((total, count) => total + count, 0);
  const planned = GROUPS * HOURS * 120;
  expect(Math.abs(sum - planned)).toBeLessThan(planned / 100);
  // Statuses change: each person is active, idle and offline twice a day.
  expect(await page.evaluate(() => day.changes)).toBeGreaterThan(PEOPLE * 5);
  expect(consoleMessages).toEqual([]);

  async function measure() {
    for (let i = 0; i < 3; i++) await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize: heap } = await devtools.send("Runtime.getHeapUsage");
    const { nodes, jsEventListeners: listeners } = await devtools.send("Memory.getDOMCounters");
    const { timers, set, wasm } = await page.evaluate(() => ({
      timers: virtual.pending(),
      set: virtual.set(),
      wasm: wasmMemory.buffer.byteLength,
    }));
    return { heap, nodes, listeners, timers, set, wasm };
  }
});

/** Runs in the page: its endpoint and the counters. Clients report every `report_s`. */
function simulate(report_s) {
  const now_s = () => Date.now() / 1000;
  /** In turn three hours active, two hours idle and seven offline; each person starts at a different time. */
  const timestampsOf = (id, now) => {
    const period_s = 12 * 3_600;
    const shift_s = (id * 7_919) % period_s;
    const began_s = now - ((now + shift_s) % period_s);
    const reported = now - (now % report_s);
    const active = Math.min(reported, began_s + 3 * 3_600);
    const idle = Math.min(reported, began_s + 5 * 3_600);
    return { active: Math.max(active, began_s), idle: Math.max(idle, began_s) };
  };
  const groups = new Map();
  const { fetch } = window;
  window.fetch = async (...request) => {
    const url = new URL(request[0].url ?? request[0], location.href);
    if (!url.pathname.endsWith("/realm/presence")) return fetch(...request);
    const users = url.searchParams.get("users");
    groups.set(users, (groups.get(users) ?? 0) + 1);
    const now = now_s();
    const presences = {};
    for (const id of JSON.parse(users)) {
      const { active, idle } = timestampsOf(Number(id), now);
      presences[id] = { active_timestamp: active, idle_timestamp: idle };
    }
    return Response.json({ result: "success", msg: "", presences, server_timestamp: now });
  };
  const day = (globalThis.day = {
    changes: 0,
    requestCounts: () => Object.fromEntries(groups),
    /** The people whose badge does not match their reported timestamps, except for changes within the last 3.5 minutes. */
    wrong: () => {
      const status = (id, now, at) => {
        const { active, idle } = timestampsOf(id, at);
        if (now - active < 200) return "active";
        return now - idle < 200 ? "idle" : "offline";
      };
      const now = now_s();
      return [...document.querySelectorAll("zulip-presence")]
        .map((badge) => ({ id: Number(badge.getAttribute("user")), shown: badge.status }))
        .filter(({ id, shown }) => {
          const due = [0, 70].map((ago) => status(id, now, now - ago));
          return !due.includes(shown);
        });
    },
  });
  addEventListener("presence-change", () => (day.changes += 1));
}
