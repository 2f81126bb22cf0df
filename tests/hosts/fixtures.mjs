// Fixtures of the tests on other people's software: the gateway, five people, and what every page with them must show.

import { test as base, expect } from "@playwright/test";
import { Site } from "../e2e/site.mjs";
import { LiveGateway } from "./live-gateway.mjs";

export { expect };

/** People of the simulated organisation whose status does not change. One of them is named by email. */
export const TEAM = [
  { user: "3001", name: "Ines Fonseca", status: "active" },
  { user: "3002", name: "Jonas Lindqvist", status: "idle" },
  { user: "user3005@example.com", name: "Salma Haddad", status: "offline" },
  { user: "3003", name: "Meera Pillai", status: "offline" },
  { user: "3004", name: "Oskar Brandt", status: "unknown" },
];
/** The person who becomes active while the page is open. */
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
      // Only the location names a file that did not load.
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
/** The five, for editors that remove <zulip-presence>. */
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

/** The attributes of every badge, in order. */
export function attributesOf(page) {
  return page
    .locator("zulip-presence")
    .evaluateAll((badges) =>
      badges.map((badge) =>
        Object.fromEntries([...badge.attributes].map(({ name, value }) => [name, value])),
      ),
    );
}

/** Waits until each of the five has a badge with the right status. */
export async function expectTeam(page) {
  await expect.poll(() => statuses(page)).toEqual(STATUSES);
}

/** Checks that nothing has changed, without waiting. */
export async function expectTeamStill(page, hasArrived = true) {
  expect(await statuses(page)).toEqual(hasArrived ? STATUSES_AFTER_ARRIVAL : STATUSES);
}

/** Somebody becomes active, and the page shows it without being loaded again. */
export async function expectArrival(page, gateway) {
  gateway.arrive(NEWCOMER);
  // Integrations do not change the interval: up to 66 s, and up to 20 s in caches.
  await expect.poll(() => statuses(page), { timeout: 100_000 }).toEqual(STATUSES_AFTER_ARRIVAL);
}

/**
 * The console messages of the host's own pages do not count: `url` is a page without badges, on which `act` does what a user does. Returns
 * a function that gives the messages that only pages with badges have.
 */
export async function withoutHostMessages(page, url, consoleMessages, act = async () => {}) {
  await page.goto(url, { waitUntil: "load" });
  await act();
  const ofHost = new Set(consoleMessages.splice(0));
  return () => consoleMessages.filter((line) => !ofHost.has(line));
}
