import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { Cleanup } from "../tests/processes.mjs";

const cleanup = new Cleanup();
after(() => cleanup.stop());

/** Runs size.mjs on files of these sizes in bytes. */
async function run(sizes, args) {
  const cwd = await cleanup.directory();
  mkdirSync(join(cwd, "dist"));
  for (const [name, bytes] of Object.entries(sizes))
    writeFileSync(join(cwd, "dist", `${name}.br`), Buffer.alloc(bytes));
  const script = resolve("tools/size.mjs");
  return spawnSync(process.execPath, [script, ...args], { cwd, encoding: "utf8" });
}

const files = (loader, total) => ({
  "zulip-presence.js": loader,
  "zulip-presence-widget.js": 1_000,
  "zulip-presence-widget_bg.wasm": total - loader - 1_000,
});

for (const args of [[], ["smallest"]]) {
  const { stdout } = await run(files(1, 2_000), args);
  const [loader, total] = [...stdout.matchAll(/at most (\d+)/g)].map(([, limit]) => Number(limit));

  for (const [what, sizes, status] of [
    ["accepts the limits themselves", files(loader, total), 0],
    ["refuses a loader of a byte more", files(loader + 1, total), 1],
    ["refuses a byte more altogether", files(loader, total + 1), 1],
    ["refuses a build without the WebAssembly", { "zulip-presence.js": 1 }, 1],
  ]) {
    test(`size ${args.join("")} ${what}`, async () => {
      assert.equal((await run(sizes, args)).status, status);
    });
  }
}
