// integrations/wordpress on Debian's WordPress, as docs/recipes.md has it set up.

import {
  TEAM,
  attributesOf,
  expect,
  expectArrival,
  expectTeam,
  statuses,
  test as shared,
  withoutHostMessages,
} from "./fixtures.mjs";
import { PASSWORD, WordPress } from "./wordpress.mjs";

const PLUGIN = "integrations/wordpress/zulip-presence.php";
const TEXT = TEAM.map(
  ({ user, name }) => `[zulip_presence user="${user}"]${name}[/zulip_presence]`,
).join("\n\n");

const test = shared.extend({
  site: [
    async ({}, use) => {
      const site = await new WordPress().start(PLUGIN);
      await use(site);
      await site.stop();
    },
    { scope: "worker", timeout: 120_000 },
  ],
});

// The gateway is set in the first test, where an admin sets it.
test.describe.configure({ mode: "serial" });

test("WordPress: the gateway is named on the settings page, and nothing but an address is taken", async ({
  page,
  site,
  gateway,
}) => {
  const url = await site.addPage("Before", TEXT);
  await page.goto(url);
  await expect(page.locator(".wp-block-post-content")).toContainText("Ines Fonseca");
  await expect(page.locator("zulip-presence, script[src*=zulip-presence]")).toHaveCount(0);

  await page.goto(`${site.url}/wp-login.php`);
  await page.getByLabel("Username or Email Address").fill("admin");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.getByRole("button", { name: "Log In" }).click();
  await page.goto(`${site.url}/wp-admin/options-general.php?page=zulip-presence`);
  await expect(page.getByText(`--allow-origin ${site.url}`)).toBeVisible();

  const stored = (name = "gateway") => site.run(`echo get_option( 'zulip_presence_${name}' );`);
  const save = async (value, name = "Gateway") => {
    const field = page.getByRole("textbox", { name });
    // The browser would refuse it before WordPress does.
    await field.evaluate((input) => (input.type = "text"));
    await field.fill(value);
    await page.getByRole("button", { name: "Save Changes" }).click();
    await expect(page.getByText("Settings saved.")).toBeVisible();
  };
  await save("javascript:alert(1)");
  expect(await stored()).toBe("");
  await save(`${gateway.url}/`);
  expect(await stored()).toBe(gateway.url);
  await save("javascript:alert(1)", "Zulip");
  expect(await stored("zulip")).toBe("");
  await save("https://chat.example.com/", "Zulip");
  expect(await stored("zulip")).toBe("https://chat.example.com");
});

test("WordPress: the shortcode, beside comments and search", async ({
  page,
  site,
  gateway,
  consoleMessages,
}) => {
  const plain = await site.addPage("Nobody", "Is here.");
  const url = await site.addPage("Team", TEXT);
  const ours = await withoutHostMessages(page, plain, consoleMessages);
  await expect(page.locator("script[src*=zulip-presence]")).toHaveCount(0);
  await page.goto(url);
  const script = page.locator("script[src*=zulip-presence]");
  await expect(script).toHaveAttribute("async");
  await expect(script).toHaveAttribute("data-zulip", "https://chat.example.com");
  await expectTeam(page);
  await expect(page.getByRole("img", { name: "Ines Fonseca: Active" })).toBeVisible();
  await expectArrival(page, gateway);

  await page.getByRole("textbox", { name: "Comment" }).fill("Hello, all of you.");
  await page.getByRole("textbox", { name: "Name" }).fill("Guest");
  await page.getByRole("textbox", { name: "Email" }).fill("guest@example.com");
  await page.getByRole("button", { name: "Post Comment" }).click();
  await expect(page.locator(".wp-block-comment-content")).toHaveText("Hello, all of you.");
  // WordPress scrolls to the comment: the badges are above it, and those off screen cause no requests.
  await page.locator("zulip-presence").first().scrollIntoViewIfNeeded();
  await expect.poll(() => statuses(page)).toMatchObject({ 3001: ["active"], 3002: ["idle"] });
  expect(ours()).toEqual([]);
});

test("WordPress: attributes of the shortcode, and what people write stays text", async ({
  page,
  site,
}) => {
  const url = await site.addPage(
    "Options",
    `[zulip_presence user="3001" label="status" details]Ines [zulip_presence user="3005"/]<em>F.</em>[/zulip_presence]

[zulip_presence user="3002" label="loud" endpoint="https://evil.example.com" onclick="evil()"]Jonas[/zulip_presence]

[zulip_presence user='3003" onclick="window.evil = 1' name='"><b>Meera']<img src=x onerror="window.evil = 2">Meera[/zulip_presence]

[zulip_presence]Nobody[/zulip_presence]`,
  );
  await page.goto(url);
  await expect.poll(() => statuses(page)).toMatchObject({ 3001: ["active"], 3002: ["idle"] });
  expect(await page.evaluate(() => window.evil)).toBeUndefined();
  expect(await attributesOf(page)).toEqual([
    { user: "3001", name: "Ines F.", label: "status", details: "" },
    { user: "3002", name: "Jonas" },
    { user: `3003" onclick="window.evil = 1`, name: `"><b>Meera` },
  ]);
  await expect(page.locator(".wp-block-post-content [onerror]")).toHaveCount(0);
  await expect(page.locator(".wp-block-post-content")).toContainText("Nobody");
});
