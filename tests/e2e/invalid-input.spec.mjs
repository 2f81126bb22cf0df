// Invalid attributes and settings, and pages that replace browser functions.

import { KNOWN, expect, people, test } from "./fixtures.mjs";

const ABSURD = [
  "",
  " ",
  "x".repeat(10_000),
  "1".repeat(11),
  "-1",
  "1.5",
  "12/presence?x=",
  "../../../admin",
  "..",
  ".",
  "%2e%2e",
  "12?client_gravatar=false",
  "12#here",
  "12%00",
  "<script>alert(1)</script>",
  '"><img src=x onerror=alert(1)>',
  "ada@example.com/../12",
  "ada@@example.com",
  "@example.com",
  "ada@",
  "ada love@example.com",
  "a@" + "b".repeat(300),
  "\u0661\u0662",
  "१२",
];

test("an invalid user stays unknown and never becomes a URL", async ({
  page,
  site,
  tag,
  presenceRequests,
  consoleMessages,
}) => {
  await page.clock.install();
  await page.goto(site.page("<main></main>", tag()));
  await page.evaluate((absurd) => {
    for (const user of [...absurd, "17"]) {
      const element = document.createElement("zulip-presence");
      element.setAttribute("user", user);
      element.textContent = "Somebody";
      document.querySelector("main").append(element);
    }
    document.querySelector("main").append(document.createElement("zulip-presence"));
  }, ABSURD);
  await expect(page.locator("zulip-presence[user='17']")).toHaveStatus(KNOWN);
  await page.clock.fastForward("01:10");
  await expect.poll(() => presenceRequests.length).toBe(2);
  expect(presenceRequests.map(people)).toEqual([["17"], ["17"]]);
  await expect(page.locator("zulip-presence:state(unknown)")).toHaveCount(ABSURD.length + 1);
  expect(await page.locator("script, img").count()).toBe(1);
  expect(consoleMessages.filter((line) => line.startsWith("uncaught"))).toEqual([]);
});

test("one person in two notations is requested once", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  const users = ["12", "0012", "ada@example.com", "ADA@Example.com"];
  const body = users.map((user) => `<zulip-presence user="${user}">Ada</zulip-presence>`).join(" ");
  await page.goto(site.page(body, tag()));
  await expect(page.locator("zulip-presence:not(:state(unknown))")).toHaveCount(users.length);
  expect(presenceRequests).toHaveLength(1);
  expect(people(presenceRequests[0]).map((user) => user.toLowerCase())).toEqual([
    "12",
    "ada@example.com",
  ]);
});

for (const [setting, value] of [
  ["data-interval", "0"],
  ["data-interval", "abc"],
  ["data-offline-after", "never"],
]) {
  test(`${setting}="${value}" is ignored, with one console warning`, async ({
    page,
    site,
    tag,
    presenceRequests,
    consoleMessages,
  }) => {
    await page.clock.install();
    const body = `<zulip-presence user="12">Ada</zulip-presence>`.repeat(3);
    await page.goto(site.page(body, tag(`${setting}="${value}"`)));
    await expect(page.locator("zulip-presence").first()).toHaveStatus(KNOWN);
    expect(consoleMessages).toHaveLength(1);
    expect(consoleMessages[0]).toContain(setting);
    await page.clock.fastForward("00:15");
    await page.clock.fastForward("00:20");
    await expect.poll(() => presenceRequests.length).toBe(2);
  });
}

for (const endpoint of ["http://[", "http://", "javascript:alert(1)", "ftp://example.com/api/v1"]) {
  test(`data-endpoint="${endpoint}" sends nothing, with one console warning`, async ({
    page,
    site,
    tag,
    presenceRequests,
    consoleMessages,
  }) => {
    const body = `<zulip-presence user="12">Ada</zulip-presence>`.repeat(3);
    await page.goto(site.page(body, tag(`data-endpoint="${endpoint}"`)));
    await expect.poll(() => consoleMessages.length).toBe(1);
    expect(consoleMessages[0]).toContain("data-endpoint");
    await expect(page.locator("zulip-presence:state(unknown)")).toHaveCount(3);
    await expect(page.locator("zulip-presence").first()).toContainText("Ada");
    expect(presenceRequests).toEqual([]);
  });
}

