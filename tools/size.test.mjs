import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

/** Runs size.mjs on files of these sizes in bytes. */
function run(sizes, args) {
  const directory = mkdtempSync(join(tmpdir(), "zulip-presence-"));
  try {
    mkdirSync(join(directory, "dist"));
    for (const [name, bytes] of Object.entries(sizes))
      writeFileSync(join(directory, "dist", `${name}.br`), Buffer.alloc(bytes));
    return spawnSync(process.execPath, [resolve("tools/size.mjs"), ...args], {
      cwd: directory,
      encoding: "utf8",
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const files = (loader, total) => ({
  "zulip-presence.js": loader,
  "zulip-presence-widget.js": 1_000,
  "zulip-presence-widget_bg.wasm": total - loader - 1_000,
});

for (const args of [[], ["smallest"]]) {
  const { stdout } = run(files(1, 2_000), args);
  const [loader, total] = [...stdout.matchAll(/at most (\d+)/g)].map(([, limit]) => Number(limit));

  for (const [what, sizes, status] of [
    ["accepts the limits themselves", files(loader, total), 0],
    ["refuses a loader of a byte more", files(loader + 1, total), 1],
    ["refuses a byte more altogether", files(loader, total + 1), 1],
    ["refuses a build without the WebAssembly", { "zulip-presence.js": 1 }, 1],
  ]) {
    test(`size ${args.join("")} ${what}`, () => assert.equal(run(sizes, args).status, status));
  }
}
