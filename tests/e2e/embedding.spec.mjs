// The script tag in the environments that host pages offer: mirrors, iframes, shadow roots, files, strict policies.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { KNOWN, expect, people, setVisibility, test } from "./fixtures.mjs";
import { mirror } from "./mirror.mjs";

const ADA = `<zulip-presence user="12" name="Ada">Ada</zulip-presence>`;

const drawn = (badge) => badge.locator("svg").getAttribute("data-status");

async function lives(badge) {
  await expect(badge).toHaveStatus(KNOWN);
  await expect.poll(() => drawn(badge)).toMatch(KNOWN);
}

test("two versions on one page: the first one serves every badge", async ({
  page,
  site,
  gateway,
  tag,
  consoleMessages,
  presenceRequests,
}) => {
  const old = mirror(site, "/old", (file, name) => {
    if (name === "zulip-presence.js") file.body = `globalThis.isOldHere = true;${file.body}`;
  });
  const wasm = [];
  page.on("request", (request) => request.url().includes(".wasm") && wasm.push(request.url()));
  const scripts = `<script src="${old}" data-endpoint="${gateway.url}/api/v1"></script>${tag()}`;
  await page.goto(site.page(ADA, scripts));
  await lives(page.locator("zulip-presence"));
  await page.evaluate((html) => document.body.insertAdjacentHTML("beforeend", html), tag());
  await page.evaluate(() => new Promise(requestIdleCallback));
  expect(await page.evaluate(() => globalThis.isOldHere)).toBe(true);
  expect(wasm.map((url) => new URL(url).origin)).toEqual([site.origin]);
  expect(presenceRequests).toHaveLength(1);
  expect(consoleMessages).toEqual([]);
});

test("a mirror on another host and path asks data-endpoint, or its own host without one", async ({
  page,
  site,
  gateway,
  consoleMessages,
}) => {
  const src = mirror(site, "/some/where/else");
  const script = `<script src="${src}" async data-endpoint="${gateway.url}/api/v1"></script>`;
  await page.goto(site.page(ADA, script));
  await lives(page.locator("zulip-presence"));
  expect(consoleMessages).toEqual([]);

  const request = page.waitForRequest((request) => request.url().includes("/presence?"));
  await page.goto(site.page(ADA, `<script src="${src}" async></script>`));
  expect((await request).url()).toContain(`${site.origin}/some/where/else/api/v1/realm/presence?`);
});

test("a page opened from a file shows a badge", async ({ page, open, consoleMessages }) => {
  const folder = await mkdtemp(join(tmpdir(), "zulip-presence-"));
  const file = join(folder, "page.html");
  await writeFile(
    file,
    `<!doctype html><title>A file</title><script src="${open.url}/zulip-presence.js" async></script>${ADA}`,
  );
  await page.goto(pathToFileURL(file).href);
  await lives(page.locator("zulip-presence"));
  expect(consoleMessages).toEqual([]);
  await rm(folder, { recursive: true });
});

for (const [what, attributes] of [
  ["an iframe", ""],
  ["a sandboxed iframe, which has no origin", `sandbox="allow-scripts"`],
]) {
  test(`in ${what} a badge works`, async ({ page, site, open, consoleMessages }) => {
    const inner = site.page(ADA, `<script src="${open.url}/zulip-presence.js" async></script>`);
    await page.goto(site.page(`<iframe title="Team" src="${inner}" ${attributes}></iframe>`));
    await lives(page.frameLocator("iframe").locator("zulip-presence"));
    expect(consoleMessages).toEqual([]);
  });
}

test("a badge works inside a shadow root, and after it is moved out of it", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  await page.goto(site.page("<main></main>", tag()));
  await page.evaluate((html) => {
    const main = document.querySelector("main");
    main.attachShadow({ mode: "open" }).innerHTML = `<p>${html}</p>`;
    globalThis.events = [];
    main.addEventListener("presence-change", ({ detail }) => globalThis.events.push(detail.status));
  }, ADA);
  const badge = page.locator("zulip-presence");
  await lives(badge);
  // Composed: the event leaves the shadow root.
  expect(await page.evaluate(() => globalThis.events)).toHaveLength(1);
  await page.evaluate(() => {
    document.body.append(document.querySelector("main").shadowRoot.querySelector("zulip-presence"));
  });
  await lives(page.locator("body > zulip-presence"));
  expect(presenceRequests).toHaveLength(1);
});

test("clones of a template and of a badge with a status get their own status", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  await page.goto(site.page(`<template>${ADA}</template><main></main>`, tag()));
  await page.evaluate(() => {
    const { content } = document.querySelector("template");
    document.querySelector("main").append(content.cloneNode(true));
    document.querySelector("main").append(document.importNode(content, true));
  });
  const badges = page.locator("main > zulip-presence");
  await expect(badges).toHaveCount(2);
  await lives(badges.nth(0));
  await lives(badges.nth(1));

  const status = await page.evaluate(() => {
    const clone = document.querySelector("main > zulip-presence").cloneNode(true);
    clone.setAttribute("user", "17");
    document.querySelector("main").append(clone);
    return clone.status;
  });
  expect(status).toBe("unknown");
  await lives(badges.nth(2));
  expect(presenceRequests.map(people)).toEqual([["12"], ["12", "17"]]);
});

