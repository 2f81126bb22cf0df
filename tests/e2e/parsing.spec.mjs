// Nothing waits long for the parser: documents that arrive slowly, and documents that are never closed.

import { EVERYBODY, KNOWN, expect, people, test } from "./fixtures.mjs";

const badge = (id) => `<zulip-presence user="${id}">Person ${id}</zulip-presence>`;
const IDS = EVERYBODY.slice(0, 12).map(({ id }) => id);
const [ADA, NEXT, THIRD, FOURTH] = IDS.map(badge);

const sorted = (ids) => ids.toSorted((a, b) => a - b);

/** Serves a document in pieces: `[ms after the request, HTML]`. Returns its URL. */
function streamed(site, path, head, pieces) {
  const timers = [];
  const url = site.route(path, (_, response) => {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    response.write(
      `<!doctype html><html lang="en"><title>A page</title><link rel="icon" href="data:,">${head}<body>`,
    );
    const [end_ms] = pieces.at(-1);
    for (const [at_ms, html] of pieces) {
      timers.push(
        setTimeout(() => (at_ms === end_ms ? response.end(html) : response.write(html)), at_ms),
      );
    }
    response.on("close", () => timers.forEach(clearTimeout));
  });
  return url;
}

/** Notes the time until the badge was right. */
function measured(start_ms) {
  const description = `${((Date.now() - start_ms) / 1000).toFixed(1)} s`;
  test.info().annotations.push({ type: "measured", description });
}

test("a document that streams: who is there is asked for, and groups stay as they are", async ({
  page,
  site,
  tag,
  presenceRequests,
  consoleMessages,
}) => {
  test.setTimeout(120_000);
  const [first, second, ...others] = IDS.slice(0, 10);
  const later = others.map((id, at) => [2_000 * (at + 1), badge(id)]);
  const url = streamed(site, "/streamed/", tag('data-interval="15"'), [
    [0, badge(first) + badge(second)],
    ...later,
    [20_000, "<p>The end</p>"],
  ]);
  const start_ms = Date.now();
  await page.goto(url, { waitUntil: "commit" });
  await expect(page.locator("zulip-presence").first()).toHaveStatus(KNOWN);
  measured(start_ms);
  expect(await page.evaluate(() => document.readyState)).toBe("loading");
  expect(presenceRequests.map(people)).toEqual([sorted([first, second])]);
  await expect(page.locator("p")).toHaveText("The end", { timeout: 30_000 });
  await expect(page.locator("zulip-presence:state(unknown)")).toHaveCount(0);

  // Everybody has been asked for, and each group is asked for again as it was.
  const urls = () => presenceRequests.map(({ search }) => search);
  await expect
    .poll(() => urls().filter((url) => url === urls()[0]).length, { timeout: 40_000 })
    .toBeGreaterThan(1);
  const groups = [...new Set(urls())].map((search) => people(new URL(`http://a/${search}`)));
  expect(sorted(groups.flat())).toEqual(sorted(IDS.slice(0, 10)));
  expect(consoleMessages).toEqual([]);
});

test("people who follow within a second share a request", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  const url = streamed(site, "/quick/", tag(), [
    ...IDS.slice(0, 10).map((id, at) => [at * 50, badge(id)]),
    [8_000, "<p>The end</p>"],
  ]);
  await page.goto(url, { waitUntil: "commit" });
  await expect(page.locator("zulip-presence")).toHaveCount(10);
  for (const badge of await page.locator("zulip-presence").all())
    await expect(badge).toHaveStatus(KNOWN);
  expect(presenceRequests.map((url) => people(url).length)).toEqual([10]);
});

