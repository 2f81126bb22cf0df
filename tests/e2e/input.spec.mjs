// What nobody should write into a page, and people do.

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

test("an absurd user is unknown and never becomes a URL", async ({
  page,
  site,
  tag,
  asked,
  said,
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
  await expect(page.locator("zulip-presence[user='17']")).toHaveAttribute("status", KNOWN);
  await page.clock.fastForward("01:10");
  await expect.poll(() => asked.length).toBe(2);
  expect(asked.map(people)).toEqual([["17"], ["17"]]);
  await expect(page.locator("zulip-presence[status=unknown]")).toHaveCount(ABSURD.length + 1);
  expect(await page.locator("script, img").count()).toBe(1);
  expect(said.filter((line) => line.startsWith("uncaught"))).toEqual([]);
});

test("one person in two notations is asked once", async ({ page, site, tag, asked }) => {
  const users = ["12", "0012", "ada@example.com", "ADA@Example.com"];
  const body = users.map((user) => `<zulip-presence user="${user}">Ada</zulip-presence>`).join(" ");
  await page.goto(site.page(body, tag()));
  await expect(page.locator("zulip-presence:not([status=unknown])[status]")).toHaveCount(
    users.length,
  );
  expect(asked).toHaveLength(1);
  expect(people(asked[0]).map((user) => user.toLowerCase())).toEqual(["12", "ada@example.com"]);
});

for (const [setting, value] of [
  ["data-interval", "0"],
  ["data-interval", "abc"],
  ["data-offline-after", "never"],
]) {
  test(`${setting}="${value}" is left out of account, and the console says so once`, async ({
    page,
    site,
    tag,
    asked,
    said,
  }) => {
    await page.clock.install();
    const body = `<zulip-presence user="12">Ada</zulip-presence>`.repeat(3);
    await page.goto(site.page(body, tag(`${setting}="${value}"`)));
    await expect(page.locator("zulip-presence").first()).toHaveAttribute("status", KNOWN);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain(setting);
    await page.clock.fastForward("00:30");
    await page.clock.fastForward("00:40");
    await expect.poll(() => asked.length).toBe(2);
  });
}

for (const endpoint of ["http://[", "http://", "javascript:alert(1)", "ftp://example.com/api/v1"]) {
  test(`data-endpoint="${endpoint}" asks nobody, and the console says so once`, async ({
    page,
    site,
    tag,
    asked,
    said,
  }) => {
    const body = `<zulip-presence user="12">Ada</zulip-presence>`.repeat(3);
    await page.goto(site.page(body, tag(`data-endpoint="${endpoint}"`)));
    await expect.poll(() => said.length).toBe(1);
    expect(said[0]).toContain("data-endpoint");
    await expect(page.locator("zulip-presence[status=unknown]")).toHaveCount(3);
    await expect(page.locator("zulip-presence").first()).toContainText("Ada");
    expect(asked).toEqual([]);
  });
}
