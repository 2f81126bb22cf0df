// What polling costs a page after loading: DOM writes, script, allocations; and how many requests it sends.

import { html } from "./pages.mjs";
import { memoryOf, open } from "./load.mjs";
import { median } from "./report.mjs";

const N = 1000;
/** The shortest interval that pages may set, so that the bench does not wait for minutes. */
const INTERVAL_S = 15;
const PATIENCE_MS = 60_000;
const SETTLE_MS = 2000;
/** Number of polls of each kind; the median is used, because one poll varies by a factor of ten on a busy machine. */
const POLLS = 3;
/** Bytes between two samples of the allocation profiler. */
const SAMPLING = 256;
const MINUTE_MS = 60_000;

const WATCH = `(() => {
  let writes = 0;
  const observers = [document, ...bench.shadows()].map((root) => {
    const observer = new MutationObserver((records) => { writes += records.length; });
    observer.observe(root, { subtree: true, childList: true, attributes: true, characterData: true });
    return observer;
  });
  bench.writes = () => {
    for (const observer of observers) { writes += observer.takeRecords().length; observer.disconnect(); }
    return writes;
  };
})()`;

/** Script, DOM writes and allocations of one round of all groups, with and without changes. */
export async function poll(browser, server, name, page) {
  const path = `/${name}/steady.html`;
  const settings = `data-interval="${INTERVAL_S}"`;
  await server.add(path, Buffer.from(html(page, N, { settings })));
  const tab = await open(browser, page, N);
  const url = server.origin + path;
  await tab.send("Page.navigate", { url });
  await tab.evaluate("bench.done");
  await sleep(SETTLE_MS);
  // The first poll runs the code that runs only once.
  await round(server, url);
  const results = {};
  for (const [kind, change] of [
    ["same", 0],
    ["changed", 1],
  ]) {
    const polls = [];
    while (polls.length < POLLS) {
      await sleep(SETTLE_MS);
      await tab.evaluate(WATCH);
      server.generation += change;
      const before = await tab.metrics();
      const polled = await round(server, url);
      const after = await tab.metrics();
      const perPoll = (polled.groups * 1000) / polled.requests;
      polls.push({
        writes: await tab.evaluate("bench.writes()"),
        requests: polled.requests,
        scriptMs: (after.ScriptDuration - before.ScriptDuration) * perPoll,
        busyMs: (after.TaskDuration - before.TaskDuration) * perPoll,
      });
    }

    const { wasmBytes } = await memoryOf(tab);
    server.generation += change;
    await tab.send("HeapProfiler.startSampling", {
      samplingInterval: SAMPLING,
      includeObjectsCollectedByMajorGC: true,
      includeObjectsCollectedByMinorGC: true,
    });
    const polledAgain = await round(server, url);
    const { profile } = await tab.send("HeapProfiler.stopSampling");
    results[kind] = {
      ...Object.fromEntries(
        Object.keys(polls[0]).map((key) => [key, median(polls.map((poll) => poll[key]))]),
      ),
      writes: Math.max(...polls.map(({ writes }) => writes)),
      allocatedBytes: (allocated(profile.head) * polledAgain.groups) / polledAgain.requests,
      wasmGrownBytes: (await memoryOf(tab)).wasmBytes - wasmBytes,
    };
  }
  await tab.close();
  return results;
}

/** Waits until every group has been requested again; returns the number of groups and of requests. */
async function round(server, url) {
  const groups = new Set(requestsOf(server, url).map(({ users }) => users));
  const since = requestsOf(server, url).length;
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    await sleep(200);
    const again = requestsOf(server, url).slice(since);
    const waiting =
      groups.difference?.(new Set(again.map(({ users }) => users))).size ??
      [...groups].filter((group) => !again.some(({ users }) => users === group)).length;
    if (waiting === 0) {
      await sleep(SETTLE_MS);
      return { groups: groups.size, requests: requestsOf(server, url).length - since };
    }
    if (Date.now() > end) throw new Error(`${url}: ${waiting} groups were not requested again`);
  }
}

/** Requests per minute of pages of 1,000 people that are in view, partly in view, out of view, hidden. */
export async function requests(browser, server, pages, watchMs) {
  const cases = {
    "all in view": { inView: N },
    "50 in view": { inView: 50 },
    "none in view": { inView: 0 },
    "50 in view, tab hidden": { inView: 50, hidden: true },
  };
  const watched = [];
  for (const [name, page] of Object.entries(pages)) {
    for (const [title, { inView, hidden }] of Object.entries(cases)) {
      const path = `/${name}/view-${inView}${hidden ? "-hidden" : ""}.html`;
      await server.add(path, Buffer.from(html(page, N, { inView })));
      const tab = await open(browser, { ...page, correct: "() => false" }, N);
      const url = server.origin + path;
      await tab.send("Page.navigate", { url });
      let cover;
      if (hidden) {
        await sleep(SETTLE_MS);
        cover = await browser.tab(tab.browserContextId);
        const state = await tab.evaluate("document.visibilityState");
        if (state !== "hidden") throw new Error("the tab could not be hidden");
      }
      watched.push({ name, title, url, tab, cover });
    }
  }
  // The first round belongs to loading.
  await sleep(SETTLE_MS * 3);
  const before = watched.map(({ url }) => requestsOf(server, url).length);
  await sleep(watchMs);
  const results = {};
  for (const [at, { name, title, url, tab }] of watched.entries()) {
    const count = requestsOf(server, url).length - before[at];
    (results[name] ??= {})[title] = (count * MINUTE_MS) / watchMs;
    await tab.close();
  }
  return results;
}

function requestsOf(server, url) {
  return server.requests.filter(({ page }) => page === url);
}

function allocated({ selfSize, children }) {
  return children.reduce((sum, child) => sum + allocated(child), selfSize);
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
