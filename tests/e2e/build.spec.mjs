// A build with other settings than ours, as `make dist-plain` leaves it in target/plain: without wasm-opt, with the names of all functions.

import { existsSync } from "node:fs";
import { KNOWN, expect, test } from "./fixtures.mjs";
import { Gateway } from "./gateway.mjs";

const PLAIN = "target/plain";

test("a build that keeps all names, and has not been optimized, runs a badge", async ({
  page,
  site,
  consoleMessages,
}) => {
  expect(existsSync(PLAIN), "make dist-plain").toBe(true);
  const gateway = await new Gateway(["--allow-origin", site.origin], PLAIN).start();
  const script = `<script src="${gateway.url}/zulip-presence.js" async></script>`;
  const badge = `<zulip-presence user="12" label="status" lang="de">Ada</zulip-presence>`;
  await page.goto(site.page(badge, script));
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  await expect(page.locator("[part=label]")).toHaveText(/^(Gerade aktiv|Inaktiv|Offline)$/);
  expect(consoleMessages).toEqual([]);
  await gateway.kill();
});
