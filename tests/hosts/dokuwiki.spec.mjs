// integrations/dokuwiki on Debian's DokuWiki, as docs/recipes.md has it set up.

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
import { DokuWiki } from "./dokuwiki.mjs";

const PLUGIN = "integrations/dokuwiki/zulippresence";
const TEXT = `====== Team ======

^ Name ^ Desk ^
${TEAM.map(({ user, name }, index) => `| {{zulip>${user}|${name}}} | ${9 - index} |`).join("\n")}

===== Rooms =====

The big one.

===== Hours =====

Always.

===== Lunch =====

At noon.
`;

const test = shared.extend({
  wiki: [
    async ({ workerGateway }, use) => {
      const wiki = await new DokuWiki().start(
        PLUGIN,
        `$conf['plugin']['zulippresence']['gateway'] = '${workerGateway.url}/';
$conf['plugin']['zulippresence']['zulip'] = 'https://chat.example.com';`,
      );
      await use(wiki);
      await wiki.stop();
    },
    { scope: "worker" },
  ],
});

test("DokuWiki: the plugin's syntax, beside contents, preview and saving", async ({
  page,
  wiki,
  gateway,
  consoleMessages,
}) => {
  await wiki.write("team", TEXT);
  await wiki.write("plain", "====== Nobody ======\n\nIs here.");
  const ours = await withoutHostMessages(page, wiki.page("plain"), consoleMessages);
  await page.goto(wiki.page("team"));
  await expectTeam(page);
  await expect(page.locator("script[src*=zulip-presence]")).toHaveAttribute(
    "data-zulip",
    "https://chat.example.com",
  );
  await expect(page.getByRole("img", { name: "Ines Fonseca: Active" })).toBeVisible();
  await expectArrival(page, gateway);

  const contents = page.locator("#dw__toc");
  await contents.locator("h3").click();
  await expect(contents.getByRole("link", { name: "Lunch" })).toBeHidden();
  await contents.locator("h3").click();
  await contents.getByRole("link", { name: "Lunch" }).click();
  await expect(page).toHaveURL(/#lunch$/);

  await page.goto(wiki.page("team", "&do=edit"));
  await page.locator("#wiki__text").fill(`${TEXT}\nA new line.`);
  await page.getByRole("button", { name: "Preview" }).click();
  await expect(page.locator(".preview")).toContainText("A new line.");
  await expect.poll(() => statuses(page)).toMatchObject({ 3001: ["active"], 3002: ["idle"] });
  await page.getByRole("button", { name: "Save" }).click();
  await expect(page.locator(".page")).toContainText("A new line.");
  expect(await wiki.read("team")).toBe(`${TEXT}\nA new line.`);
  await expect.poll(() => statuses(page)).toMatchObject({ 3001: ["active"], 3002: ["idle"] });
  expect(ours()).toEqual([]);
});

test("DokuWiki: options of the syntax, and what people write stays text", async ({
  page,
  wiki,
}) => {
  await wiki.write(
    "options",
    `{{zulip>3001?label=status&details|Ines}} {{zulip>3002}} {{zulip>3003?label=loud&onclick=evil|Meera}}

{{zulip>3004"><script>window.evil = 1</script>|<img src=x onerror="window.evil = 2">}} {{zulip>3005|Ines" onclick="window.evil = 3}}`,
  );
  await page.goto(wiki.page("options"));
  await expect.poll(() => statuses(page)).toMatchObject({ 3001: ["active"], 3002: ["idle"] });
  expect(await page.evaluate(() => window.evil)).toBeUndefined();
  expect(await attributesOf(page)).toEqual([
    { user: "3001", name: "Ines", label: "status", details: "" },
    { user: "3002", name: "3002" },
    { user: "3003", name: "Meera" },
    {
      user: `3004"><script>window.evil = 1</script>`,
      name: `<img src=x onerror="window.evil = 2">`,
    },
    { user: "3005", name: `Ines" onclick="window.evil = 3` },
  ]);
});
