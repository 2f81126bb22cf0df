// Takes docs/demo.png, the README's picture of the demo page, from the output of `make dist` and of the gateway's build. Needs a font with
// emoji: Debian's fonts-noto-color-emoji.

import { chromium } from "@playwright/test";
import { CHROMIUM, FLAGS } from "../tests/e2e/chromium.mjs";
import { Gateway } from "../tests/e2e/gateway.mjs";

const gateway = await new Gateway(["--status-messages", "show"]).start();
const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
const page = await browser.newPage({
  viewport: { width: 1200, height: 880 },
  deviceScaleFactor: 1.5,
});
await page.goto(gateway.url);
await page.waitForFunction(() =>
  [...document.querySelectorAll(".legend i")].every((count) => Number(count.textContent) < 40),
);
await page.screenshot({ path: "docs/demo.png" });
await browser.close();
await gateway.kill();
