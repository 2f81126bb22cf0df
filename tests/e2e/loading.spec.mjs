// Files that fail to load are loaded as soon as they can be.

import { LOADER } from "../builds.mjs";
import { KNOWN, expect, setVisibility, settle } from "./fixtures.mjs";
import { ADD, script, test } from "./file-server.mjs";
import { limitByClock, nameTimers } from "./timers.mjs";

const ADA = `<zulip-presence user="12" name="Ada" label="status" lang="de">Ada</zulip-presence>`;
const HTML = "<!doctype html><title>Log in to this network</title>";
/** Ways in which a request can fail. Each answers it. */
const FAULTS = {
  "a reset": ({ request }) => request.socket.resetAndDestroy(),
  "a 503": ({ response }) =>
    response.writeHead(503, { "Access-Control-Allow-Origin": "*" }).end("Later"),
  "a body that is cut in the middle": ({ response, body }) => {
    response.writeHead(200, {
      "Access-Control-Allow-Origin": "*",
      "Content-Length": body.length,
    });
    response.write(body.subarray(0, body.length / 2), () => response.socket.resetAndDestroy());
  },
  "a body that ends early": ({ response, body }) =>
    response
      .writeHead(200, { "Access-Control-Allow-Origin": "*" })
      .end(body.subarray(0, body.length / 2)),
  "a captive portal, which caches keep": ({ response }) =>
    response
      .writeHead(200, {
        "Access-Control-Allow-Origin": "*",
        "Cache-Control": "public, max-age=600",
        "Content-Type": "text/html",
      })
      .end(HTML),
};
const KINDS = {
  glue: /^zulip-presence-widget.*js$/,
  "the WebAssembly": /wasm$/,
  "the messages": /words/,
};

const LONG = ["a 503", "a captive portal, which caches keep"];

const badge = (page) => page.locator("zulip-presence").first();
const label = (page) => badge(page).locator("[part=label]");

/** Opens a page in virtual time, with a badge whose glue is answered by a 503; returns when that has failed. */
async function openFailing({ page, site, files, ours }) {
  await page.clock.install();
  await page.addInitScript(nameTimers);
  files.fault = (exchange) => KINDS.glue.test(exchange.name) && (FAULTS["a 503"](exchange), true);
  await page.goto(site.page(ADA, script(files)));
  await expect.poll(ours).toHaveLength(1);
  // The other file of the same attempt.
  await expect.poll(() => files.count(KINDS["the WebAssembly"])).toBe(1);
}

for (const [kind, pattern] of Object.entries(KINDS)) {
  for (const [what, fault] of Object.entries(FAULTS)) {
    test(`${kind}: ${what}, once`, async ({ page, site, files, ours }) => {
      let left = 1;
      files.fault = (exchange) =>
        pattern.test(exchange.name) && left-- > 0 && (fault(exchange), true);
      const start_ms = Date.now();
      await page.goto(site.page(ADA, script(files)));
      await expect(label(page)).toHaveText(/^(Gerade aktiv|Inaktiv|Offline)$/);
      measured(Date.now() - start_ms);
      await expect(badge(page)).toHaveStatus(KNOWN);
      expect(files.count(pattern)).toBeGreaterThan(1);
      expect(await page.evaluate(() => zulipPresence.ready)).toBe(true);
      expect(ours()).toEqual([]);
    });
  }

  for (const what of LONG) {
    test(`${kind}: ${what}, for ten minutes`, async ({ page, site, files, ours }) => {
      await page.clock.install();
      await page.addInitScript(nameTimers);
      files.fault = (exchange) => pattern.test(exchange.name) && (FAULTS[what](exchange), true);
      await page.goto(site.page(ADA, script(files)));
      // What is loaded before it takes real time.
      await expect.poll(() => files.count(pattern)).toBeGreaterThan(0);
      for (let passed_s = 0; passed_s < 600; passed_s += 5) await page.clock.runFor(5_000);
      expect(files.count(pattern)).toBeGreaterThan(5);
      expect(files.count(pattern)).toBeLessThan(55);
      files.fault = () => false;
      // What has failed a moment ago waits once more.
      await expect(async () => {
        await page.clock.runFor(15_000);
        await expect(label(page)).toHaveText(/^(Gerade aktiv|Inaktiv|Offline|Status unbekannt)$/, {
          timeout: 500,
        });
      }).toPass();
      expect(await page.evaluate(() => zulipPresence.ready)).toBe(true);
      expect(ours()).toHaveLength(kind === "the messages" ? 0 : 1);
    });
  }
}

