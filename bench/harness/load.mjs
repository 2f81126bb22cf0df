// Loads one page once, and measures its cost.

import { CARDS_IN_VIEW, directory, html } from "./pages.mjs";
import { personAt, statusOf } from "./people.mjs";
import { probe } from "./probe.mjs";
import { SHAPES } from "./shapes.mjs";

/** A page that is not complete by then counts as failed. */
const PATIENCE_MS = 240_000;
const VIEWPORT = { width: 1600, height: 1200, deviceScaleFactor: 1, mobile: false };
const TRACED = ["blink.user_timing", "disabled-by-default-devtools.timeline"];

export const LINES = {
  loopback: {},
  "4g": {
    cpuSlowdown: 4,
    network: { latency: 150, downloadThroughput: 1.6e6 / 8, uploadThroughput: 0.75e6 / 8 },
  },
};

/** Visits before a repeated one: from the third on browsers also take the compiled script from their cache. */
export const EARLIER_VISITS = 2;

/** Opens a page with the probe in it; does not navigate to `url` yet. */
export async function open(browser, page, n, line = {}, isRepeated = false) {
  const tab = await (isRepeated ? browser.tab() : browser.page());
  await tab.send("Page.enable");
  await tab.send("Performance.enable");
  await tab.send("Network.enable");
  await tab.send("Emulation.setDeviceMetricsOverride", VIEWPORT);
  if (line.cpuSlowdown) {
    await tab.send("Emulation.setCPUThrottlingRate", { rate: line.cpuSlowdown });
  }
  if (line.network) {
    await tab.send("Network.emulateNetworkConditions", { offline: false, ...line.network });
  }
  await tab.send("Page.addScriptToEvaluateOnNewDocument", { source: probeOf(page, n) });
  return tab;
}

/** The probe as a script, for a page of `n` badges. */
export function probeOf(page, n) {
  const statuses = JSON.stringify(
    Array.from({ length: n }, (_, place) => statusOf(personAt(place))),
  );
  return `(${probe})({
    n: ${n}, statuses: ${statuses}, shapes: ${JSON.stringify(SHAPES)},
    badges: ${page.badges}, drawn: ${page.drawn}, correct: ${page.correct} })`;
}

/** The first visit of a reader: nothing is cached. */
export async function load(browser, server, name, page, n, line) {
  const path = `/${name}/${n}.html`;
  await server.add(path, Buffer.from(html(page, n)));
  return measure(browser, server, path, page, n, line);
}

const visited = new Set();

/** A visit of a reader who has been on the page before. */
export async function loadAgain(browser, server, name, page, n) {
  const path = `/${name}/again-${n}.html`;
  await server.add(path, Buffer.from(html(page, n)));
  const visit = () => measure(browser, server, path, page, n, LINES.loopback, true);
  for (let times = 0; !visited.has(path) && times < EARLIER_VISITS; times += 1) await visit();
  visited.add(path);
  const measured = await visit();
  if (measured?.codeBytes > 0) throw new Error(`${path}: scripts were loaded again`);
  return measured;
}

/** A directory of `n` people, until all badges in view are correct. */
export async function loadDirectory(browser, server, name, page, n, tag) {
  const path = `/${name}/directory-${n}.html`;
  await server.add(path, Buffer.from(directory(page, n, tag)));
  return measure(browser, server, path, page, Math.min(n, CARDS_IN_VIEW), LINES.loopback);
}

async function measure(browser, server, path, page, n, line, isRepeated) {
  const tab = await open(browser, page, n, line, isRepeated);
  const wire = { code: 0, rest: 0 };
  const code = new Set();
  tab.on("Network.responseReceived", ({ requestId, response }) => {
    if (/javascript|wasm/.test(response.mimeType)) code.add(requestId);
  });
  tab.on("Network.loadingFinished", ({ requestId, encodedDataLength }) => {
    wire[code.has(requestId) ? "code" : "rest"] += encodedDataLength;
  });
  const trace = await startTrace(browser);
  await tab.send("Page.navigate", { url: server.origin + path });
  const measured = await Promise.race([
    tab.evaluate("bench.done"),
    new Promise((resolve) => setTimeout(resolve, PATIENCE_MS).unref()),
  ]);
  const metrics = await tab.metrics();
  const tasks = await trace();
  const memory = measured && (await memoryOf(tab));
  await tab.close();
  if (!measured) return undefined;
  return {
    codeBytes: wire.code,
    wireBytes: wire.code + wire.rest,
    firstMs: measured.drawn_first,
    paintedMs: measured.drawn_all,
    correctMs: measured.correct_all,
    longestTaskMs: longestTask(tasks),
    scriptMs: metrics.ScriptDuration * 1000,
    layouts: metrics.LayoutCount,
    ...memory,
  };
}

/** The memory that the page uses after a garbage collection. */
export async function memoryOf(tab) {
  await tab.send("HeapProfiler.enable");
  await tab.send("HeapProfiler.collectGarbage");
  const heap = await tab.send("Runtime.getHeapUsage");
  const wasm = await tab.evaluate("bench.wasmBytes()");
  return { heapBytes: heap.usedSize, wasmBytes: wasm, domBytes: heap.embedderHeapUsedSize };
}

async function startTrace(browser) {
  const events = [];
  browser.on("Tracing.dataCollected", ({ value }) => events.push(...value));
  await browser.send("Tracing.start", {
    transferMode: "ReportEvents",
    traceConfig: {
      recordMode: "recordAsMuchAsPossible",
      includedCategories: TRACED,
      excludedCategories: ["*"],
    },
  });
  return async () => {
    const complete = new Promise((resolve) => browser.on("Tracing.tracingComplete", resolve));
    await browser.send("Tracing.end");
    await complete;
    return events;
  };
}

/** The longest task of the page's main thread, until all badges were correct. */
function longestTask(events) {
  const end = events.find(
    ({ name, cat }) => name === "bench:correct" && cat.includes("user_timing"),
  );
  const tasks = events.filter(
    ({ name, pid, tid, ts }) =>
      name === "RunTask" && pid === end.pid && tid === end.tid && ts < end.ts,
  );
  return Math.max(...tasks.map(({ dur = 0 }) => dur)) / 1000;
}
