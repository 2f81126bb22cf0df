// The gateway is killed and restarted under load.

import { EVERYBODY, KNOWN, expect, test } from "./fixtures.mjs";

const PAGES = 3;
const CALLERS = 16;

test("after a gateway is killed under load and restarted every page recovers by itself", async ({
  context,
  site,
  mortal,
}) => {
  test.slow(); // Pages wait for their intervals.
  // Routing disables the browser's cache: every request goes to the gateway.
  await context.route("**/nowhere", (route) => route.abort());
  const badges = EVERYBODY.map(
    ({ id, name }) => `<zulip-presence user="${id}">${name}</zulip-presence>`,
  );
  const script = `<script src="${mortal.url}/zulip-presence.js" async data-interval="15"></script>`;
  const url = site.page(`<p>${badges.join(" ")}</p>`, script);
  const pages = [];
  const consoleMessages = [];
  for (let i = 0; i < PAGES; i++) {
    const page = await context.newPage();
    page.on("console", (message) => consoleMessages.push(message.text()));
    page.on("pageerror", (error) => consoleMessages.push(`uncaught: ${error.message}`));
    await page.goto(url);
    await expect(page.locator("zulip-presence").first()).toHaveStatus(KNOWN);
    pages.push(page);
  }
  const load = startLoad(mortal.url);
  await expect.poll(() => load.answered).toBeGreaterThan(100);

  for (let crash = 0; crash < 2; crash++) {
    const failed = pages.map((page) => page.waitForEvent("requestfailed", isPresence));
    await mortal.kill();
    await Promise.all(failed);
    const answered = pages.map((page) => page.waitForEvent("requestfinished", isPresence));
    await mortal.start();
    await Promise.all(answered);
    const before = load.answered;
    await expect.poll(() => load.answered).toBeGreaterThan(before + 100);
    for (const page of pages) {
      const shown = await page
        .locator("zulip-presence")
        .evaluateAll((all) => all.filter(({ status }) => status !== "unknown").length);
      expect(shown).toBeGreaterThan(EVERYBODY.length / 2);
    }
  }

  const { odd, refused } = await load.stop();
  expect(odd).toEqual([]);
  expect(refused).toBeGreaterThan(0);
  expect(consoleMessages.filter((line) => /zulip-presence:|^uncaught/.test(line))).toEqual([]);
});

const isPresence = {
  predicate: (request) => request.url().includes("/presence?"),
  timeout: 90_000,
};

/** Sends requests without pause, until stopped; counts replies, refusals, and replies that no page can use. */
function startLoad(url) {
  const load = { answered: 0, refused: 0, odd: [] };
  const users = encodeURIComponent(JSON.stringify(EVERYBODY.map(({ id }) => id)));
  let isOver = false;
  const callers = Array.from({ length: CALLERS }, async () => {
    while (!isOver) {
      try {
        const reply = await fetch(`${url}/api/v1/realm/presence?users=${users}`);
        const { result } = await reply.json();
        // Until Zulip has replied to it, a new gateway replies 503, as JSON.
        if (reply.status === 200 && result === "success") load.answered += 1;
        else if (reply.status !== 503 || result !== "error") load.odd.push(reply.status);
      } catch {
        load.refused += 1;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  });
  load.stop = async () => {
    isOver = true;
    await Promise.all(callers);
    return load;
  };
  return load;
}
