// When badges are drawn: a hundred at once, the others near the screen and only once, if their status arrives soon. The page's timers stand
// still, so that what a timer does is seen apart.

import { EVERYBODY, expect, smallBadges, test as base } from "./fixtures.mjs";

/** Badges of fifty people, again and again. */
const badges = (count) =>
  smallBadges(Array.from({ length: count }, (_, at) => EVERYBODY[at % 50].id));

const test = base.extend({
  page: async ({ page }, use) => {
    await page.clock.install();
    await page.clock.pauseAt(Date.now() + 1_000);
    await page.addInitScript(() => {
      // Elements whose shadow root has ever had the loader's badge: its icon has no size of its own.
      globalThis.firstDrawnUnknown = 0;
      const attach = Element.prototype.attachShadow;
      Element.prototype.attachShadow = function (...rest) {
        const shadow = attach.apply(this, rest);
        let isSeen = false;
        const look = () => {
          if (isSeen || !shadow.querySelector("svg:not([width])")) return;
          isSeen = true;
          globalThis.firstDrawnUnknown += 1;
        };
        new MutationObserver(look).observe(shadow, { childList: true, subtree: true });
        return shadow;
      };
      // What happens first: the request for the WebAssembly, or the elements.
      globalThis.order = [];
      const { fetch } = globalThis;
      globalThis.fetch = (...what) => {
        if (/\.wasm/.test(what[0])) order.push("wasm");
        return fetch(...what);
      };
      const { define } = customElements;
      customElements.define = (...what) => {
        order.push("define");
        return define.apply(customElements, what);
      };
    });
    await use(page);
  },
});

/** How many shadow roots there are, how many have a badge of the WebAssembly, and how many ever had the loader's. */
const drawn = (page) =>
  page.evaluate(() => {
    const roots = [...document.querySelectorAll("zulip-presence")].flatMap(
      ({ shadowRoot }) => shadowRoot ?? [],
    );
    const mounted = roots.filter((root) => root.querySelector("svg[width]"));
    return { roots: roots.length, mounted: mounted.length, unknown: firstDrawnUnknown };
  });

test("badges beyond the first hundred are drawn once, with their status", async ({
  page,
  site,
  tag,
}) => {
  await page.goto(site.page(badges(180), tag()));
  await expect.poll(() => drawn(page)).toEqual({ roots: 180, mounted: 180, unknown: 100 });
  await page.clock.runFor(1_000);
  expect(await drawn(page)).toEqual({ roots: 180, mounted: 180, unknown: 100 });
});

test("badges whose status does not arrive soon are unknown until it does", async ({
  page,
  site,
  tag,
}) => {
  let release;
  const released = new Promise((resolve) => (release = resolve));
  await page.route("**/realm/presence?*", async (route) => {
    await released;
    await route.continue();
  });
  await page.goto(site.page(badges(180), tag()));
  await expect.poll(() => page.evaluate(() => zulipPresence.ready)).toBe(true);
  expect(await drawn(page)).toEqual({ roots: 100, mounted: 0, unknown: 100 });
  await page.clock.runFor(250);
  await expect.poll(() => drawn(page)).toEqual({ roots: 180, mounted: 0, unknown: 180 });
  release();
  await expect.poll(() => drawn(page)).toEqual({ roots: 180, mounted: 180, unknown: 180 });
});

test("what moves meanwhile gets the unknown badge too, what leaves the page does not", async ({
  page,
  site,
  tag,
}) => {
  await page.route("**/*.wasm", () => {});
  await page.goto(site.page(badges(180), tag()));
  const isNear = (at) =>
    page
      .locator("zulip-presence")
      .nth(at)
      .evaluate(
        (element) =>
          new Promise((resolve) => {
            new IntersectionObserver(([{ isIntersecting }]) => resolve(isIntersecting)).observe(
              element,
            );
          }),
      );
  expect(await isNear(179)).toBe(true);
  await page.evaluate(() => {
    const all = [...document.querySelectorAll("zulip-presence")];
    globalThis.gone = all.slice(100, 120);
    for (const element of gone) element.remove();
    document.querySelector("div").append(...all.slice(120, 150));
  });
  expect(await isNear(159)).toBe(true);
  await page.clock.runFor(500);
  await expect.poll(() => drawn(page)).toEqual({ roots: 160, mounted: 0, unknown: 160 });
  expect(await page.evaluate(() => gone.filter(({ shadowRoot }) => shadowRoot))).toEqual([]);
});