test("a captive portal answers everything for six seconds", async ({ page, site, files, ours }) => {
  await page.goto(site.page("<p>A page</p>", script(files)));
  await page.waitForFunction(() => globalThis.zulipPresence?.get);
  const end_ms = Date.now() + 6_000;
  files.fault = (exchange) =>
    Date.now() < end_ms && (FAULTS["a captive portal, which caches keep"](exchange), true);
  await page.evaluate(ADD, ADA);
  // The wait before the last attempt, the third, is up to 10 s, and begins up to 5 s after the first.
  await expect(badge(page)).toHaveStatus(KNOWN, { timeout: 40_000 });
  measured(Date.now() - end_ms);
  expect(ours()).toHaveLength(1);
});

test("the browser is offline when the first badge appears", async ({
  page,
  context,
  site,
  files,
  ours,
}) => {
  await page.goto(site.page("<p>A page</p>", script(files)));
  await page.waitForFunction(() => globalThis.zulipPresence?.get);
  await context.setOffline(true);
  await page.evaluate(ADD, ADA);
  await expect.poll(ours).toHaveLength(1);
  await page.evaluate(() => void zulipPresence.ready.then((ready) => (document.title = ready)));
  expect(await page.title()).toBe("A page");
  await context.setOffline(false);
  const end_ms = Date.now();
  await expect(badge(page)).toHaveStatus(KNOWN);
  measured(Date.now() - end_ms);
  expect(await page.title()).toBe("true");
  expect(ours()).toHaveLength(1);
});

for (const [what, act] of [
  ["the network is back", (page) => page.evaluate(() => dispatchEvent(new Event("online")))],
  ["the tab is shown", (page) => setVisibility(page, "visible")],
  ["the page is back", (page) => page.evaluate(() => dispatchEvent(new Event("pageshow")))],
  ["the page is configured", (page) => page.evaluate(() => zulipPresence.configure({}))],
]) {
  test(`files are loaded at once when ${what}`, async ({ page, site, files, ours }) => {
    await openFailing({ page, site, files, ours });
    files.fault = () => false;
    await act(page);
    await expect(badge(page)).toHaveStatus(KNOWN);
    expect(ours()).toHaveLength(1);
  });
}

test("that the page has loaded is no reason to try again at once", async ({
  page,
  site,
  files,
  ours,
}) => {
  await page.addInitScript(() => {
    // The wait does not end by itself.
    window.setTimeout = () => 0;
    window.shown = new Promise((resolve) => addEventListener("pageshow", () => resolve()));
  });
  let answer;
  files.fault = (exchange) => {
    const isLast = exchange.request.url.startsWith(`/${LOADER}?`);
    if (!isLast && !KINDS.glue.test(exchange.name)) return false;
    const fail = () => FAULTS["a 503"](exchange);
    // The last request of the first attempt is answered once the page has loaded.
    if (isLast && !answer) answer = fail;
    else fail();
    return true;
  };
  await page.goto(site.page(ADA, script(files)));
  await expect.poll(() => answer).toBeDefined();
  await page.evaluate(() => window.shown);
  answer();
  await expect.poll(ours).toHaveLength(1);
  await settle(page, files.loader);
  expect(files.count(KINDS.glue)).toBe(2);
});

test("a hidden page tries nothing", async ({ page, site, files, ours }) => {
  await openFailing({ page, site, files, ours });
  await setVisibility(page, "hidden");
  const before = files.requests.length;
  await page.clock.runFor(300_000);
  await page.evaluate(() => {
    dispatchEvent(new Event("online"));
    zulipPresence.configure({});
  });
  await page.clock.runFor(300_000);
  expect(files.requests).toHaveLength(before);
  files.fault = () => false;
  await setVisibility(page, "visible");
  await expect(badge(page)).toHaveStatus(KNOWN);
});

