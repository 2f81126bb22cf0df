// The demo page, as `make demo` serves it.

import { expect, people, test } from "./fixtures.mjs";

const PEOPLE = 73;
const shown = (page) => page.locator(".person");
const badges = (page, status) => page.locator(`.person zulip-presence:state(${status})`);

test("the demo shows people of every status, and counts them", async ({
  page,
  gateway,
  consoleMessages,
}) => {
  await page.setViewportSize({ width: 1280, height: 4000 });
  await page.goto(gateway.url);
  await expect(shown(page)).toHaveCount(PEOPLE);
  for (const status of ["active", "idle", "offline"]) {
    await expect(badges(page, status).first()).toBeVisible();
  }
  await expect(async () => {
    let sum = 0;
    for (const status of ["active", "idle", "offline", "unknown"]) {
      const counted = Number(await page.locator(`[data-status=${status}] i`).textContent());
      expect(counted).toBe(await badges(page, status).count());
      sum += counted;
    }
    expect(sum).toBe(PEOPLE);
  }).toPass();
  expect(consoleMessages).toEqual([]);
});

test("search removes people and puts them back unchanged, without a request", async ({
  page,
  gateway,
  presenceRequests,
}) => {
  await page.setViewportSize({ width: 1280, height: 4000 });
  await page.goto(gateway.url);
  const ada = page.locator(".person zulip-presence[user='12']");
  await expect(ada).not.toHaveStatus("unknown");
  await expect
    .poll(() => new Set(presenceRequests.flatMap(people)).size)
    .toBeGreaterThanOrEqual(PEOPLE);
  const before = presenceRequests.length;
  const status = await ada.evaluate((badge) => badge.status);

  const search = page.getByRole("searchbox");
  await search.fill("Lucia");
  await expect(shown(page)).toHaveText(/Lucía Fernández de Castro/);
  await search.fill("suda");
  await expect(shown(page)).toHaveText(/Suda Phromdee/);
  await search.fill("nobody is called so");
  await expect(shown(page)).toHaveCount(0);
  await page.getByRole("button", { name: "Show everybody" }).click();
  await expect(shown(page)).toHaveCount(PEOPLE);
  await expect(ada).toHaveStatus(status);
  expect(presenceRequests).toHaveLength(before);
});

test("the legend filters by status", async ({ page, gateway }) => {
  await page.setViewportSize({ width: 1280, height: 4000 });
  await page.goto(gateway.url);
  await expect(badges(page, "active").first()).toBeVisible();
  await expect(badges(page, "offline").first()).toBeVisible();
  await page.getByRole("button", { name: /^Active/ }).click();
  await expect(badges(page, "active").first()).toBeVisible();
  await expect(badges(page, "offline").first()).toBeHidden();
  await page.getByRole("button", { name: /^Active/ }).click();
  await expect(badges(page, "offline").first()).toBeVisible();
});

const PAGES = { demo: "/", gallery: "/gallery.html", configurator: "/configure.html" };

for (const [name, path] of Object.entries(PAGES)) {
  test(`the ${name} loads nothing from another host`, async ({ page, gateway }) => {
    const urls = [];
    page.on("request", (request) => urls.push(request.url()));
    await page.goto(gateway.url + path);
    await page.locator("zulip-presence").first().scrollIntoViewIfNeeded();
    await expect(page.locator("zulip-presence:state(active)").first()).toBeAttached();
    expect(urls.length).toBeGreaterThan(5);
    expect(urls.filter((url) => !url.startsWith(`${gateway.url}/`))).toEqual([]);
  });

  // 320 px: what WCAG 2.2 (1.4.10) asks for.
  for (const width of [390, 360, 320]) {
    test(`the ${name} fits a width of ${width} px`, async ({ page, gateway }) => {
      await page.setViewportSize({ width, height: 844 });
      await page.goto(gateway.url + path);
      // The configurator's badges are below its form.
      await page.locator("zulip-presence").first().scrollIntoViewIfNeeded();
      await expect(page.locator("zulip-presence:state(active)").first()).toBeAttached();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width);
    });
  }
}

test("a page turns dark by its button, and the next one is dark too", async ({ page, gateway }) => {
  await page.emulateMedia({ colorScheme: "light" });
  const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
  await page.goto(gateway.url);
  await page.getByRole("button", { name: "Dark" }).click();
  await expect.poll(scheme).toBe("dark");
  await page.goto(`${gateway.url}/gallery.html`);
  expect(await scheme()).toBe("dark");
  await page.getByRole("button", { name: "Light" }).click();
  await expect.poll(scheme).toBe("light");
  await page.getByRole("link", { name: "Brightwater" }).click();
  await expect(page).toHaveURL(`${gateway.url}/#top`);
  await expect(page.getByRole("button", { name: "Dark" })).toBeVisible();
});
