// How badges look, compared with the pictures in tests/e2e/screenshots: those of the gallery without text, because fonts differ between
// machines.
//
// After an intended change: npx playwright test screenshots.spec --update-snapshots

import { expect, test } from "./fixtures.mjs";

const PANES = { light: 0, dark: 1, "light-rtl": 2, "dark-rtl": 3 };

/** Opens the gallery, and waits until every badge of the shapes has its final status. */
async function open(page, gateway) {
  await page.goto(`${gateway.url}/gallery.html`);
  for (const [index, status] of ["active", "idle", "offline"].entries()) {
    const badges = page.locator(`[data-panes=shapes] zulip-presence:nth-child(${index + 1})`);
    await expect(badges.and(page.locator(`:state(${status})`))).toHaveCount(await badges.count());
  }
  return (name) => page.locator("[data-panes=shapes] .pane").nth(PANES[name]);
}

for (const name of Object.keys(PANES)) {
  test(`the badges look as in the screenshot, ${name}`, async ({ page, gateway }) => {
    const pane = await open(page, gateway);
    await expect(pane(name)).toHaveScreenshot(`${name}.png`);
  });
}

test("a badge with another shape does not look as in the screenshot", async ({ page, gateway }) => {
  const pane = await open(page, gateway);
  await page.addStyleTag({
    content: "[data-panes=shapes] zulip-presence:nth-child(2) { rotate: 90deg }",
  });
  await expect(pane("light")).not.toHaveScreenshot("light.png");
});

for (const colorScheme of ["light", "dark"]) {
  test(`the badges look as in the screenshot, forced colours, ${colorScheme}`, async ({
    page,
    gateway,
  }) => {
    await page.emulateMedia({ forcedColors: "active", colorScheme });
    const pane = await open(page, gateway);
    await expect(pane("light")).toHaveScreenshot(`forced-${colorScheme}.png`);
  });
}

test.describe("at a zoom of 200 %", () => {
  // What zoom does to a page: half as many CSS pixels, each twice as large.
  test.use({ viewport: { width: 640, height: 360 }, deviceScaleFactor: 2 });

  for (const name of ["light", "dark-rtl"]) {
    test(`the badges look as in the screenshot, ${name}`, async ({ page, gateway }) => {
      const pane = await open(page, gateway);
      await expect(pane(name)).toHaveScreenshot(`${name}-200.png`);
    });
  }
});