test("document.open() while a file has failed", async ({ page, site, files, ours }) => {
  await openFailing({ page, site, files, ours });
  files.fault = () => false;
  await page.evaluate((html) => {
    document.open();
    document.write(`<!doctype html><title>Anew</title>${html}`);
    document.close();
  }, ADA);
  await page.clock.runFor(5_000);
  await expect(badge(page)).toHaveStatus(KNOWN);
});

for (const kind of ["glue", "the WebAssembly"]) {
  test(`${kind}: no answer ever`, async ({ page, site, files, ours }) => {
    await page.clock.install();
    await page.addInitScript(nameTimers);
    await page.addInitScript(limitByClock);
    const open = [];
    files.fault = ({ name, response }) => KINDS[kind].test(name) && open.push(response);
    // A script that is loading delays the event `load`.
    await page.goto(site.page(ADA, script(files)), { waitUntil: "commit" });
    await expect.poll(() => open.length).toBe(1);
    files.fault = () => false;
    // Twice: the time limit, and the wait.
    await page.clock.runFor(30_000);
    await page.clock.runFor(5_000);
    await expect(badge(page)).toHaveStatus(KNOWN);
    expect(ours().length).toBeLessThan(2);
  });
}

test("a page with Trusted Types, which allows each policy once", async ({
  page,
  site,
  files,
  ours,
}) => {
  let left = 1;
  files.fault = (exchange) =>
    KINDS.glue.test(exchange.name) && left-- > 0 && (FAULTS["a reset"](exchange), true);
  const policy = `default-src 'none'; img-src data:; script-src ${files.origin} 'wasm-unsafe-eval'; connect-src ${files.origin}; require-trusted-types-for 'script'; trusted-types zulip-presence`;
  const head = `<meta http-equiv="Content-Security-Policy" content="${policy}">${script(files)}`;
  await page.goto(site.page(ADA, head));
  await expect(badge(page)).toHaveStatus(KNOWN);
  expect(ours()).toEqual([]);
});

for (const [what, policy, blocked] of [
  [
    "the WebAssembly",
    ({ origin }) => `script-src ${origin} 'wasm-unsafe-eval'; connect-src 'none'`,
    /wasm$/,
  ],
  ["the glue", ({ loader }) => `script-src ${loader} 'wasm-unsafe-eval'`, /js$/],
  [
    "to run WebAssembly",
    ({ origin }) => `script-src ${origin}; connect-src ${origin}`,
    /wasm-eval$/,
  ],
])
  test(`what a policy blocks is not tried again: ${what}`, async ({ page, site, files, ours }) => {
    await page.clock.install();
    const violations = [];
    await page.exposeFunction("noteViolation", (uri) => violations.push(uri));
    await page.addInitScript(() =>
      document.addEventListener("securitypolicyviolation", ({ blockedURI }) =>
        window.noteViolation(blockedURI),
      ),
    );
    const head = `<meta http-equiv="Content-Security-Policy" content="${policy(files)}">${script(files)}`;
    await page.goto(site.page(ADA, head));
    await expect.poll(ours).toHaveLength(1);
    expect(await page.evaluate(() => zulipPresence.ready)).toBe(false);
    const before = files.requests.length;
    await page.clock.runFor(300_000);
    expect(files.requests).toHaveLength(before);
    expect(ours()).toHaveLength(1);
    // Each is reported to the site, if it wants to know. The browser says so after fetch has failed, and a second time was tried.
    const most = what === "the WebAssembly" ? 2 : 1;
    const count = violations.filter((uri) => blocked.test(uri.split("?")[0])).length;
    expect(count).toBeGreaterThan(0);
    expect(count).toBeLessThanOrEqual(most);
  });

/** Notes the time until the badge was right. */
function measured(ms) {
  test.info().annotations.push({ type: "measured", description: `${(ms / 1000).toFixed(1)} s` });
}