test("a saved page starts with the unknown badge", async ({ page, site, tag }) => {
  await page.route("**/presence?*", (route) => route.abort());
  const saved = ADA.replace("user=", `status="active" user=`);
  await page.goto(site.page(saved, tag()));
  const badge = page.locator("zulip-presence");
  await expect(badge).toHaveStatus("unknown");
  expect(await drawn(badge)).toBe("unknown");
});

test("after document.open the badges of the new document work", async ({
  page,
  site,
  tag,
  consoleMessages,
  presenceRequests,
}) => {
  await page.clock.install();
  await page.goto(site.page(ADA, tag()));
  await lives(page.locator("zulip-presence"));
  await page.evaluate(
    ([html, tag]) => {
      document.open();
      document.write(
        `<!doctype html><title>Anew</title>${tag}${html.replaceAll("12", "17")}<p>Anew</p>`,
      );
      document.close();
    },
    [ADA, tag()],
  );
  await expect(page.locator("p")).toHaveText("Anew");
  await lives(page.locator("zulip-presence[user='17']"));
  expect(people(presenceRequests.at(-1))).toContain("17");
  const before = presenceRequests.length;

  // Its listeners on the page still work.
  await setVisibility(page, "hidden");
  await page.clock.fastForward("05:00");
  expect(presenceRequests).toHaveLength(before);
  await setVisibility(page, "visible");
  await expect.poll(() => presenceRequests.length).toBe(before + 1);
  expect(consoleMessages).toEqual([]);
});

test("a badge moved between parents keeps its drawing and sends no request", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  await page.goto(site.page(`<p id="one">${ADA}</p><p id="two"></p>`, tag()));
  await lives(page.locator("#one > zulip-presence"));
  const isSame = await page.evaluate(async () => {
    const badge = document.querySelector("zulip-presence");
    const drawing = badge.shadowRoot.querySelector("svg");
    for (let i = 0; i < 101; i++) document.querySelector(i % 2 ? "#one" : "#two").append(badge);
    await new Promise((resolve) => setTimeout(resolve));
    return badge.shadowRoot.querySelector("svg") === drawing;
  });
  expect(isSame).toBe(true);
  await lives(page.locator("#two > zulip-presence"));
  expect(presenceRequests).toHaveLength(1);
});

for (const when of ["before", "while"]) {
  test(`attributes set ${when} the script loads are applied`, async ({
    page,
    site,
    gateway,
    presenceRequests,
  }) => {
    await page.goto(site.page(`<zulip-presence>Ada</zulip-presence>`));
    const set = (name, value) =>
      page
        .locator("zulip-presence")
        .evaluate((badge, [name, value]) => badge.setAttribute(name, value), [name, value]);
    const load = () =>
      page.evaluate((src) => {
        const script = document.createElement("script");
        script.src = src;
        document.head.append(script);
      }, `${gateway.url}/zulip-presence.js`);
    if (when === "before") {
      await set("user", "12");
      await set("name", "Ada");
      await load();
    } else {
      let go;
      const gone = new Promise((resolve) => (go = resolve));
      await page.route("**/*.wasm*", async (route) => {
        await gone;
        await route.continue();
      });
      await load();
      await page.waitForFunction(() => customElements.get("zulip-presence"));
      await set("user", "12");
      await set("name", "Ada");
      go();
    }
    await lives(page.locator("zulip-presence"));
    await expect(page.getByRole("img", { name: "Ada: " })).toBeVisible();
    await set("name", "Ada Lovelace");
    await expect(page.getByRole("img", { name: "Ada Lovelace: " })).toBeVisible();
    expect(presenceRequests.map(people)).toEqual([["12"]]);
  });
}

test("a badge works under a policy that allows a nonce and no host", async ({
  page,
  site,
  gateway,
  consoleMessages,
}) => {
  const policy = `default-src 'none'; img-src data:; script-src 'nonce-once' 'wasm-unsafe-eval'; connect-src ${gateway.url}; require-trusted-types-for 'script'`;
  const head = `<meta http-equiv="Content-Security-Policy" content="${policy}"><script nonce="once" src="${gateway.url}/zulip-presence.js" async></script>`;
  await page.goto(site.page(ADA, head));
  await lives(page.locator("zulip-presence"));
  expect(consoleMessages).toEqual([]);
});

test("a badge works under the strictest policy, with integrity on the script tag", async ({
  page,
  site,
  gateway,
  consoleMessages,
}) => {
  const src = mirror(site, "/vendor");
  const digest = await crypto.subtle.digest("SHA-384", await (await fetch(src)).arrayBuffer());
  const integrity = `sha384-${Buffer.from(digest).toString("base64")}`;
  const policy = `default-src 'none'; script-src ${site.origin} 'wasm-unsafe-eval'; style-src ${site.origin}; connect-src ${site.origin} ${gateway.url}; img-src 'self' data:; require-trusted-types-for 'script'; trusted-types zulip-presence`;
  const head = `<meta http-equiv="Content-Security-Policy" content="${policy}"><script src="${src}" async data-endpoint="${gateway.url}/api/v1" integrity="${integrity}" crossorigin="anonymous"></script>`;
  await page.goto(site.page(ADA, head));
  await lives(page.locator("zulip-presence"));
  expect(consoleMessages).toEqual([]);
});
