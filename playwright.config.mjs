import { defineConfig } from "@playwright/test";
import { CHROMIUM, FLAGS } from "./tests/e2e/chromium.mjs";

export default defineConfig({
  testDir: "tests/e2e",
  testMatch: "*.spec.mjs",
  fullyParallel: true,
  // Nothing is retried: a test that fails now and then has found a fault, in the project or in itself.
  retries: 0,
  forbidOnly: Boolean(process.env.CI),
  workers: 2,
  timeout: 60_000,
  expect: {
    timeout: 15_000,
    // Other versions of the browser blend some edges a little differently. A wrong shape is more than this.
    toHaveScreenshot: { scale: "device", threshold: 0.1, maxDiffPixels: 20 },
  },
  snapshotPathTemplate: "{testDir}/screenshots/{arg}{ext}",
  reporter: [["list"], ["./tests/e2e/summary-reporter.mjs"]],
  use: {
    launchOptions: { executablePath: CHROMIUM, args: FLAGS },
    // A sixth of the CPU time; `--trace on` records one elsewhere too.
    trace: process.env.CI ? "retain-on-failure" : "off",
  },
});
