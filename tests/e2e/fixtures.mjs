// Fixtures of every test: the gateway, a site of another origin, and a record of the page's requests and console messages.

import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test as base, expect as baseExpect } from "@playwright/test";
import { Gateway } from "./gateway.mjs";
import { SimulatedZulip, ZulipGateway } from "./simulated-zulip.mjs";
import { Site } from "./site.mjs";

export const expect = baseExpect.extend({
  /** Waits until an element's `status` is, or matches, what is expected. */
  async toHaveStatus(locator, expected, options) {
    const status = () => locator.evaluate((element) => `${element.status}`);
    const polled = baseExpect.poll(status, options);
    const matcher = expected instanceof RegExp ? "toMatch" : "toBe";
    try {
      await (this.isNot ? polled.not : polled)[matcher](expected);
      return { pass: !this.isNot };
    } catch (error) {
      return { pass: this.isNot, message: () => error.message };
    }
  },
});

/** The people of the demo, `{ id, name }`. */
export const EVERYBODY = readFileSync("zulip-simulator/demo-people.tsv", "utf8")
  .trimEnd()
  .split("\n")
  .slice(1)
  .map((row) => row.split("\t"))
  .map(([id, name]) => ({ id, name }));

/** A badge for each ID, so small that hundreds are on screen together. */
export const smallBadges = (ids) =>
  `<div style="font-size: 4px; line-height: 6px">${ids.map((id) => `<zulip-presence user="${id}"></zulip-presence>`).join("\n")}</div>`;

/** The status of a badge with a reply. */
export const KNOWN = /^(active|idle|offline)$/;

export const test = base.extend({
  site: [
    async ({}, use) => {
      const site = await new Site().start();
      await use(site);
      await site.stop();
    },
    { scope: "worker" },
  ],

  gateway: [
    async ({ site }, use) => {
      const gateway = await new Gateway(["--allow-origin", site.origin]).start();
      await use(gateway);
      await gateway.kill();
    },
    { scope: "worker" },
  ],

  /** A gateway that allows any page. */
  open: async ({}, use) => {
    const open = await new Gateway(["--allow-origin", "*"]).start();
    await use(open);
    await open.kill();
  },

  /** A gateway that the test may kill. */
  mortal: async ({ site }, use) => {
    const mortal = await new Gateway(["--allow-origin", site.origin]).start();
    await use(mortal);
    await mortal.kill();
  },

  /** A directory that is removed after the test. */
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "zulip-presence-"));
    await use(folder);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  },

  /** The script tag, with further attributes. */
  tag: async ({ gateway }, use) => {
    await use(
      (settings = "") =>
        `<script src="${gateway.url}/zulip-presence.js" async ${settings}></script>`,
    );
  },

  /** The URLs of the page's presence requests, in order, without the browser's own revalidation of stale cache entries. */
  presenceRequests: async ({ page, context }, use) => {
    const urls = [];
    const devtools = await context.newCDPSession(page);
    devtools.on("Network.requestWillBeSent", ({ request, initiator }) => {
      const url = new URL(request.url);
      if (url.pathname.endsWith("/presence") && initiator.type === "script") urls.push(url);
    });
    await devtools.send("Network.enable");
    await use(urls);
  },

  /** The page's console messages, uncaught errors included. */
  consoleMessages: async ({ page }, use) => {
    const lines = [];
    page.on("console", (message) => lines.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => lines.push(`uncaught: ${error.message}`));
    await use(lines);
  },
});

/** With a simulated Zulip, and a gateway of it. */
export const simulated = test.extend({
  /** What happens in Zulip before the gateway starts, a line each. */
  before: [[], { option: true }],

  /** Further options of the gateway. */
  options: [[], { option: true }],

  zulip: async ({ before }, use) => {
    const zulip = await new SimulatedZulip().start();
    for (const line of before) zulip.tell(line);
    await use(zulip);
    await zulip.stop();
  },

  live: async ({ zulip, site, folder, options }, use) => {
    const all = ["--allow-origin", site.origin, ...options];
    const live = await new ZulipGateway(zulip, folder, all).start();
    await use(live);
    await live.kill();
  },
});

/** Three replies from `url`, one after the other: what a page would request at once arrives before them. */
export async function settle(page, url) {
  for (let i = 0; i < 3; i++)
    await page.evaluate((url) => fetch(url, { cache: "no-store" }).then(() => {}), url);
}

/** The gateway's reply about these people: `{ presences, server_timestamp }`. */
export async function presences({ url }, ids) {
  const users = encodeURIComponent(JSON.stringify(ids));
  const reply = await fetch(`${url}/api/v1/realm/presence?users=${users}`);
  return reply.json();
}

/** Sets what the page takes for its visibility. */
export const setVisibility = (page, state) =>
  page.evaluate((state) => {
    Object.defineProperty(document, "visibilityState", { configurable: true, value: state });
    document.dispatchEvent(new Event("visibilitychange"));
  }, state);

/** The people that a URL of either endpoint asks for. */
export function people(url) {
  const users = url.searchParams.get("users");
  if (users !== null) return JSON.parse(users).map(String);
  return [decodeURIComponent(url.pathname.split("/").at(-2))];
}
