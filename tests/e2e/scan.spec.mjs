// data-zulip-presence on any element, for editors that strip unknown tags: needs data-scan on the script tag.

import { KNOWN, expect, people, test } from "./fixtures.mjs";

const badgeIn = (page, selector) => page.locator(`${selector} > zulip-presence`);

test("marked elements get a badge at their end, also those added later", async ({
  page,
  site,
  tag,
  presenceRequests,
  consoleMessages,
}) => {
  const body = `<ul><li id="ada" data-zulip-presence="12" data-zulip-presence-name="Ada" data-zulip-presence-label="status">Ada <b>Lovelace</b></li></ul>`;
  await page.goto(site.page(body, tag("data-scan")));
  const ada = badgeIn(page, "#ada");
  await expect(ada).toHaveStatus(KNOWN);
  await expect(page.locator("#ada > :last-child")).toHaveAttribute("user", "12");
  await expect(ada.getByRole("img")).toHaveAccessibleName(/^Ada: /);
  await expect(ada).toHaveText(/Active now|Idle|Offline/);
  expect(await ada.evaluate((badge) => badge.shadowRoot.textContent)).not.toBe("");

  await page.evaluate(() => {
    document
      .querySelector("ul")
      .insertAdjacentHTML(
        "beforeend",
        `<li id="late">Late: <span><a data-zulip-presence="17">Tomasz</a></span></li>`,
      );
  });
  await expect(badgeIn(page, "a")).toHaveStatus(KNOWN);
  expect(new Set(presenceRequests.flatMap(people))).toEqual(new Set(["12", "17"]));
  expect(consoleMessages).toEqual([]);
});

test("a badge follows when its mark changes or goes, or the marked element's content is replaced", async ({
  page,
  site,
  tag,
}) => {
  const body = `<p id="one" data-zulip-presence="12">Ada</p>`;
  await page.goto(site.page(body, tag("data-scan")));
  const one = page.locator("#one").first();
  const badge = one.locator("zulip-presence");
  await expect(badge).toHaveStatus(KNOWN);

  await one.evaluate((element) => (element.dataset.zulipPresence = "17"));
  await expect(badge).toHaveAttribute("user", "17");
  await expect(badge).toHaveStatus(KNOWN);
  await one.evaluate((element) => element.replaceChildren("Somebody"));
  await expect(badge).toHaveStatus(KNOWN);
  await one.evaluate((element) => element.after(element.cloneNode(true)));
  await expect(page.locator("p > zulip-presence")).toHaveCount(2);
  await expect(page.locator("zulip-presence")).toHaveCount(2);

  await one.evaluate((element) => element.querySelector("zulip-presence").remove());
  await one.evaluate((element) => element.setAttribute("data-zulip-presence-name", "Tomasz"));
  await expect(badge.getByRole("img")).toHaveAccessibleName(/^Tomasz/);
  await one.evaluate((element) => element.removeAttribute("data-zulip-presence-name"));
  await expect(badge.getByRole("img")).not.toHaveAccessibleName(/Tomasz/);
  await page.evaluate(() => {
    for (const element of document.querySelectorAll("p"))
      element.removeAttribute("data-zulip-presence");
  });
  await expect(page.locator("zulip-presence")).toHaveCount(0);
  await expect(page.locator("p")).toHaveText(["Somebody", "Somebody"]);
});

test("a badge that was removed too often comes back ten seconds later", async ({
  page,
  site,
  tag,
}) => {
  await page.clock.install();
  await page.goto(site.page(`<p id="ada" data-zulip-presence="12">Ada</p>`, tag("data-scan")));
  const badge = badgeIn(page, "#ada");
  await expect(badge).toHaveCount(1);
  // Each in a task of its own, so that the observers see it.
  for (let n = 0; n < 11; n++)
    await page.evaluate((n) => void (document.getElementById("ada").textContent = `Ada ${n}`), n);
  await expect(badge).toHaveCount(0);
  await page.clock.runFor(10_000);
  await expect(badge).toHaveCount(1);
});

test("without data-scan there is no observer, and marks load nothing", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  const loaded = [];
  page.on("request", (request) => loaded.push(new URL(request.url()).pathname));
  await page.addInitScript(() => {
    globalThis.observers = 0;
    const { observe } = MutationObserver.prototype;
    MutationObserver.prototype.observe = function (target, options) {
      globalThis.observers += options.attributeFilter?.includes("data-zulip-presence") ?? 0;
      return observe.call(this, target, options);
    };
  });
  const body = `<p id="one" data-zulip-presence="12">Ada</p>`;
  const url = site.page(body, tag());
  await page.goto(url);
  await page.waitForFunction(() => customElements.get("zulip-presence"));
  expect(loaded.filter((path) => path.includes("widget"))).toEqual([]);
  // The control: scanning is enabled later.
  expect(await page.evaluate(() => globalThis.observers)).toBe(0);
  await page.evaluate(() => zulipPresence.configure({ scan: true }));
  await expect(badgeIn(page, "#one")).toHaveStatus(KNOWN);
  expect(await page.evaluate(() => globalThis.observers)).toBe(1);
  expect(presenceRequests.map(people)).toEqual([["12"]]);
});
