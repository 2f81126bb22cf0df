// A hidden tab sends no requests. Playwright cannot hide a tab, so this test starts a browser without it.

import { expect, test } from "./browser.mjs";

const INTERVAL_S = 15;
/** More than an interval with its jitter. */
const WATCHED_S = 20;

test("a hidden tab sends nothing, and asks at once when shown again", async ({
  site,
  gateway,
  browserAt,
}) => {
  test.slow();
  const log = [];
  const endpoint = site.route("/counted", async ({ url }, response) => {
    log.push("asked");
    const reply = await fetch(gateway.url + url.replace("/counted", "/api/v1"));
    response.writeHead(reply.status, {
      "Content-Type": "application/json",
      "Cache-Control": "no-store",
    });
    response.end(await reply.text());
  });
  site.route("/log/", ({ url }, response) => {
    log.push(url.split("/").at(-1));
    response.end();
  });
  site.route("/watch.js", (_, response) => {
    response.setHeader("Content-Type", "text/javascript");
    response.end(`
      const tell = (what) => fetch("/log/" + what);
      addEventListener("presence-change", () => tell("shown"));
      addEventListener("visibilitychange", () => {
        tell(document.visibilityState);
        if (document.hidden) setTimeout(tell, ${WATCHED_S * 1000}, "watched");
      });`);
  });
  const page = site.page(
    `<script src="/watch.js"></script><zulip-presence user="12">Ada</zulip-presence>`,
    `<script src="${gateway.url}/zulip-presence.js" async data-interval="${INTERVAL_S}" data-live="off" data-endpoint="${endpoint}"></script>`,
  );

  const devtools = await browserAt(page);
  await expect.poll(() => log).toEqual(["asked", "shown"]);
  // The control: while visible, it sends requests within the time for which it is then hidden.
  await expect
    .poll(() => log.filter((line) => line === "asked").length, { timeout: WATCHED_S * 1000 })
    .toBe(2);

  const [tab] = await (await fetch(`${devtools}/json/list`)).json();
  await fetch(`${devtools}/json/new?about:blank`, { method: "PUT" });
  await expect.poll(() => log.at(-1), { timeout: (WATCHED_S + 15) * 1000 }).toBe("watched");
  expect(log.slice(log.indexOf("hidden"))).toEqual(["hidden", "watched"]);

  await fetch(`${devtools}/json/activate/${tab.id}`);
  await expect
    .poll(() => log.slice(log.indexOf("watched")))
    .toEqual(expect.arrayContaining(["visible", "asked"]));
});
