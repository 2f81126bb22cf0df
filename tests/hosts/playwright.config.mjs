import { defineConfig } from "@playwright/test";
import { CHROMIUM, FLAGS } from "../e2e/chromium.mjs";

export default defineConfig({
  testDir: ".",
  testMatch: "*.spec.mjs",
  // A host is installed once, for all tests of its file.
  fullyParallel: false,
  forbidOnly: Boolean(process.env.CI),
  workers: 2,
  retries: 0,
  timeout: 180_000,
  // Enough for an interval of the page and a refresh of the gateway on a slow machine.
  expect: { timeout: 60_000 },
  outputDir: "../../test-results/hosts",
  reporter: [["list"], ["../e2e/summary-reporter.mjs"]],
  use: {
    launchOptions: { executablePath: CHROMIUM, args: FLAGS },
    trace: "retain-on-failure",
  },
});