test("the first request of a slow document is the one that the WebAssembly takes over", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  let isAsked;
  const asked = new Promise((resolve) => (isAsked = resolve));
  await page.route("**/realm/presence?*", (route) => {
    isAsked();
    return route.continue();
  });
  // The WebAssembly comes after the first request and after more people.
  await page.route("**/*.wasm", async (route) => {
    await asked;
    await expect(page.locator("zulip-presence")).toHaveCount(4);
    await route.continue();
  });
  const url = streamed(site, "/early/", tag(), [
    [0, ADA + NEXT],
    [2_500, THIRD + FOURTH],
    [9_000, "<p>The end</p>"],
  ]);
  await page.goto(url, { waitUntil: "commit" });
  await expect(page.locator("zulip-presence")).toHaveCount(4);
  for (const badge of await page.locator("zulip-presence").all())
    await expect(badge).toHaveStatus(KNOWN);
  expect(presenceRequests.map(people)).toEqual([sorted(IDS.slice(0, 2)), sorted(IDS.slice(2, 4))]);
});

test("a slow document may configure before the WebAssembly is there", async ({
  page,
  site,
  tag,
  consoleMessages,
}) => {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route("**/*.wasm", async (route) => {
    await released;
    await route.continue();
  });
  const configure = `<script>zulipPresence.configure({ interval: 20 }); document.title = "configured"</script>`;
  const url = streamed(site, "/configured/", tag(), [
    [0, ADA],
    [2_500, configure],
    [6_000, "<p>The end</p>"],
  ]);
  await page.goto(url, { waitUntil: "commit" });
  await expect(page).toHaveTitle("configured");
  release();
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  expect(consoleMessages).toEqual([]);
});

test("a script at the end of the document that takes long", async ({
  page,
  site,
  tag,
  consoleMessages,
}) => {
  const slow = [];
  site.route("/script-at-the-end.js", (_, response) => slow.push(response));
  const start_ms = Date.now();
  await page.goto(site.page(`${ADA}<script src="/script-at-the-end.js"></script>`, tag()), {
    waitUntil: "commit",
  });
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  measured(start_ms);
  expect(slow).toHaveLength(1);
  slow[0].writeHead(200, { "Content-Type": "text/javascript" }).end();
  expect(consoleMessages).toEqual([]);
});

/** Writes a document into `where()`, a window, without closing it. */
const write = (page, where, html) =>
  page.evaluate(
    ([where, html]) => {
      const target = where === "frame" ? frames[0] : where === "popup" ? open() : window;
      target.document.open();
      target.document.write(html);
    },
    [where, html],
  );

for (const where of ["page", "frame", "popup"]) {
  for (const isLoaded of where === "page" ? [false, true] : [false]) {
    test(`a document that is written and never closed: a ${where}${isLoaded ? " that has the script" : ""}`, async ({
      page,
      context,
      site,
      tag,
      consoleMessages,
    }) => {
      await page.goto(
        site.page(
          where === "frame" ? `<iframe title="Written"></iframe>` : "<p>A page</p>",
          isLoaded ? tag() : "",
        ),
      );
      if (isLoaded) await page.waitForFunction(() => globalThis.zulipPresence?.get);
      const opened = where === "popup" ? context.waitForEvent("page") : undefined;
      await write(page, where, `<!doctype html><title>Written</title>${tag()}${ADA}`);
      const shown =
        where === "popup" ? await opened : where === "frame" ? page.frameLocator("iframe") : page;
      await expect(shown.locator("zulip-presence")).toHaveStatus(KNOWN);
      expect(consoleMessages).toEqual([]);
    });
  }
}

test("a document that says forever that it is loading", async ({
  page,
  site,
  tag,
  presenceRequests,
  consoleMessages,
}) => {
  await page.addInitScript(() =>
    Object.defineProperty(Document.prototype, "readyState", { get: () => "loading" }),
  );
  await page.goto(site.page(ADA, tag()));
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  await page.evaluate((html) => document.body.insertAdjacentHTML("beforeend", html), NEXT);
  await expect(page.locator("zulip-presence").last()).toHaveStatus(KNOWN);
  expect(presenceRequests.map(people)).toEqual([[IDS[0]], [IDS[1]]]);
  expect(consoleMessages).toEqual([]);
});
