// An old zulip-presence.js meets new files, or the reverse.

import { pathToFileURL } from "node:url";
import { INTERFACE } from "../../src/element/interface.js";
import { LOADER, anotherBuild, build, loaded } from "../builds.mjs";
import { KNOWN, expect } from "./fixtures.mjs";
import { ADD, script, test } from "./file-server.mjs";
import { limitByClock, nameTimers } from "./timers.mjs";

const ADA = `<zulip-presence user="12" name="Ada">Ada</zulip-presence>`;

/** Passes virtual time until the first badge has a status: an attempt that fails at that moment waits once more. */
const passUntilKnown = (page) =>
  expect(async () => {
    await page.clock.fastForward(30_000);
    await expect(page.locator("zulip-presence").first()).toHaveStatus(KNOWN, { timeout: 1_000 });
  }).toPass();

for (const [what, act] of [
  ["the first badge", (page) => page.evaluate(ADD, ADA)],
  [
    "the first subscription",
    (page) =>
      page.evaluate(() => zulipPresence.subscribe(12, ({ status }) => (document.title = status))),
  ],
]) {
  test(`a page from before an upgrade takes the new files: ${what}`, async ({
    page,
    site,
    files,
    ours,
  }) => {
    await page.goto(site.page("<p>A page</p>", script(files)));
    await page.waitForFunction(() => globalThis.zulipPresence?.get);
    files.builds = [anotherBuild("new")];
    await act(page);
    await expect.poll(() => page.evaluate(() => zulipPresence.get(12).status)).toMatch(KNOWN);
    expect(await page.evaluate(() => globalThis.build)).toBe("new");
    expect(await page.evaluate(() => zulipPresence.ready)).toBe(true);
    expect(ours()).toEqual([]);
  });
}

test("a loader from the browser's cache takes the new files", async ({
  page,
  site,
  files,
  ours,
}) => {
  // The cache has lost the other files.
  files.cacheControl.others = "no-store";
  const url = site.page(ADA, script(files));
  await page.goto(url);
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  files.builds = [anotherBuild("new")];
  files.requests = [];
  await page.goto(url);
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  expect(await page.evaluate(() => globalThis.build)).toBe("new");
  expect(files.requests.map(({ url }) => url)).not.toContain("/zulip-presence.js");
  expect(ours()).toEqual([]);
});

test("a new loader takes the files of an older replica", async ({ page, site, files, ours }) => {
  const [old, current] = [build(), anotherBuild("new")];
  files.builds = [current];
  await page.goto(site.page("<p>A page</p>", script(files)));
  await page.waitForFunction(() => globalThis.zulipPresence?.get);
  files.builds = [old];
  await page.evaluate(ADD, ADA);
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  expect(ours()).toEqual([]);
});

for (const [what, builds] of [
  ["two replicas of different builds", () => [build(), anotherBuild("new")]],
  [
    "three replicas, one of them upgraded",
    () => {
      const old = build();
      return [old, anotherBuild("new"), old];
    },
  ],
])
  test(`pages load from ${what} without a wait`, async ({ browser, site, files }) => {
    files.builds = builds();
    for (let load = 0; load < 6; load++) {
      // With an empty cache each, and so that each load begins with another replica than the one before.
      const page = await browser.newPage();
      const lines = [];
      page.on("console", (message) => lines.push(message.text()));
      while (files.requests.length % files.builds.length !== load % files.builds.length)
        files.requests.push({ name: "" });
      await page.goto(site.page(ADA, script(files)));
      await expect(page.locator("zulip-presence"), `load ${load}`).toHaveStatus(KNOWN);
      // An attempt that fails says so, and the next one waits.
      expect(lines.filter((line) => line.startsWith("zulip-presence: "))).toEqual([]);
      await page.close();
    }
  });

test("a replica whose glue never arrives is asked again after the files of another one were missing", async ({
  page,
  site,
  files,
  ours,
}) => {
  await page.clock.install();
  await page.addInitScript(nameTimers);
  await page.addInitScript(limitByClock);
  const { glue, wasm } = loaded(build());
  const other = anotherBuild("new").get(LOADER);
  await page.goto(site.page("<p>A page</p>", script(files)));
  await page.waitForFunction(() => globalThis.zulipPresence?.get);
  const isFirst = { [glue]: true, [LOADER]: true };
  let isFaulty = true;
  files.fault = ({ name, response }) => {
    if (!isFaulty) return false;
    const first = isFirst[name];
    isFirst[name] = false;
    // No answer ever.
    if (name === glue && first) return true;
    if (name === LOADER && first)
      return response.writeHead(200, { "Access-Control-Allow-Origin": "*" }).end(other);
    return name === wasm && response.writeHead(503).end();
  };
  await page.evaluate(ADD, ADA);
  // An attempt has failed: with its own files, with the others, and with its own again.
  await expect.poll(ours).toHaveLength(1);
  isFaulty = false;
  await passUntilKnown(page);
});

