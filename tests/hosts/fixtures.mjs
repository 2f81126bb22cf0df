// Fixtures of the tests on other people's software: the gateway, five people, and what every page of theirs must show.

import { test as base, expect } from "@playwright/test";
import { Site } from "../e2e/site.mjs";
import { LiveGateway } from "./live-gateway.mjs";

export { expect };

/** People of the simulated organisation who stay as they are. One of them is known by email. */
export const TEAM = [
  { user: "3001", name: "Ines Fonseca", status: "active" },
  { user: "3002", name: "Jonas Lindqvist", status: "idle" },
  { user: "user3005@example.com", name: "Salma Haddad", status: "offline" },
  { user: "3003", name: "Meera Pillai", status: "offline" },
  { user: "3004", name: "Oskar Brandt", status: "unknown" },
];
/** Who comes while the page is open. */
const NEWCOMER = "3003";

const STATUSES = Object.fromEntries(TEAM.map(({ user, status }) => [user, [status]]));
const STATUSES_AFTER_ARRIVAL = { ...STATUSES, [NEWCOMER]: ["active"] };

export const test = base.extend({
  workerGateway: [
    async ({}, use) => {
      const gateway = await new LiveGateway().start();
      await use(gateway);
      await gateway.stop();
    },
    { scope: "worker" },
  ],

  site: [
    async ({}, use) => {
      const site = await new Site().start();
      await use(site);
      await site.stop();
    },
    { scope: "worker" },
  ],

  gateway: async ({ workerGateway }, use) => {
    await use(workerGateway);
    workerGateway.reset();
  },

  /** The page's console messages, uncaught errors included. */
  consoleMessages: async ({ page }, use) => {
    const lines = [];
    page.on("console", (message) =>
      // Of what did not load, only this says which it is.
      lines.push(`${message.type()}: ${message.text()} (${message.location().url})`),
    );
    page.on("pageerror", (error) => lines.push(`uncaught: ${error.message}`));
    await use(lines);
  },
});

/** The five, as an author writes them. */
export const BADGES = TEAM.map(
  ({ user, name }) =>
    `<li><zulip-presence user="${user}" name="${name}">${name}</zulip-presence></li>`,
).join("\n");
/** The five, where tags of ours are not to be had. */
export const MARKED = TEAM.map(
  ({ user, name }) =>
    `<li data-zulip-presence="${user}" data-zulip-presence-name="${name}">${name}</li>`,
).join("\n");

/** The script tag as page authors paste it, with further attributes. */
export const scriptTag = ({ url }, attributes = "") =>
  `<script src="${url}/zulip-presence.js" async data-interval="15" ${attributes}></script>`;

/** The status of every badge of the page's light DOM, by user. */
export function statuses(page) {
  return page.evaluate(() => {
    const byUser = {};
    for (const badge of document.querySelectorAll("zulip-presence"))
      (byUser[badge.getAttribute("user") ?? badge.user] ??= []).push(badge.status);
    return byUser;
  });
}

/** The five have a badge each, with the right status. */
export async function expectTeam(page) {
  await expect.poll(() => statuses(page)).toEqual(STATUSES);
}

/** Nothing has changed, now: no time is given. */
export async function expectTeamStill(page, hasArrived = true) {
  expect(await statuses(page)).toEqual(hasArrived ? STATUSES_AFTER_ARRIVAL : STATUSES);
}

/** Somebody comes, and the page shows it without being loaded again. */
export async function expectArrival(page, gateway) {
  gateway.arrive(NEWCOMER);
  // Integrations leave the interval as it is: up to 66 s, and what caches may keep for 20 s.
  await expect.poll(() => statuses(page), { timeout: 100_000 }).toEqual(STATUSES_AFTER_ARRIVAL);
}

/**
 * What the host's own pages say in the console is not ours: `url` is one without badges, on which `act` does what a user does. Returns
 * what tells the lines that only badges bring.
 */
export async function withoutHostMessages(page, url, consoleMessages, act = async () => {}) {
  await page.goto(url, { waitUntil: "load" });
  await act();
  const ofHost = new Set(consoleMessages.splice(0));
  return () => consoleMessages.filter((line) => !ofHost.has(line));
}
