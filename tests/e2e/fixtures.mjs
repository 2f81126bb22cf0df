// What every test has: the gateway, a site of another origin, and a record of what the page asked and said.

import { readFileSync } from "node:fs";
import { test as base } from "@playwright/test";
import { Gateway } from "./gateway.mjs";
import { Site } from "./site.mjs";

export { expect } from "@playwright/test";

/** The people of the demo, `{ id, name }`. */
export const EVERYBODY = readFileSync("gateway/demo-people.tsv", "utf8")
  .trimEnd()
  .split("\n")
  .slice(1)
  .map((row) => row.split("\t"))
  .map(([id, name]) => ({ id, name }));

/** A badge that has had an answer. */
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

  /** The embed tag, with what else it is to carry. */
  tag: async ({ gateway }, use) => {
    await use(
      (settings = "") =>
        `<script src="${gateway.url}/zulip-presence.js" async ${settings}></script>`,
    );
  },

  /** The URLs that the page asked for presence, in order; not those of the browser's own, which renews what it gave out of its cache late. */
  asked: async ({ page }, use) => {
    const urls = [];
    page.on("request", (request) => {
      const url = new URL(request.url());
      const isOfBrowser = "resource-freshness" in request.headers();
      if (url.pathname.endsWith("/presence") && !isOfBrowser) urls.push(url);
    });
    await use(urls);
  },

  /** The lines that the page wrote to its console, errors that nobody caught included. */
  said: async ({ page }, use) => {
    const lines = [];
    page.on("console", (message) => lines.push(`${message.type()}: ${message.text()}`));
    page.on("pageerror", (error) => lines.push(`uncaught: ${error.message}`));
    await use(lines);
  },
});

/** What the gateway knows of these people, as a page would be told: `{ presences, server_timestamp }`. */
export async function presences({ url }, ids) {
  const users = encodeURIComponent(JSON.stringify(ids));
  const reply = await fetch(`${url}/api/v1/realm/presence?users=${users}`);
  return reply.json();
}

/** The people whom a batch URL asks for; for a single one, that person. */
export function people(url) {
  const users = url.searchParams.get("users");
  if (users !== null) return JSON.parse(users);
  return [decodeURIComponent(url.pathname.split("/").at(-2))];
}
