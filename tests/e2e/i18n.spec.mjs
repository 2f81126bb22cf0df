// Badges use the page's language, and load no other.

import { expect, test as shared } from "./fixtures.mjs";

const test = shared.extend({
  /** Makes the endpoint report when people were active and connected: `answer({ 12: [active s ago, idle s ago] })`. */
  answer: async ({ page }, use) => {
    const headers = { "Access-Control-Allow-Origin": "*" };
    // By a stream the gateway would say otherwise.
    await page.route("**/realm/presence/stream?*", (route) =>
      route.fulfill({ status: 204, headers }),
    );
    await use((people) =>
      page.route("**/realm/presence?*", (route) => {
        const now_s = Date.now() / 1000;
        const presences = {};
        for (const id of JSON.parse(new URL(route.request().url()).searchParams.get("users"))) {
          const [active_s, idle_s] = people[id] ?? [];
          presences[id] = active_s
            ? { active_timestamp: now_s - active_s, idle_timestamp: now_s - idle_s }
            : {};
        }
        return route.fulfill({
          headers,
          json: { result: "success", msg: "", presences, server_timestamp: now_s },
        });
      }),
    );
  },

  /** The languages whose catalogs the page loaded, in order. */
  loaded: async ({ page }, use) => {
    const languages = [];
    page.on("request", (request) => {
      const [, language] = /words-(.+)-[0-9a-f]{16}\.txt$/.exec(request.url()) ?? [];
      if (language) languages.push(language);
    });
    await use(languages);
  },
});

const ADA = `<zulip-presence user="12" name="Ada Lovelace" label="last-active">Ada</zulip-presence>`;

for (const [language, status, name, label] of [
  ["en", "active", "Ada Lovelace: active now", "Active now"],
  ["de", "active", "Ada Lovelace: gerade aktiv", "Gerade aktiv"],
  ["ar", "active", "Ada Lovelace: في حالة نشاط الآن", "في حالة نشاط الآن"],
  ["en", "idle", "Ada Lovelace: idle", "Active 5 minutes ago"],
  ["de", "idle", "Ada Lovelace: inaktiv", "Zuletzt aktiv vor 5 Minuten"],
  ["ar", "idle", "Ada Lovelace: في حالة خمول", "آخر نشاط قبل 5 دقائق"],
]) {
  test(`the accessible name of somebody ${status} is in ${language}`, async ({
    page,
    site,
    tag,
    answer,
    loaded,
  }) => {
    await answer({ 12: [status === "active" ? 20 : 310, 20] });
    await page.goto(site.page(`<p lang="${language}">${ADA}</p>`, tag()));
    const badge = page.locator("zulip-presence");
    await expect(badge).toHaveStatus(status);
    await expect(badge.locator("[part=label]")).toHaveText(label);
    expect(await badge.getByRole("img").ariaSnapshot()).toContain(`img "${name}"`);
    expect(loaded).toEqual(language === "en" ? [] : [language]);
  });
}

test("badges follow when the page's language changes, and when it changes back", async ({
  page,
  site,
  tag,
  answer,
  loaded,
  presenceRequests,
}) => {
  await answer({ 12: [310, 20] });
  await page.goto(site.page(ADA, tag()));
  const badge = page.locator("zulip-presence");
  const label = badge.locator("[part=label]");
  await expect(label).toHaveText("Active 5 minutes ago");
  const speak = (language) =>
    page.evaluate((language) => (document.documentElement.lang = language), language);
  await speak("fr");
  await expect(label).toHaveText("Dernière activité il y a 5 minutes");
  await expect(badge.getByRole("img", { name: "en veille" })).toBeVisible();
  await speak("pt");
  await expect(label).toHaveText("Última atividade há 5 minutos");
  await speak("fr");
  await expect(label).toHaveText("Dernière activité il y a 5 minutes");
  await badge.evaluate((element) => (element.lang = "ja"));
  await expect(label).toHaveText("最終アクティブ：5 分前");
  expect(loaded).toEqual(["fr", "pt-BR", "ja"]);
  expect(presenceRequests).toHaveLength(1);
});

test("messages that cannot be loaded are in English, and marked as English", async ({
  page,
  site,
  tag,
  answer,
  consoleMessages,
}) => {
  await answer({ 12: [310, 20] });
  await page.route("**/*words-de-*", (route) => route.fulfill({ status: 404 }));
  await page.route("**/*words-fr-*", (route) =>
    route.fulfill({ body: "idle = Pirate", headers: { "Access-Control-Allow-Origin": "*" } }),
  );
  await page.goto(site.page(`<p lang="de">${ADA}</p><p lang="fr">${ADA}</p>`, tag()));
  for (const badge of await page.locator("zulip-presence").all()) {
    await expect(badge.locator("[part=label]")).toHaveText("Active 5 minutes ago");
    await expect(badge.getByRole("img", { name: "Ada Lovelace: idle" })).toBeVisible();
    expect(
      await badge.evaluate((element) =>
        element.shadowRoot.querySelector("svg").getAttribute("lang"),
      ),
    ).toBe("en");
  }
  expect(consoleMessages.filter((line) => line.startsWith("uncaught"))).toEqual([]);
});
