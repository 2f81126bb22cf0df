// The badge as a button that shows when the person was last active.

import { KNOWN, expect, test } from "./fixtures.mjs";

const TWO = `<p>Text <zulip-presence user="12" name="Ada" details>Ada</zulip-presence>, and
  <zulip-presence user="17" name="Tomasz" details>Tomasz</zulip-presence>.</p><button id="other">Other</button>`;

const details = (badge) => badge.locator("[part=details]");

/** Opens a page with two badges with details, both with a status. */
async function open({ page, site, tag }, body = TWO) {
  await page.goto(site.page(body, tag()));
  const badges = page.locator("zulip-presence");
  for (const badge of await badges.all()) await expect(badge).toHaveStatus(KNOWN);
  return badges;
}

test("hover shows the popover, and keeps it while the pointer is over it", async ({
  page,
  site,
  tag,
}) => {
  const [badge] = await (await open({ page, site, tag })).all();
  await badge.getByRole("button").hover();
  await expect(details(badge)).toBeVisible();
  await expect(details(badge)).toHaveText(/active|Idle|Offline/i);
  await details(badge).hover();
  await expect(details(badge)).toBeVisible();
  await page.mouse.move(600, 500);
  await expect(details(badge)).toBeHidden();
});

test("a click pins the popover until the next click, here or elsewhere", async ({
  page,
  site,
  tag,
}) => {
  const [badge, other] = await (await open({ page, site, tag })).all();
  await badge.getByRole("button").click();
  await page.mouse.move(600, 500);
  await expect(details(badge)).toBeVisible();
  await expect(badge.getByRole("button")).toHaveAttribute("aria-expanded", "true");
  await other.getByRole("button").click();
  await expect(details(badge)).toBeHidden();
  await expect(details(other)).toBeVisible();
  await page.mouse.click(600, 500);
  await expect(details(other)).toBeHidden();
  await expect(other.getByRole("button")).toHaveAttribute("aria-expanded", "false");
});

test("Tab, Enter, Space and Escape operate the popover", async ({ page, site, tag }) => {
  const [badge, other] = await (await open({ page, site, tag })).all();
  await page.evaluate(() => {
    window.escapes = 0;
    addEventListener("keydown", ({ key }) => (window.escapes += key === "Escape"));
  });
  await page.keyboard.press("Tab");
  await expect(badge.getByRole("button")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(details(badge)).toBeVisible();
  await page.keyboard.press("Space");
  await expect(details(badge)).toBeHidden();
  await page.keyboard.press("Space");
  await expect(details(badge)).toBeVisible();
  await page.keyboard.press("Escape");
  await expect(details(badge)).toBeHidden();
  await expect(badge.getByRole("button")).toBeFocused();
  expect(await page.evaluate(() => window.escapes)).toBe(0);
  await page.keyboard.press("Escape");
  expect(await page.evaluate(() => window.escapes)).toBe(1);
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await expect(details(badge)).toBeHidden();
  await expect(other.getByRole("button")).toBeFocused();
});

test.describe("by touch", () => {
  test.use({ hasTouch: true });
  test("a tap shows the popover, and the next tap hides it, here or elsewhere", async ({
    page,
    site,
    tag,
  }) => {
    const [badge] = await (await open({ page, site, tag })).all();
    await badge.getByRole("button").tap();
    await expect(details(badge)).toBeVisible();
    await badge.getByRole("button").tap();
    await expect(details(badge)).toBeHidden();
    await badge.getByRole("button").tap();
    await page.touchscreen.tap(600, 500);
    await expect(details(badge)).toBeHidden();
  });
});

test("the accessible name and description give name, status and last activity", async ({
  page,
  site,
  tag,
}) => {
  const [badge] = await (await open({ page, site, tag })).all();
  const button = badge.getByRole("button");
  await expect(button).toHaveAccessibleName(/^Ada: (active now|idle|offline)$/);
  await expect(button).toHaveAccessibleDescription((await details(badge).textContent()).trim());
  await expect(badge.getByRole("img")).toHaveCount(0);
});

test("without details five hundred badges are not focusable", async ({ page, site, tag }) => {
  const badge = `<zulip-presence user="12">Ada</zulip-presence>`;
  await page.goto(site.page(`${badge.repeat(500)}<button id="other">Other</button>`, tag()));
  await expect(page.locator("zulip-presence").last()).toHaveStatus(KNOWN);
  await page.keyboard.press("Tab");
  await expect(page.locator("#other")).toBeFocused();
});

for (const [where, style] of [
  ["in the middle", "margin: 200px"],
  ["at the left edge", "position: fixed; left: 0; top: 100px"],
  ["at the right bottom corner", "position: fixed; right: 0; bottom: 0"],
  [
    "in a box that hides what is over its edge",
    "overflow: hidden; margin: 150px; width: 60px; height: 1.3em",
  ],
]) {
  test(`the popover is fully visible ${where}, and stays at its badge when the page scrolls`, async ({
    page,
    site,
    tag,
  }) => {
    const badges = await open(
      { page, site, tag },
      `<div style="${style}"><zulip-presence user="12" details>Ada</zulip-presence></div><div style="height: 3000px"></div>`,
    );
    const button = badges.getByRole("button");
    await button.click();
    const isWhole = async () => {
      const [box, at] = [await details(badges).boundingBox(), await button.boundingBox()];
      const { width, height } = page.viewportSize();
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(width);
      expect(box.y).toBeGreaterThanOrEqual(0);
      expect(box.y + box.height).toBeLessThanOrEqual(height);
      const gap = Math.max(box.y - (at.y + at.height), at.y - (box.y + box.height));
      expect(Math.abs(gap)).toBeLessThan(3);
    };
    await isWhole();
    await page.evaluate(() => scrollTo(0, 60));
    await expect.poll(() => page.evaluate(() => scrollY)).toBe(60);
    await expect(isWhole).toPass();
  });
}

test("removing a badge with an open popover leaves nothing behind", async ({
  page,
  site,
  tag,
  consoleMessages,
}) => {
  await open({ page, site, tag });
  const [badge, other] = ["12", "17"].map((user) => page.locator(`[user="${user}"]`));
  await badge.getByRole("button").click();
  await badge.evaluate((element) => element.remove());
  await page.keyboard.press("Escape");
  await other.getByRole("button").click();
  await other.evaluate((element) => element.removeAttribute("details"));
  await expect(other.getByRole("button")).toHaveCount(0);
  await expect(details(other)).toHaveCount(0);
  await expect(other.getByRole("img", { name: /^Tomasz: / })).toBeVisible();
  expect(consoleMessages).toEqual([]);
});

test("an open popover closes when its badge is moved, and opens at the new place", async ({
  page,
  site,
  tag,
}) => {
  const [badge] = await (await open({ page, site, tag })).all();
  const button = badge.getByRole("button");
  await button.click();
  await expect(details(badge)).toBeVisible();
  await badge.evaluate((element) => document.body.append(element));
  await expect(details(badge)).toBeHidden();
  await expect(button).toHaveAttribute("aria-expanded", "false");
  await expect(badge).toHaveStatus(KNOWN);
  await button.focus();
  await page.keyboard.press("Enter");
  await expect(details(badge)).toBeVisible();
  const [at, popover] = [await button.boundingBox(), await details(badge).boundingBox()];
  expect(Math.abs(popover.y - (at.y + at.height))).toBeLessThan(2);
});