const RLO = "\u202e";
for (const [what, name] of [
  ["markup", `<img src=x onerror="window.isHit = true"><script>window.isHit = true</script>`],
  ["characters that turn the direction", `${RLO}ecalevoL adA${RLO}`],
  ["ten thousand characters", "Ada ".repeat(2_500)],
]) {
  test(`a name and a text with ${what} stay plain text`, async ({
    page,
    site,
    tag,
    consoleMessages,
  }) => {
    await page.goto(site.page("<main></main>", tag()));
    await page.evaluate((name) => {
      const badge = document.createElement("zulip-presence");
      badge.setAttribute("user", "12");
      badge.setAttribute("name", name);
      badge.setAttribute("label", "status");
      badge.textContent = name;
      document.querySelector("main").append(badge);
    }, name);
    const badge = page.locator("zulip-presence");
    // The badge is at the end of the text, far below the first screen; its first drawing may be in the middle of being replaced.
    await page.evaluate(() => window.scrollTo(0, document.body.scrollHeight));
    await expect(badge).toHaveStatus(KNOWN);
    expect(await badge.evaluate((badge) => badge.textContent)).toBe(name);
    const heard = await badge.locator("svg").getAttribute("aria-label");
    expect(heard).toContain(name.trim());
    expect(await badge.evaluate((badge) => badge.shadowRoot.querySelectorAll("*").length)).toBe(6);
    // A direction override that the text never ends does not affect the label.
    await expect(badge.locator("[part=label]")).toHaveCSS("unicode-bidi", "isolate");
    expect(await page.evaluate(() => window.isHit)).toBeUndefined();
    expect(consoleMessages).toEqual([]);
  });
}

test("an unknown label value shows no label", async ({ page, site, tag, consoleMessages }) => {
  const labels = ["", "none", "yes", "STATUS", "last_active", "<b>"];
  const body = labels.map(
    (label) => `<zulip-presence user="12" label="${label}"></zulip-presence>`,
  );
  await page.goto(site.page(body.join(""), tag()));
  await expect(page.locator("zulip-presence:not(:state(unknown))")).toHaveCount(labels.length);
  await expect(page.locator("[part=label]")).toHaveCount(0);
  expect(consoleMessages.filter((line) => line.startsWith("uncaught"))).toEqual([]);
});

test("a user changed a thousand times in one task is requested once, as the last one", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  await page.goto(site.page(`<zulip-presence user="17">Ada</zulip-presence>`, tag()));
  const badge = page.locator("zulip-presence");
  await expect(badge).toHaveStatus(KNOWN);
  await badge.evaluate((badge) => {
    for (let user = 1000; user > 0; user--) badge.setAttribute("user", user);
    badge.setAttribute("user", "12");
  });
  await expect.poll(() => presenceRequests.length).toBe(2);
  await expect(badge).toHaveStatus(KNOWN);
  expect(presenceRequests.map(people)).toEqual([["17"], ["12"]]);
});

test("badges work on a page that wraps fetch and Promise, as monitoring scripts do", async ({
  page,
  site,
  tag,
  presenceRequests,
  consoleMessages,
}) => {
  await page.addInitScript(() => {
    globalThis.fetched = [];
    const { fetch, Promise: Native } = globalThis;
    globalThis.Promise = class Monitored extends Native {};
    globalThis.fetch = function (input, init) {
      globalThis.fetched.push(String(input.url ?? input));
      return new globalThis.Promise((resolve, reject) =>
        fetch.call(globalThis, input, init).then(resolve, reject),
      );
    };
  });
  await page.goto(site.page(`<zulip-presence user="12">Ada</zulip-presence>`, tag()));
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  // The WebAssembly, the presence and the stream.
  await expect.poll(() => page.evaluate(() => globalThis.fetched)).toHaveLength(3);
  expect(presenceRequests).toHaveLength(1);
  expect(consoleMessages).toEqual([]);
});

for (const [what, fetch] of [
  ["throws", () => (globalThis.fetch = () => void JSON.parse("{"))],
  ["rejects with no Error", () => (globalThis.fetch = () => Promise.reject("blocked"))],
  ["answers nothing", () => (globalThis.fetch = () => undefined)],
  ["answers something else", () => (globalThis.fetch = async () => ({ ok: true }))],
]) {
  test(`a page whose fetch ${what} keeps its text, without an uncaught error`, async ({
    page,
    site,
    tag,
    consoleMessages,
  }) => {
    // The wasm has loaded by then.
    await page.goto(site.page("<main></main>", tag()));
    await page.waitForFunction(() => globalThis.zulipPresence);
    await page.evaluate(() => zulipPresence.ready);
    await page.evaluate(fetch);
    await page.evaluate(
      () =>
        (document.querySelector("main").innerHTML =
          `<zulip-presence user="12">Ada</zulip-presence>`),
    );
    await expect
      .poll(() => consoleMessages.filter((line) => line.includes("zulip-presence:")))
      .toHaveLength(1);
    await expect(page.locator("zulip-presence")).toHaveText("Ada");
    await expect(page.locator("zulip-presence")).toHaveStatus("unknown");
    expect(consoleMessages.filter((line) => line.startsWith("uncaught"))).toEqual([]);
  });
}

test("an element whose ID is our API's name does no harm", async ({ page, site, tag }) => {
  const body = `<p id="zulipPresence">Team</p><zulip-presence user="12">Ada</zulip-presence>`;
  await page.goto(site.page(body, tag()));
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  expect(await page.evaluate(() => zulipPresence.ready)).toBe(true);
});
