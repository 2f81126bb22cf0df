// A page with five hundred badges before the real gateway, in real time: memory and timers must stay as they are.
// Usage: node tests/e2e/soak.mjs SECONDS

import { readFileSync } from "node:fs";
import { chromium } from "@playwright/test";
import { CHROMIUM, FLAGS } from "./chromium.mjs";
import { Gateway } from "./gateway.mjs";
import { Site } from "./site.mjs";

const SECONDS = Number(process.argv[2] ?? 600);
const PEOPLE = 500;
const INTERVAL_S = 15;
/** The first fifth of the time, in which caches and the allocator reach their final size. */
const WARM = 0.2;
/** The browser's heap varies by this much by itself. */
const NOISE_BYTES = 400_000;
const MEASURES = 20;

const real = readFileSync("zulip-simulator/demo-people.tsv", "utf8")
  .trimEnd()
  .split("\n")
  .slice(1)
  .map((row) => row.split("\t")[0]);
// The others do not exist: they stay unknown, and are requested like all others.
const ids = [...real, ...Array.from({ length: PEOPLE - real.length }, (_, i) => `${50_000 + i}`)];

const site = await new Site().start();
const gateway = await new Gateway(["--allow-origin", site.origin]).start();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
try {
  process.exitCode = (await soak()) ? 0 : 1;
} finally {
  await browser.close();
  await gateway.kill();
  await site.stop();
}

async function soak() {
  const page = await browser.newPage();
  const consoleMessages = [];
  page.on("console", (message) => consoleMessages.push(message.text()));
  page.on("pageerror", (error) => consoleMessages.push(`uncaught: ${error.message}`));
  await page.addInitScript(watchWasmMemory);
  await page.addInitScript(() => {
    const { fetch, setTimeout, clearTimeout } = window;
    // Not the requests on the wire: the browser's cache answers some, and revalidates stale replies by itself.
    globalThis.requestCount = 0;
    window.fetch = (...request) => {
      if ((request[0].url ?? `${request[0]}`).includes("/presence?")) requestCount += 1;
      return fetch(...request);
    };
    globalThis.pending = new Set();
    window.setTimeout = (callback, ...rest) => {
      const id = setTimeout(
        (...given) => {
          pending.delete(id);
          callback(...given);
        },
        ...rest,
      );
      pending.add(id);
      return id;
    };
    window.clearTimeout = (id) => {
      pending.delete(id);
      clearTimeout(id);
    };
  });
  const badges = ids.map(
    (id) => `<zulip-presence user="${id}" label="last-active">P</zulip-presence>`,
  );
  const head = `<style>p { font-size: 5px }</style><script src="${gateway.url}/zulip-presence.js" async data-interval="${INTERVAL_S}"></script>`;
  await page.goto(site.page(`<p>${badges.join(" ")}</p>`, head));
  await page.waitForFunction(() => zulipPresence.ready);
  const devtools = await page.context().newCDPSession(page);

  const start_ms = Date.now();
  const measured = [];
  for (let i = 0; i <= MEASURES; i++) {
    if (i > 0) await new Promise((resolve) => setTimeout(resolve, (SECONDS * 1000) / MEASURES));
    for (let n = 0; n < 3; n++) await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize: heap } = await devtools.send("Runtime.getHeapUsage");
    const { nodes, jsEventListeners: listeners } = await devtools.send("Memory.getDOMCounters");
    const { requestCount, timers, wasm, known } = await page.evaluate(() => {
      const known = document.querySelectorAll("zulip-presence:not(:state(unknown))").length;
      return {
        requestCount,
        timers: pending.size,
        wasm: wasmMemory.buffer.byteLength,
        known,
      };
    });
    const row = {
      s: Math.round((Date.now() - start_ms) / 1000),
      heap,
      wasm,
      nodes,
      listeners,
      timers,
    };
    measured.push({ ...row, requestCount, known });
    console.log(`soak: ${JSON.stringify(measured.at(-1))}`);
  }

  const [warm, last] = [measured[Math.ceil(MEASURES * WARM)], measured.at(-1)];
  // An interval takes 13.5 to 16.5 s.
  const groups = Math.ceil(PEOPLE / 500);
  const [least, most] = [1.1, 0.9].map((jitter) => (groups * last.s) / (INTERVAL_S * jitter));
  const faults = [
    last.wasm !== warm.wasm && "the WebAssembly's memory grew",
    last.heap - warm.heap > NOISE_BYTES && "the heap grew",
    last.nodes > warm.nodes + 100 && "there are more nodes",
    last.listeners > warm.listeners + 20 && "there are more listeners",
    last.timers > 1 && "there are more timers than one",
    (last.requestCount < least - groups || last.requestCount > most + 2 * groups) &&
      `${last.requestCount} requests are not within ${Math.round(least)} and ${Math.round(most)}`,
    last.known < real.length - 1 && "not everybody is known",
    consoleMessages.length > 0 && `the console says ${consoleMessages.join("; ")}`,
  ].filter(Boolean);
  for (const fault of faults) console.error(`soak: ${fault}`);
  return faults.length === 0;
}
