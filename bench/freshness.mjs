// How long after somebody comes a page shows it, in real time: a simulated Zulip that reports as Zulip's clients do, the real gateway with its
// default settings, and a page in Chromium with the default interval. Prints the delays, and how many requests page and gateway sent.
// Needs `make dist` and the gateway: `make bench-freshness`; about four minutes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Chromium } from "./harness/chromium.mjs";
import { median } from "./harness/report.mjs";

const PROGRAM = new URL("../target/gateway/zulip-presence-gateway", import.meta.url).pathname;
const DIST = new URL("../dist", import.meta.url).pathname;
const PEOPLE = 40;
/** Within so many seconds from the first reply on they come, one after the other. */
const [FIRST_S, LAST_S] = [20, 170];
const WATCH_S = 240;
/** Zulip's clients report once a minute, and when somebody comes. */
const REPORT_S = 60;

const started_s = now_s();
/** From user ID to when the person comes, in UNIX seconds. */
const arrivals = new Map(
  Array.from({ length: PEOPLE }, (_, place) => [
    place + 1,
    started_s + FIRST_S + ((LAST_S - FIRST_S) * (place + Math.random())) / PEOPLE,
  ]),
);
let zulipRequests = 0;

const zulip = createServer(answer).listen(0, "127.0.0.1");
await once(zulip, "listening");
/** Also of the page. */
const origin = `http://127.0.0.1:${zulip.address().port}`;
const folder = await mkdtemp(join(tmpdir(), "zulip-presence-"));
const zuliprc = join(folder, "zuliprc");
await writeFile(zuliprc, `[api]\nemail=bot@example.com\nkey=k\nsite=${origin}\n`);
const gateway = spawn(
  PROGRAM,
  ["--config-file", zuliprc, "--dist", DIST, "--listen", "127.0.0.1:0", "--allow-origin", origin],
  { stdio: ["ignore", "pipe", "pipe"] },
);
const url = await new Promise((resolve) => {
  for (const stream of [gateway.stdout, gateway.stderr])
    createInterface({ input: stream }).on("line", (line) => {
      const [found] = /http:\/\/127\.0\.0\.1:\d+/.exec(line.split("site")[0]) ?? [];
      if (found) resolve(found);
    });
});
const browser = await new Chromium().start();
const tab = await browser.page();
await tab.send("Page.enable");
await tab.send("Network.enable");
let pageRequests = 0;
tab.on("Network.requestWillBeSent", ({ request }) => {
  if (request.url.includes("/presence?")) pageRequests += 1;
});
await tab.send("Page.navigate", { url: `${origin}/page` });
await tab.evaluate("ready");
const [page_0, zulip_0] = [pageRequests, zulipRequests];
await new Promise((resolve) => setTimeout(resolve, WATCH_S * 1000));
const seen = await tab.evaluate("changes");
const delays = [...arrivals].map(([id, at_s]) => (seen[id] ?? Infinity) - at_s);
const perMinute = (count) => ((count * 60) / WATCH_S).toFixed(1);
console.log(
  JSON.stringify({
    people: PEOPLE,
    worst_s: Math.max(...delays).toFixed(1),
    average_s: (delays.reduce((sum, delay) => sum + delay, 0) / PEOPLE).toFixed(1),
    median_s: median(delays).toFixed(1),
    pageRequestsAMinute: perMinute(pageRequests - page_0),
    zulipRequestsAMinute: perMinute(zulipRequests - zulip_0),
  }),
);
await browser.stop();
gateway.kill("SIGTERM");
zulip.closeAllConnections();
zulip.close();
await rm(folder, { recursive: true });

function page() {
  const badges = [...arrivals.keys()].map(
    (id) => `<zulip-presence user="${id}">P</zulip-presence>`,
  );
  return `<!doctype html><title>Freshness</title><link rel="icon" href="data:,">
<script>
  globalThis.changes = {};
  addEventListener("presence-change", ({ detail }) => {
    if (detail.status === "active") changes[detail.user] ??= Date.now() / 1000;
  });
  globalThis.ready = new Promise((resolve) => addEventListener("load", resolve));
</script>
<script src="${url}/zulip-presence.js" async></script>
${badges.join("\n")}`;
}

function answer(request, response) {
  if (request.url === "/page") {
    response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
    return response.end(page());
  }
  const path = new URL(request.url, "http://zulip").pathname.replace("/api/v1/", "");
  if (path.includes("presence")) zulipRequests += 1;
  const body = {
    server_settings: () => ({ zulip_version: "12.0", zulip_feature_level: 500 }),
    users: () => ({ members: [...arrivals.keys()].map(member) }),
    "users/me": () => ({ user_id: 0, is_bot: true, bot_type: 1 }),
    "realm/presence": () => ({
      server_timestamp: now_s(),
      presences: Object.fromEntries(
        [...arrivals.keys()].map((id) => [member(id).email, presence(id)]),
      ),
    }),
  }[path];
  const [, id] = /^users\/(\d+)\/presence$/.exec(path) ?? [];
  const reply = body?.() ?? (id && { presence: presence(Number(id)), server_timestamp: now_s() });
  response.writeHead(reply ? 200 : 404, { "Content-Type": "application/json" });
  response.end(JSON.stringify({ result: reply ? "success" : "error", msg: "", ...reply }));
}

function member(id) {
  const email = `user${id}@example.com`;
  return {
    user_id: id,
    email,
    delivery_email: email,
    full_name: `P${id}`,
    is_active: true,
    is_bot: false,
  };
}

function presence(id) {
  const at_s = arrivals.get(id);
  const now = now_s();
  const last =
    now < at_s ? started_s - 3_600 : at_s + REPORT_S * Math.floor((now - at_s) / REPORT_S);
  const timestamp = Math.floor(last);
  return { active_timestamp: timestamp, idle_timestamp: timestamp };
}

function now_s() {
  return Date.now() / 1000;
}
