// A browser test that fails at first sight is reported, by name.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { after, test } from "node:test";
import { Cleanup } from "../tests/processes.mjs";

const cleanup = new Cleanup();
after(() => cleanup.stop());

const CONFIGS = ["playwright.config.mjs", "tests/hosts/playwright.config.mjs"];
const TESTS = `
import { expect, test } from "@playwright/test";
test("passes", () => {});
test("fails", () => expect(1).toBe(2));
test("fails once", ({}, { retry }) => expect(retry).toBe(1));
test.skip("is skipped", () => {});
`;

/** What the reporter prints about these tests. */
async function reported(retries) {
  const directory = await cleanup.directory();
  symlinkSync(resolve("node_modules"), join(directory, "node_modules"));
  const config = {
    retries,
    testMatch: "a.spec.mjs",
    reporter: [[resolve("tests/e2e/summary-reporter.mjs")]],
  };
  writeFileSync(join(directory, "config.mjs"), `export default ${JSON.stringify(config)};`);
  writeFileSync(join(directory, "a.spec.mjs"), TESTS);
  const args = ["test", "--config", join(directory, "config.mjs")];
  const { stdout } = spawnSync("node_modules/.bin/playwright", args, { encoding: "utf8" });
  return stdout.trim().split("\n\n").at(-1).split("\n");
}

test("no configuration retries, in CI neither", async () => {
  process.env.CI = "1";
  for (const path of CONFIGS) {
    const { default: config } = await import(resolve(path));
    assert.equal(config.retries, 0, path);
  }
});

test("the summary names what failed, and counts", async () => {
  assert.deepEqual(await reported(0), [
    "failed: a.spec.mjs › fails",
    "failed: a.spec.mjs › fails once",
    "1 passed, 2 failed, 1 skipped",
  ]);
});

test("the summary names what a retry let pass, and counts it as failed", async () => {
  assert.deepEqual(await reported(1), [
    "failed: a.spec.mjs › fails",
    "flaky: a.spec.mjs › fails once",
    "1 passed, 2 failed, 1 skipped",
  ]);
});
