// How long after somebody comes a page shows it, in real time: a simulated Zulip, the real gateway with its default settings, and a page in
// Chromium with the default interval. Prints the delays, and how many requests page and gateway sent. Nothing is judged.
// Needs `make dist`, the gateway and the simulator: `make bench-freshness`; about four minutes. A part of it: PARTS=live,polled

import { Chromium } from "./harness/chromium.mjs";
import { median } from "./harness/report.mjs";
import { SimulatedZulip, ZulipGateway } from "../tests/e2e/simulated-zulip.mjs";
import { Site } from "../tests/e2e/site.mjs";
import { Cleanup } from "../tests/processes.mjs";

/** The situations; all are measured at once, each with a Zulip, a gateway and a browser of its own. */
const PARTS = {
  live: { title: "with events" },
  // Zulip sends presence events in organisations of at most 100 accounts.
  large: { title: "without events: 101 accounts", accounts: 101 },
  polled: { title: "polled: `--live off`", options: ["--live", "off"] },
};
const IDS = Array.from({ length: 40 }, (_, place) => place + 1);
const LEFT_BEFORE_S = 3_600;
/** They come within so many seconds after everybody is shown as offline, one after the other, each at a random moment. */
const [FIRST_S, LAST_S] = [20, 170];
const WATCH_S = 240;

const names = process.env.PARTS?.split(",") ?? Object.keys(PARTS);
for (const name of names) if (!PARTS[name]) throw new Error(`PARTS: there is no ${name}`);
/** From user ID to the moment, the same in all parts. */
const moments_s = new Map(
  IDS.map((id, place) => [
    id,
    FIRST_S + ((LAST_S - FIRST_S) * (place + Math.random())) / IDS.length,
  ]),
);
const cleanup = new Cleanup();
try {
  const rows = await Promise.all(names.map((name) => measure(PARTS[name])));
  console.log(
    [
      "| | mean, s | median, s | worst, s | page: polls a minute | streams | gateway: presence a minute | events | other |",
      "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
      ...rows.map((cells) => `| ${cells.join(" | ")} |`),
    ].join("\n"),
  );
} finally {
  await cleanup.stop();
}

/** The cells of a part's row. */
async function measure({ title, accounts = 0, options = [] }) {
  const zulip = await new SimulatedZulip().start();
  cleanup.add(() => zulip.stop());
  for (const id of IDS) {
    zulip.tell(`add ${id} user${id}@example.com User ${id}`);
    zulip.tell(`gone ${id} ${LEFT_BEFORE_S}`);
  }
  // Nobody asks for these. The bot has an account, too.
  for (let id = IDS.length + 1; id < accounts; id++)
    zulip.tell(`add ${id} user${id}@example.com User ${id}`);
  const site = await new Site().start();
  cleanup.add(() => site.stop());
  const all = ["--allow-origin", site.origin, ...options];
  const gateway = await new ZulipGateway(zulip, await cleanup.directory(), all).start();
  cleanup.add(() => gateway.kill());
  const browser = await new Chromium().start();
  cleanup.add(() => browser.stop());

  const tab = await browser.page();
  await tab.send("Page.enable");
  await tab.send("Network.enable");
  const sent = { polls: 0, streams: 0 };
  tab.on("Network.requestWillBeSent", ({ request: { url } }) => {
    if (url.includes("/presence?")) sent.polls += 1;
    if (url.includes("/presence/stream?")) sent.streams += 1;
  });
  await tab.send("Page.addScriptToEvaluateOnNewDocument", { source: `(${watch})()` });
  await tab.send("Page.navigate", { url: page(site, gateway) });
  await tab.evaluate("everybodyOffline");
  const before = { ...sent, ...(await toZulip(gateway)) };
  const came_s = new Map();
  for (const [id, moment_s] of moments_s)
    setTimeout(() => {
      zulip.tell(`here ${id}`);
      came_s.set(id, Date.now() / 1000);
    }, moment_s * 1000);
  await new Promise((resolve) => setTimeout(resolve, WATCH_S * 1000));
  const after = { ...sent, ...(await toZulip(gateway)) };

  const shown_s = await tab.evaluate("shown_s");
  const delays_s = IDS.map((id) => (shown_s[id] ?? Infinity) - came_s.get(id));
  const mean_s = delays_s.reduce((sum, delay_s) => sum + delay_s, 0) / delays_s.length;
  const delays = [mean_s, median(delays_s), Math.max(...delays_s)];
  const counts = ["polls", "streams", "presence", "events", "other"];
  const perMinute = counts.map((what) => ((after[what] - before[what]) * 60) / WATCH_S);
  return [title, ...[...delays, ...perMinute].map((value) => value.toFixed(1))];
}

/** How many requests the gateway sent to Zulip so far. */
async function toZulip(gateway) {
  const counts = { presence: 0, events: 0, other: 0 };
  for (const [kind, count] of await gateway.metricBy("upstream_requests_total", "kind")) {
    if (kind.endsWith("_presence")) counts.presence += count;
    else if (kind === "events") counts.events += count;
    else counts.other += count;
  }
  return counts;
}

function page(site, gateway) {
  const badges = IDS.map((id) => `<zulip-presence user="${id}">P</zulip-presence>`);
  const script = `<script src="${gateway.url}/zulip-presence.js" async></script>`;
  return site.page(badges.join("\n"), script);
}

/** Runs in the page, before everything else. */
function watch() {
  globalThis.shown_s = {};
  globalThis.everybodyOffline = new Promise((resolve) => {
    addEventListener("presence-change", ({ detail }) => {
      if (detail.status === "active") globalThis.shown_s[detail.user] ??= Date.now() / 1000;
      const badges = [...document.querySelectorAll("zulip-presence")];
      if (badges.every(({ status }) => status === "offline")) resolve();
    });
  });
}
