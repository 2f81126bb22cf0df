// Pages that stay open for days and change their people all the time.

import { expect, test } from "./fixtures.mjs";
import { watchWasmMemory } from "./wasm-memory.mjs";

const ROUNDS = 5;
const CYCLES = 2_000;
/** The browser's heap varies by this much by itself. */
const NOISE_BYTES = 400_000;

test("ten thousand badges added and removed leave nothing behind", async ({
  page,
  context,
  site,
  tag,
}) => {
  test.slow();
  await page.addInitScript(watchWasmMemory);
  await page.goto(site.page(`<main></main><zulip-presence user="12">Ada</zulip-presence>`, tag()));
  await expect(page.locator("zulip-presence")).not.toHaveStatus("unknown");
  const devtools = await context.newCDPSession(page);

  const measured = [];
  for (let round = 0; round <= ROUNDS; round++) {
    await page.evaluate(cycle, CYCLES);
    measured.push(await measure());
  }
  console.log(`memory: ${JSON.stringify(measured)}`);
  // The first round fills what stays allocated: caches, the allocator's first pages.
  const [first, last] = [measured[0], measured.at(-1)];
  expect(last.wasm).toBe(first.wasm);
  expect(last.heap - first.heap).toBeLessThan(NOISE_BYTES);
  expect(last.nodes - first.nodes).toBeLessThan(CYCLES / 10);

  /** Half of them are drawn before they are removed, half are removed immediately. */
  async function cycle(cycles) {
    const main = document.querySelector("main");
    for (let i = 0; i < cycles; i++) {
      const badge = document.createElement("zulip-presence");
      badge.setAttribute("user", "12");
      badge.setAttribute("label", "status");
      main.append(badge);
      if (i % 2) await new Promise((resolve) => setTimeout(resolve));
      badge.remove();
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }

  async function measure() {
    for (let i = 0; i < 3; i++) await devtools.send("HeapProfiler.collectGarbage");
    const { usedSize: heap } = await devtools.send("Runtime.getHeapUsage");
    const { nodes } = await devtools.send("Memory.getDOMCounters");
    const wasm = await page.evaluate(() => wasmMemory.buffer.byteLength);
    return { heap, nodes, wasm };
  }
});
