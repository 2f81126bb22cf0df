// A visible page reads one stream of the gateway, by which whoever comes is shown at once. Zulip is simulated; the gateway is real.

import { expect, setVisibility, simulated } from "./fixtures.mjs";

const IDS = [12, 17, 23];
const PAGE = IDS.map((id) => `<zulip-presence user="${id}">P</zulip-presence>`).join(" ");

const BEFORE = [...IDS.map((id) => `add ${id} user${id}@example.com User ${id}`), "here 17"];

const test = simulated.extend({
  before: [BEFORE, { option: true }],

  /** Opens a page with everybody; returns when their first reply is shown. */
  openPage: async ({ page, site, live }, use) => {
    await use(async (settings = "", body = PAGE) => {
      const script = `<script src="${live.url}/zulip-presence.js" async ${settings}></script>`;
      await page.goto(site.page(body, script));
      await expect(badge(page, 17)).toHaveStatus("active");
    });
  },

  /** The same; returns when the stream is open. */
  openLivePage: async ({ openPage, live }, use) => {
    await use(async (...settings) => {
      await openPage(...settings);
      await expect.poll(() => openStreams(live)).toBe(1);
    });
  },

  /** The streams that the page opened, and whether each has ended. */
  streams: async ({ page, context }, use) => {
    const streams = [];
    const devtools = await context.newCDPSession(page);
    devtools.on("Network.requestWillBeSent", ({ requestId, request: { url } }) => {
      if (url.includes("/presence/stream")) streams.push({ requestId, url, hasEnded: false });
    });
    const end = ({ requestId }) => {
      for (const stream of streams) stream.hasEnded ||= stream.requestId === requestId;
    };
    devtools.on("Network.loadingFailed", end);
    devtools.on("Network.loadingFinished", end);
    await devtools.send("Network.enable");
    await use(streams);
  },
});

const badge = (page, id) => page.locator(`zulip-presence[user="${id}"]`).first();
const openStreams = (live) => live.metric("streams");

test("who comes is shown by the stream, without a request", async ({
  page,
  zulip,
  openLivePage,
  streams,
  presenceRequests,
  consoleMessages,
}) => {
  await openLivePage("", `${PAGE} <zulip-presence user="12">twice</zulip-presence>`);
  // No timer of the page runs from now on: nothing is polled.
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 1_000);
  await expect(badge(page, 12)).toHaveStatus("unknown");
  const before = presenceRequests.length;
  zulip.tell("here 12");
  await expect(page.locator('zulip-presence[user="12"]:state(active)')).toHaveCount(2);
  zulip.tell("here 23");
  await expect(badge(page, 23)).toHaveStatus("active");
  expect(presenceRequests).toHaveLength(before);
  expect(streams).toHaveLength(1);
  expect(decodeURIComponent(streams[0].url)).toContain("users=[12,17,23]&slim_presence=true");
  expect(consoleMessages).toEqual([]);
});

test("a hidden page has no stream, and one that is shown again has", async ({
  page,
  zulip,
  live,
  openLivePage,
  streams,
}) => {
  await openLivePage();
  await setVisibility(page, "hidden");
  await expect.poll(() => openStreams(live)).toBe(0);
  zulip.tell("here 12");
  await setVisibility(page, "visible");
  await expect(badge(page, 12)).toHaveStatus("active");
  await expect.poll(() => openStreams(live)).toBe(1);
  expect(streams).toHaveLength(2);
});

test("a page without badges in view, or without any, has no stream", async ({
  page,
  live,
  openLivePage,
}) => {
  await openLivePage();
  await page.evaluate(() => (document.body.style.paddingTop = "500vh"));
  await expect.poll(() => openStreams(live)).toBe(0);
  await page.evaluate(() => (document.body.style.paddingTop = "0"));
  await expect.poll(() => openStreams(live)).toBe(1);
  await page.evaluate(() =>
    document.querySelectorAll("zulip-presence").forEach((it) => it.remove()),
  );
  await expect.poll(() => openStreams(live)).toBe(0);
});

