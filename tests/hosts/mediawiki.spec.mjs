// integrations/mediawiki on Debian's MediaWiki, as docs/recipes.md has it set up.

import { readFile } from "node:fs/promises";
import {
  TEAM,
  expect,
  expectArrival,
  expectTeam,
  expectTeamStill,
  statuses,
  test as shared,
  withoutHostMessages,
} from "./fixtures.mjs";
import { MediaWiki } from "./mediawiki.mjs";

const INTEGRATION = "integrations/mediawiki";
const TABLE = `{| class="wikitable sortable" id="team"
! Name !! Desk
${TEAM.map(({ user, name }, index) => `|-\n| {{Zulip presence|${user}|${name}}} || ${9 - index}`).join("\n")}
|}`;

const test = shared.extend({
  wiki: [
    async ({}, use) => {
      const wiki = await new MediaWiki().start();
      await wiki.edit(
        "Template:Zulip presence",
        await readFile(`${INTEGRATION}/Zulip-presence.wikitext`),
      );
      await wiki.edit("Team", TABLE);
      await use(wiki);
      await wiki.stop();
    },
    { scope: "worker" },
  ],
});

/** A script of the integration, for this gateway. */
async function script(name, { url }) {
  const text = await readFile(`${INTEGRATION}/${name}`, "utf8");
  expect(text).toContain("https://presence.example.com");
  return text.replace("https://presence.example.com", url);
}

test("MediaWiki: data-scan from Common.js, beside a sortable table, preview and saving", async ({
  page,
  wiki,
  gateway,
  consoleMessages,
}) => {
  await wiki.edit("MediaWiki:Common.js", await script("Common.js", gateway));
  const ours = await withoutHostMessages(page, wiki.page("Main Page"), consoleMessages);
  await page.goto(wiki.page("Team"));
  await expectTeam(page);
  await expect(page.getByRole("img", { name: "Ines Fonseca: Active" })).toBeVisible();
  await expectArrival(page, gateway);

  const desks = page.locator("#team tbody tr td:last-child");
  await expect(desks).toHaveText(["9", "8", "7", "6", "5"]);
  await page.locator("#team th").last().click();
  await expect(desks).toHaveText(["5", "6", "7", "8", "9"]);
  await expectTeamStill(page);

  await page.goto(`${wiki.page("Team")}?action=edit`);
  await page.locator("#wpTextbox1").fill(`${TABLE}\n\nA new line.`);
  await page.locator("#wpPreview").click();
  await expect(page.locator("#wikiPreview")).toContainText("A new line.");
  await expect.poll(() => statuses(page)).toMatchObject({ 3001: ["active"], 3002: ["idle"] });
  await page.locator("#wpSave").click();
  await expect(page.locator("#mw-content-text")).toContainText("A new line.");
  expect(await wiki.raw("Team")).toBe(`${TABLE}\n\nA new line.`);
  expect(ours()).toEqual([]);
});

test("MediaWiki: the gadget puts badges beside links to user pages, without an extension", async ({
  page,
  wiki,
  gateway,
  consoleMessages,
}) => {
  const idOf = Object.fromEntries(TEAM.map(({ user, name }) => [name, user]));
  await wiki.edit("MediaWiki:Zulip-presence.json", JSON.stringify(idOf));
  await wiki.edit(
    "MediaWiki:Gadget-zulip-presence.js",
    await script("Gadget-zulip-presence.js", gateway),
  );
  await wiki.edit(
    "MediaWiki:Common.js",
    `mw.loader.load( '/index.php?title=MediaWiki:Gadget-zulip-presence.js&action=raw&ctype=text/javascript' );`,
  );
  await wiki.edit("User:Jonas Lindqvist", "I am.\n\n== One ==\n\nHere.\n\n== Two ==\n\nThere.");
  await wiki.edit(
    "Signed",
    `${TEAM.map(({ name }) => `* [[User:${name}]] says hello`).join("\n")}
* [[User:Nobody In Zulip]], [[User:Ines Fonseca/Notes]], [[User talk:Ines Fonseca]], [[Team]], [https://example.com/index.php/User:Ines_Fonseca elsewhere]`,
  );
  const ours = await withoutHostMessages(page, wiki.page("Main Page"), consoleMessages);
  await page.goto(wiki.page("Signed"));
  await expectTeam(page);
  await expectArrival(page, gateway);
  await expect(page.locator("zulip-presence")).toHaveCount(TEAM.length);
  await page.getByRole("link", { name: "User:Jonas Lindqvist" }).click();
  await expect(page.locator("#mw-content-text")).toContainText("I am.");
  // Links to a form, a difference or an old version are none to the page.
  await expect(page.locator(".mw-editsection a")).not.toHaveCount(0);
  await expect(page.locator("zulip-presence")).toHaveCount(0);
  await wiki.edit("User:Jonas Lindqvist", "I am, again. [[User:Jonas Lindqvist/Notes]]");
  await page.goto(`${wiki.page("User:Jonas Lindqvist")}?action=history`);
  await expect(page.locator("#pagehistory a[href*=diff]")).not.toHaveCount(0);
  await page.evaluate(() => mw.loader.using("mediawiki.util"));
  await page.waitForFunction(() => globalThis.zulipPresence?.get);
  await expect(page.locator("#pagehistory [data-zulip-presence]")).toHaveCount(0);
  expect(ours()).toEqual([]);
});

test("MediaWiki: what people write into the template stays text", async ({
  page,
  wiki,
  gateway,
}) => {
  await wiki.edit("MediaWiki:Common.js", await script("Common.js", gateway));
  await wiki.edit(
    "Evil",
    `{{Zulip presence|3001"><script>window.evil = 1</script>|<img src=x onerror="window.evil = 2">Ines" onclick="window.evil = 3}} {{Zulip presence|3002|Jonas}}`,
  );
  await page.goto(wiki.page("Evil"));
  await expect.poll(() => statuses(page)).toMatchObject({ 3002: ["idle"] });
  expect(await page.evaluate(() => window.evil)).toBeUndefined();
  await expect(page.locator("#mw-content-text [onclick], #mw-content-text script")).toHaveCount(0);
});
