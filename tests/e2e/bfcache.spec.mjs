// A page restored from the back/forward cache.

import { expect, test } from "./browser.mjs";

test("a page restored from the back/forward cache goes on polling", async ({
  site,
  gateway,
  browserAt,
}) => {
  const log = [];
  site.route("/kept/log/", ({ url }, response) => {
    log.push(url.split("/").at(-1));
    response.end();
  });
  const away = site.page(
    `<script>addEventListener("load", () => setTimeout(() => history.back()))</script>`,
  );
  site.route("/kept.js", (_, response) => {
    response.setHeader("Content-Type", "text/javascript");
    response.end(`
      const tell = (what) => fetch("/kept/log/" + what, { keepalive: true });
      addEventListener("presence-change", ({ detail }) => {
        tell(detail.user + "-shown");
        if (detail.user === "12") setTimeout(() => (location.href = "${away}"));
      });
      addEventListener("pageshow", ({ persisted }) => {
        if (!persisted) return;
        const [old] = document.querySelectorAll("zulip-presence");
        tell(old.status === "unknown" ? "lost" : "restored");
        const badge = document.createElement("zulip-presence");
        badge.setAttribute("user", "17");
        document.body.append(badge);
      });`);
  });
  await browserAt(
    site.page(
      `<script src="/kept.js"></script><zulip-presence user="12">Ada</zulip-presence>`,
      `<script src="${gateway.url}/zulip-presence.js" async></script>`,
    ),
  );
  await expect.poll(() => log).toEqual(["12-shown", "restored", "17-shown"]);
});