test("the stream ends with the page, and with other settings", async ({
  page,
  live,
  openLivePage,
}) => {
  await openLivePage();
  await page.evaluate(() => zulipPresence.configure({ live: "off" }));
  await expect.poll(() => openStreams(live)).toBe(0);
  await page.evaluate(() => zulipPresence.configure({ live: "on" }));
  await expect.poll(() => openStreams(live)).toBe(1);
  await page.goto("about:blank");
  await expect.poll(() => openStreams(live)).toBe(0);
});

test("with data-live=off the page polls", async ({ page, openPage, live, streams }) => {
  await openPage('data-live="off"');
  await page.evaluate(() => zulipPresence.refresh("12"));
  expect(await openStreams(live)).toBe(0);
  expect(streams).toEqual([]);
});

test("a broken stream is opened again, and nothing becomes wrong by it", async ({
  page,
  zulip,
  live,
  openLivePage,
  streams,
}) => {
  await openLivePage();
  await live.kill();
  await expect.poll(() => streams.map((it) => it.hasEnded)).toEqual([true]);
  await expect(badge(page, 17)).toHaveStatus("active");
  zulip.tell("here 23");
  await live.start();
  await expect(badge(page, 23)).toHaveStatus("active", { timeout: 40_000 });
  await expect.poll(() => openStreams(live), { timeout: 40_000 }).toBe(1);
});

test("a gateway that ends its streams in order is left in order", async ({
  live,
  openLivePage,
  streams,
  consoleMessages,
}) => {
  await openLivePage();
  await live.stop("SIGTERM");
  await expect.poll(() => streams.map((it) => it.hasEnded)).toEqual([true]);
  expect(consoleMessages).toEqual([]);
});

test("pages that are gone back to are live again", async ({
  page,
  zulip,
  live,
  openLivePage,
  site,
}) => {
  await openLivePage();
  await page.goto(site.page("<p>Another</p>", ""));
  await expect.poll(() => openStreams(live)).toBe(0);
  await page.goBack();
  zulip.tell("here 12");
  await expect(badge(page, 12)).toHaveStatus("active", { timeout: 40_000 });
  await expect.poll(() => openStreams(live)).toBe(1);
});

test.describe("a gateway without streams", () => {
  test.use({ options: ["--live", "off"] });

  test("is asked for one once, and polled", async ({
    page,
    openPage,
    streams,
    consoleMessages,
  }) => {
    await openPage();
    await expect.poll(() => streams.map((it) => it.hasEnded)).toEqual([true]);
    await page.evaluate(() => dispatchEvent(new Event("online")));
    await page.evaluate(() => zulipPresence.refresh("12"));
    expect(streams).toHaveLength(1);
    expect(consoleMessages).toEqual([]);
  });
});

test.describe("a gateway with as many streams as it allows", () => {
  test.use({ options: ["--max-streams", "1"] });

  test("serves the next page by polling", async ({
    page,
    context,
    live,
    openLivePage,
    streams,
  }) => {
    await openLivePage();
    const other = await context.newPage();
    await other.goto(page.url());
    await expect(badge(other, 17)).toHaveStatus("active");
    expect(await openStreams(live)).toBe(1);
    expect(streams).toHaveLength(1);
  });
});

test("what gets in between does no harm", async ({ page, live, openPage, streams, zulip }) => {
  // A proxy that serves a page of its own in place of the stream, and nothing else.
  await page.route("**/presence/stream*", (route) =>
    route.fulfill({
      contentType: "text/html",
      headers: { "Access-Control-Allow-Origin": "*" },
      body: "<!doctype html>\n\ndata: nothing\n\n",
    }),
  );
  await openPage();
  await expect.poll(() => streams.map((it) => it.hasEnded)).toEqual([true]);
  zulip.tell("here 12");
  await page.evaluate(() => zulipPresence.refresh("12"));
  await expect(badge(page, 12)).toHaveStatus("active", { timeout: 40_000 });
  expect(await openStreams(live)).toBe(0);
});
