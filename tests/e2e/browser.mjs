// A browser without Playwright, which neither hides a tab nor keeps a page in the back/forward cache.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { CHROMIUM, FLAGS } from "./chromium.mjs";
import { test as shared } from "./fixtures.mjs";

export { expect } from "./fixtures.mjs";

export const test = shared.extend({
  /** Opens a browser with one tab, and gives the address of its DevTools. */
  browserAt: async ({}, use) => {
    const profile = await mkdtemp(join(tmpdir(), "zulip-presence-"));
    let browser;
    await use(async (url) => {
      browser = spawn(CHROMIUM, [
        "--headless=new",
        "--remote-debugging-port=0",
        `--user-data-dir=${profile}`,
        ...FLAGS,
        url,
      ]);
      for await (const line of createInterface({ input: browser.stderr })) {
        const [, host] = /^DevTools listening on ws:\/\/([^/]+)/.exec(line) ?? [];
        if (host) return `http://${host}`;
      }
      throw new Error("the browser did not start");
    });
    const gone = once(browser, "exit");
    browser.kill("SIGKILL");
    await gone;
    await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  },
});