test("one task draws at most five hundred badges", async ({ page, site, tag }) => {
  await page.goto(site.page(badges(620), tag()));
  await expect.poll(() => drawn(page)).toEqual({ roots: 500, mounted: 500, unknown: 100 });
  // Those of whom is known who they are have their status all the same.
  const known = page.locator("zulip-presence:not(:state(unknown))");
  const shown = await page.locator("zulip-presence svg:not([data-status=unknown])").count();
  expect(await known.count()).toBeGreaterThan(shown);
  await page.clock.runFor(10);
  await expect.poll(() => drawn(page)).toMatchObject({ roots: 620, mounted: 620 });
});

/** Runs in a page before its scripts: timers without delay wait to be fired one by one, and each look at the clock takes 20 ms. */
function stepTimers() {
  // Yew pauses after 16 ms, until a timer fires.
  const start_ms = Date.now();
  let looks = 0;
  Date.now = () => start_ms + 20 * looks++;
  globalThis.steps = [];
  const { setTimeout } = globalThis;
  globalThis.setTimeout = (callback, delay_ms, ...rest) =>
    delay_ms === 0 ? steps.push(callback) : setTimeout(callback, delay_ms, ...rest);
}

/** Fires the next timer without delay; false if there is none. */
const step = (page) =>
  page.evaluate(() => {
    const callback = globalThis.steps.shift();
    callback?.();
    return !!callback;
  });

test("no badge is empty while Yew pauses", async ({ page, site, tag }) => {
  await page.addInitScript(stepTimers);
  await page.goto(site.page(badges(620), tag()));
  await expect.poll(() => drawn(page)).toEqual({ roots: 500, mounted: 500, unknown: 100 });
  let steps = 0;
  while (await step(page)) {
    const { roots, mounted } = await drawn(page);
    expect(roots).toBe(mounted);
    steps += 1;
  }
  // The second task of ours, and at least one of Yew.
  expect(steps).toBeGreaterThan(1);
  expect(await drawn(page)).toEqual({ roots: 620, mounted: 620, unknown: 100 });
});

test("whoever leaves the page while Yew pauses is asked about no more", async ({
  page,
  site,
  tag,
  gateway,
}) => {
  await page.addInitScript(stepTimers);
  await page.goto(site.page(badges(620), tag()));
  await expect.poll(() => drawn(page)).toMatchObject({ mounted: 500 });
  await step(page);
  await page.evaluate(() => document.querySelector("div").remove());
  await expect.poll(async () => !(await step(page))).toBe(true);
  await page.clock.runFor(1_000);
  while (await step(page));
  let requests = 0;
  page.on("request", (request) => (requests += request.url().startsWith(gateway.url)));
  await page.clock.runFor(300_000);
  expect(requests).toBe(0);
});

test("a badge that comes back before a reply is unknown, not empty", async ({
  page,
  site,
  tag,
}) => {
  await page.goto(site.page(smallBadges(["12"]), tag()));
  await expect.poll(() => drawn(page)).toMatchObject({ mounted: 1 });
  await page.route("**/other/**", () => {});
  const badge = await page.locator("zulip-presence").elementHandle();
  await badge.evaluate((element) => element.remove());
  await badge.evaluate((element) => {
    zulipPresence.configure({ endpoint: "/other/api/v1" });
    document.body.append(element);
  });
  expect(await badge.evaluate(({ status }) => status)).toBe("unknown");
  const icon = page.locator("zulip-presence svg");
  await expect(icon).toHaveAttribute("data-status", "unknown");
  await expect(icon).toHaveAccessibleName("Status unknown");
});

test("an element without a box has its badge", async ({ page, site, tag }) => {
  const far = `<p style="height: 5000px"></p>`;
  const style = "<style>.none { display: contents }</style>";
  const near = badges(120).replaceAll("<zulip-presence", '<zulip-presence class="none"');
  await page.goto(site.page(near + far + badges(20), style + tag()));
  await expect.poll(() => drawn(page)).toMatchObject({ roots: 120, mounted: 120 });
});

test("the WebAssembly is requested before elements are created, but not by a combined file", async ({
  page,
  site,
  gateway,
  tag,
}) => {
  const order = () => page.evaluate(() => globalThis.order);
  await page.goto(site.page(badges(3), tag()));
  await expect.poll(order).toEqual(["wasm", "define"]);
  const combined = site.route("/assets/everything.js", async (_, response) => {
    const loader = await fetch(`${gateway.url}/zulip-presence.js`);
    response.writeHead(200, { "Content-Type": "text/javascript" });
    response.end(await loader.text());
  });
  const endpoint = `data-endpoint="${gateway.url}/api/v1"`;
  await page.goto(site.page(badges(3), `<script async src="${combined}" ${endpoint}></script>`));
  await expect.poll(order).toEqual(["define", "wasm"]);
});
