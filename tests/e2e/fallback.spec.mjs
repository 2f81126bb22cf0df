// If the WebAssembly cannot run or is not ours, the badge stays unknown, the author's text stays readable, and one console line names the
// fix.

import { builtFiles } from "../../tools/built-files.mjs";
import { KNOWN, expect, test as shared } from "./fixtures.mjs";
import { mirror } from "./mirror.mjs";
import { Site } from "./site.mjs";

const test = shared.extend({
  /** A site other than the page's. */
  elsewhere: async ({}, use) => {
    const elsewhere = await new Site().start();
    await use(elsewhere);
    await elsewhere.stop();
  },
});

const BADGE = `<zulip-presence user="12" name="Ada">Ada <b>Lovelace</b></zulip-presence>`;
const script = (src, settings = "") => `<script src="${src}" async ${settings}></script>`;

/** `isHopeless`: what is missing cannot come any more, so that nothing is tried again. */
async function staysUnknown(
  { page, consoleMessages, presenceRequests, isHopeless = false },
  ...wanted
) {
  const ours = () => consoleMessages.filter((line) => line.includes("zulip-presence:"));
  await expect.poll(ours).toHaveLength(1);
  for (const text of ["unchanged", "text/javascript", "wasm-unsafe-eval", ...wanted]) {
    expect(ours()[0]).toContain(text);
  }
  const badge = page.locator("zulip-presence");
  await expect(badge).toHaveStatus("unknown");
  await expect(badge).toHaveText("Ada Lovelace");
  await expect(badge.getByRole("img", { name: "Status unknown" })).toBeVisible();
  const { width, height } = await badge.locator("svg").boundingBox();
  expect([width, height].map(Math.round)).toEqual([13, 13]);
  const ready = page.evaluate(() => Promise.race([zulipPresence.ready, "pending"]));
  expect(await ready).toBe(isHopeless ? false : "pending");
  expect(await page.evaluate(() => zulipPresence.get(12).status)).toBe("unknown");
  // The API does not throw either, although nothing can be requested.
  await page.evaluate(() => {
    const badge = document.querySelector("zulip-presence");
    badge.refresh();
    zulipPresence.subscribe("12", () => {})();
    zulipPresence.configure({ interval: 30 });
    badge.setAttribute("user", "13");
    badge.remove();
    document.body.append(badge);
    return badge.lastActive;
  });
  await expect(badge).toHaveStatus("unknown");
  expect(ours()).toHaveLength(1);
  expect(consoleMessages.filter((line) => line.startsWith("uncaught"))).toEqual([]);
  // Requests from before the failure are sent once.
  expect(presenceRequests.length).toBeLessThan(2);
}

for (const [what, policy] of [
  [
    "WebAssembly",
    (url) => `script-src ${url}; connect-src ${url}; style-src ${url}; default-src 'none'`,
  ],
  [
    "fetching the WebAssembly",
    (url) => `script-src ${url} 'wasm-unsafe-eval'; style-src ${url}; default-src 'none'`,
  ],
]) {
  test(`a policy that forbids ${what} leaves the unknown badge and one console line`, async ({
    page,
    site,
    gateway,
    tag,
    consoleMessages,
    presenceRequests,
  }) => {
    const head = `<meta http-equiv="Content-Security-Policy" content="${policy(gateway.url)}; img-src data:">${tag()}`;
    await page.goto(site.page(BADGE, head));
    await staysUnknown(
      { page, consoleMessages, presenceRequests, isHopeless: true },
      gateway.url,
      "connect-src",
    );
  });
}

for (const [what, change] of [
  [
    "the WebAssembly is truncated",
    (file, name) => isWasm(name) && (file.body = file.body.subarray(0, file.body.length / 2)),
  ],
  ["the WebAssembly is another", (file, name) => isWasm(name) && (file.body[1000] ^= 1)],
  [
    "the glue is truncated",
    (file, name) => isGlue(name) && (file.body = file.body.subarray(0, 99)),
  ],
  [
    "the server has a page for every path",
    (file, name) =>
      name !== "zulip-presence.js" &&
      Object.assign(file, { type: "text/html", body: "<!doctype html><title>Home</title>" }),
  ],
]) {
  test(what, async ({ page, site, consoleMessages, presenceRequests }) => {
    const src = mirror(site, `/damaged/${what.replaceAll(" ", "-")}`, change);
    await page.goto(site.page(BADGE, script(src)));
    await staysUnknown({ page, consoleMessages, presenceRequests }, new URL(".", src).href);
  });
}

test("tampered glue is never run", async ({ page, site, consoleMessages, presenceRequests }) => {
  const src = mirror(site, "/tampered", (file, name) => {
    if (isGlue(name)) file.body = `globalThis.isTampered = true;${file.body}`;
  });
  await page.goto(site.page(BADGE, script(src)));
  await staysUnknown({ page, consoleMessages, presenceRequests });
  expect(await page.evaluate(() => globalThis.isTampered)).toBeUndefined();
});

test("files from another origin without CORS leave the unknown badge and one console line", async ({
  page,
  site,
  elsewhere,
  consoleMessages,
  presenceRequests,
}) => {
  const src = mirror(elsewhere, "/files");
  await page.goto(site.page(BADGE, script(src)));
  await staysUnknown({ page, consoleMessages, presenceRequests }, "Access-Control-Allow-Origin");
});

test("files served with the wrong type work, without a console message", async ({
  page,
  site,
  gateway,
  consoleMessages,
}) => {
  const src = mirror(site, "/untyped", (file, name) => {
    if (isWasm(name)) file.type = "application/octet-stream";
    if (isGlue(name)) file.type = "text/plain";
  });
  await page.goto(site.page(BADGE, script(src, `data-endpoint="${gateway.url}/api/v1"`)));
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  expect(consoleMessages).toEqual([]);
});

for (const [what, take] of [
  ["WebAssembly", () => delete globalThis.WebAssembly],
  ["constructed style sheets and custom states", olderThan2023],
  ["custom states", () => (CSS.supports = () => false)],
]) {
  test(`a browser without ${what} shows the unknown badge and one console line`, async ({
    page,
    site,
    tag,
    consoleMessages,
    presenceRequests,
  }) => {
    await page.addInitScript(take);
    await page.goto(site.page(BADGE, tag()));
    await staysUnknown({ page, consoleMessages, presenceRequests, isHopeless: true }, "browser");
  });
}

function olderThan2023() {
  globalThis.CSSStyleSheet = class {
    constructor() {
      throw new TypeError("Illegal constructor");
    }
  };
  CSS.supports = () => false;
}

function isGlue(name) {
  return name === builtFiles().glue;
}

function isWasm(name) {
  return name.endsWith(".wasm");
}