test("an element that cannot use the new files says once that the page must be reloaded", async ({
  page,
  site,
  files,
  ours,
}) => {
  await page.clock.install();
  await page.goto(site.page("<p>A page</p>", script(files)));
  await page.waitForFunction(() => globalThis.zulipPresence?.get);
  files.builds = [anotherBuild("new", { isCompatible: false })];
  await page.evaluate(ADD, ADA);
  await expect.poll(ours).toHaveLength(1);
  expect(ours()[0]).toMatch(/reload/);
  for (let passed = 0; passed < 5; passed++) {
    await page.clock.fastForward(30_000);
    await page.evaluate(ADD, ADA);
  }
  // What cannot be read now changes nothing of that.
  let resets = 0;
  files.fault = ({ name, request }) =>
    name === LOADER && (request.socket.resetAndDestroy(), ++resets > 0);
  while (!resets) await page.clock.fastForward(30_000);
  await page.clock.fastForward(30_000);
  files.fault = () => false;
  expect(await page.evaluate(() => globalThis.build)).toBeUndefined();
  expect(ours()).toHaveLength(1);
  await expect(page.locator("zulip-presence").first()).toHaveStatus("unknown");

  // A replica that still has the old files ends it.
  files.builds = [build()];
  await passUntilKnown(page);
});

test("a page that pins the loader runs no other files, and says what to do", async ({
  page,
  site,
  files,
  ours,
}) => {
  await page.clock.install();
  const digest = await crypto.subtle.digest("SHA-384", build().get("zulip-presence.js"));
  const integrity = `sha384-${Buffer.from(digest).toString("base64")}`;
  await page.goto(
    site.page("<p>A page</p>", script(files, `integrity="${integrity}" crossorigin="anonymous"`)),
  );
  await page.waitForFunction(() => globalThis.zulipPresence?.get);
  files.requests = [];
  files.builds = [anotherBuild("new")];
  await page.evaluate(ADD, ADA);
  await expect.poll(ours).toHaveLength(1);
  expect(ours()[0]).toContain("integrity");
  expect(files.count(/^zulip-presence\.js$/)).toBe(0);
  expect(await page.evaluate(() => globalThis.build)).toBeUndefined();

  // Its own files are put back.
  files.builds = [build()];
  await passUntilKnown(page);
  expect(ours()).toHaveLength(1);
});

test("a cache that leaves out the query, and keeps everything for good, does no harm", async ({
  page,
  site,
  files,
  ours,
}) => {
  // As a service worker or a CDN does.
  const cache = new Map();
  await page.route(`${files.origin}/zulip-presence*`, async (route) => {
    const { pathname } = new URL(route.request().url());
    if (!cache.has(pathname)) {
      const reply = await route.fetch();
      if (!reply.ok()) return route.fulfill({ response: reply });
      cache.set(pathname, { headers: reply.headers(), body: await reply.body() });
    }
    return route.fulfill({ status: 200, ...cache.get(pathname) });
  });
  const url = site.page(ADA, script(files));
  const badge = page.locator("zulip-presence");
  await page.goto(url);
  await expect(badge).toHaveStatus(KNOWN);
  for (const name of ["new", "newer"]) {
    files.builds = [anotherBuild(name)];
    // The cache has the old loader and its files.
    await page.goto(url);
    await expect(badge).toHaveStatus(KNOWN);
    // It has lost the loader, and then all but the loader.
    cache.delete("/zulip-presence.js");
    await page.goto(url);
    await expect(badge).toHaveStatus(KNOWN);
    expect(await page.evaluate(() => globalThis.build)).toBe(name);
    for (const path of [...cache.keys()]) if (path !== "/zulip-presence.js") cache.delete(path);
    await page.goto(url);
    await expect(badge).toHaveStatus(KNOWN);
  }
  expect(ours()).toEqual([]);
});

test("what the loader uses of its files is as the number of the interface says", async () => {
  const exports = await import(pathToFileURL("target/npm/dist/glue.js"));
  const signature = ([name, { value, get }]) =>
    typeof value === "function" ? `${name}/${value.length}` : get ? `get ${name}` : name;
  const members = (object) =>
    Object.entries(Object.getOwnPropertyDescriptors(object))
      .map(signature)
      .filter((name) => !name.startsWith("__"))
      .toSorted();
  // Something else here? Then also another number in src/element/interface.js: the elements of open pages cannot use the new files.
  expect({ [INTERFACE]: members(exports) }).toEqual({
    4: [
      ...["STYLE", "configure/2", "connectPage/1", "freeWatcher/1", "initSync/1", "presenceOf/1"],
      ...["refreshUser/1", "refreshWatcher/1", "scan/0", "setRetry/1", "stopWaiting/0"],
      ...["takeOver/1", "updateWatchers/1"],
    ],
  });
});
