import { defineConfig } from "@playwright/test";
import { CHROMIUM, FLAGS } from "./tests/e2e/chromium.mjs";

export default defineConfig({
  testDir: "tests/e2e",
  testMatch: "*.spec.mjs",
  fullyParallel: true,
  forbidOnly: Boolean(process.env.CI),
  workers: 2,
  // A shared machine may stall a browser for longer than any test allows; what fails three times is broken.
  retries: process.env.CI ? 2 : 0,
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
    trace: "retain-on-failure",
  },
});
