// Editors: TipTap, on ProseMirror, and a plain contenteditable.

import { bundle, serve } from "./bundle.mjs";
import {
  BADGES,
  MARKED,
  TEAM,
  expect,
  expectArrival,
  expectTeam,
  expectTeamStill,
  scriptTag,
  test,
  withoutHostMessages,
} from "./fixtures.mjs";

test("TipTap: people are nodes of a document, which is written and saved as without badges", async ({
  page,
  site,
  gateway,
  consoleMessages,
}) => {
  const editor = serve(site, "/tiptap/editor.js", await bundle("tiptap.js"));
  const url = (content, head) =>
    site.page(
      `<template id="content">${content}</template><div id="editor"></div><script src="${editor}"></script>`,
      head,
    );
  const saved = () => page.evaluate(() => window.editor.getHTML());
  const type = async () => {
    await page.locator("#editor p").last().click();
    await page.keyboard.press("Control+End");
    await page.keyboard.type(" and more.");
  };
  const content = `<ul>${BADGES}</ul><p>Some text</p>`;
  // Without the script tag, and so without badges.
  const ours = await withoutHostMessages(page, url(content, ""), consoleMessages, type);
  const withoutBadges = await saved();
  expect(withoutBadges).toContain("Some text and more.");
  expect(withoutBadges.match(/<zulip-presence/g)).toHaveLength(TEAM.length);

  await page.goto(url(content, scriptTag(gateway)));
  await expectTeam(page);
  await type();
  expect(await saved()).toBe(withoutBadges);
  await expectTeamStill(page, false);
  await expectArrival(page, gateway);

  // A person's text is also part of the document.
  await page.evaluate(() => {
    let at;
    window.editor.state.doc.descendants((node, position) => {
      if (node.type.name === "person") at ??= position + 1;
    });
    window.editor.chain().focus().setTextSelection(at).insertContent("Dr. ").run();
  });
  await expect(page.locator("#editor zulip-presence").first()).toHaveText("Dr. Ines Fonseca");
  await expectTeamStill(page);
  expect(await saved()).toBe(withoutBadges.replace(">Ines", ">Dr. Ines"));
  expect(ours()).toEqual([]);
});

test("contenteditable with data-scan: what is saved holds no badge", async ({
  page,
  site,
  gateway,
  consoleMessages,
}) => {
  const body = `<ul>${MARKED}</ul><div id="editor" contenteditable="true"><ul>${MARKED}</ul></div>`;
  await page.goto(site.page(body, scriptTag(gateway, "data-scan")));
  await expectTeam(page);
  const editor = page.locator("#editor");
  const saved = () => editor.evaluate((element) => element.innerHTML);
  expect(await saved()).toBe(`<ul>${MARKED}</ul>`);
  await editor.locator("li").last().click();
  await page.keyboard.press("Control+End");
  await page.keyboard.type("!");
  await editor.evaluate((element, team) => element.insertAdjacentHTML("beforeend", team), MARKED);
  await expectArrival(page, gateway);
  expect(await saved()).toBe(`<ul>${MARKED.replace(/<\/li>$/, "!</li>")}</ul>${MARKED}`);
  expect(consoleMessages).toEqual([]);
});
