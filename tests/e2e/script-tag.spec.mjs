// The script tag on a page of another origin.

import { EVERYBODY, KNOWN, expect, people, presences, test } from "./fixtures.mjs";

/** One of the demo's people has never opened Zulip. */
const NEVER_SEEN = "1024";

const badge = ({ id, name }) => `<zulip-presence user="${id}">${name}</zulip-presence>`;

test("every person is shown with the status that the gateway gives", async ({
  page,
  site,
  gateway,
  tag,
  consoleMessages,
}) => {
  const ids = EVERYBODY.map(({ id }) => id);
  // The gateway gets some people's presence a little later than that of most.
  await expect
    .poll(async () => silent((await presences(gateway, ids)).presences), { timeout: 30_000 })
    .toEqual([NEVER_SEEN]);

  await page.goto(site.page(`<p>${EVERYBODY.map(badge).join(" ")}</p>`, tag()));
  await expect(page.locator("zulip-presence:state(unknown)")).toHaveCount(1);

  const badges = page.locator("zulip-presence");
  const shown = await badges.evaluateAll((all) => all.map((one) => one.status));
  const { presences: known, server_timestamp: now } = await presences(gateway, ids);
  const compared = { active: 0, idle: 0, offline: 0, unknown: 0 };
  for (const [i, id] of ids.entries()) {
    const status = clear(known[id], now);
    if (status === undefined) continue;
    compared[status] += 1;
    expect(shown[i], `status of ${id}`).toBe(status);
  }
  for (const status of Object.keys(compared)) expect(compared[status], status).toBeGreaterThan(0);
  await expect(badges.first()).toContainText(EVERYBODY[0].name);
  expect(consoleMessages).toEqual([]);

  function silent(presences) {
    return ids.filter((id) => Object.keys(presences[id]).length === 0);
  }

  /** The status, unless it will change within a minute. */
  function clear(presence, now) {
    if (Object.keys(presence).length === 0) return "unknown";
    const [active, idle] = [now - presence.active_timestamp, now - presence.idle_timestamp];
    if (active < 130) return "active";
    if (active > 270 && idle < 130) return "idle";
    if (active > 270 && idle > 270) return "offline";
    return undefined;
  }
});

test("two hundred badges of one person send one request", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  await page.clock.install();
  const body = badge({ id: 12, name: "Ada" }).repeat(200);
  await page.goto(site.page(`<p>${body}</p>`, tag()));
  const known = page.locator("zulip-presence:not(:state(unknown))");
  await expect(known).toHaveCount(200);
  expect(presenceRequests.map(people)).toEqual([["12"]]);

  await page.clock.fastForward("01:10");
  await expect.poll(() => presenceRequests.length).toBe(2);
  expect(people(presenceRequests[1])).toEqual(["12"]);
});

test("badges may be added, moved and removed", async ({
  page,
  site,
  tag,
  presenceRequests,
  consoleMessages,
}) => {
  await page.clock.install();
  await page.goto(
    site.page(
      `<p id="one">${badge({ id: 12, name: "Ada" })}</p><p id="two"></p>`,
      tag('data-interval="60"'),
    ),
  );
  const ada = page.locator("zulip-presence[user='12']");
  await expect(ada).toHaveStatus(KNOWN);

  await page.evaluate(() => {
    const late = document.createElement("zulip-presence");
    late.setAttribute("user", "17");
    late.textContent = "Tomasz";
    document.querySelector("#one").append(late);
  });
  const tomasz = page.locator("zulip-presence[user='17']");
  await expect(tomasz).toHaveStatus(KNOWN);
  await expect(tomasz).toContainText("Tomasz");

  const before = presenceRequests.length;
  const seen = await page.evaluate(async () => {
    const ada = document.querySelector("zulip-presence[user='12']");
    const seen = [];
    ada.addEventListener("presence-change", ({ detail }) => seen.push(detail.status));
    document.querySelector("#two").append(ada);
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    return [...seen, ada.status];
  });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toMatch(KNOWN);
  expect(presenceRequests).toHaveLength(before);

  await page.evaluate(() => document.querySelector("zulip-presence[user='17']").remove());
  await page.clock.fastForward("01:10");
  await expect.poll(() => presenceRequests.length).toBe(before + 1);
  expect(people(presenceRequests.at(-1))).toEqual(["12"]);

  await page.evaluate(() => document.querySelector("zulip-presence").remove());
  await page.clock.fastForward("10:00");
  await page.evaluate(
    (html) => (document.querySelector("#one").innerHTML = html),
    badge({ id: 23 }),
  );
  await expect(page.locator("zulip-presence[user='23']")).toHaveStatus(KNOWN);
  expect(presenceRequests.slice(before + 1).map(people)).toEqual([["23"]]);
  expect(consoleMessages).toEqual([]);
});

test("changing the user attribute shows another person", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  await page.goto(site.page(badge({ id: 12, name: "Ada" }), tag()));
  const it = page.locator("zulip-presence");
  await expect(it).toHaveStatus(KNOWN);
  await it.evaluate((element) => element.setAttribute("user", "17"));
  await expect.poll(() => presenceRequests.map(people).at(-1)).toContain("17");
  await expect(it).toHaveStatus(KNOWN);
});

test("refresh() of the element and of the page requests at once, at most every 10 s", async ({
  page,
  site,
  tag,
  presenceRequests,
  consoleMessages,
}) => {
  await page.clock.install();
  await page.goto(site.page(badge({ id: 12, name: "Ada" }), tag('data-interval="60"')));
  const ada = page.locator("zulip-presence");
  await expect(ada).toHaveStatus(KNOWN);
  await page.clock.fastForward(11_000);
  await ada.evaluate((element) => element.refresh());
  await expect.poll(() => presenceRequests.length).toBe(2);
  await page.clock.fastForward(11_000);
  await page.evaluate(() => zulipPresence.refresh(12));
  await expect.poll(() => presenceRequests.length).toBe(3);
  await ada.evaluate((element) => element.refresh());
  await page.clock.fastForward(5_000);
  expect(presenceRequests).toHaveLength(3);
  expect(consoleMessages).toEqual([]);
});

test("a page without badges sends nothing until one is added", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  await page.clock.install();
  await page.goto(site.page("<main></main>", tag()));
  await page.waitForFunction(() => customElements.get("zulip-presence"));
  await page.clock.fastForward("05:00");
  expect(presenceRequests).toEqual([]);
  await page.evaluate(
    (html) => (document.querySelector("main").innerHTML = html),
    badge({ id: 12, name: "Ada" }),
  );
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  expect(presenceRequests.map(people)).toEqual([["12"]]);
});

test("a second script tag changes nothing", async ({
  page,
  site,
  tag,
  presenceRequests,
  consoleMessages,
}) => {
  const wasm = [];
  page.on("request", (request) => request.url().includes(".wasm") && wasm.push(request.url()));
  await page.goto(site.page(badge({ id: 12, name: "Ada" }) + tag(), tag()));
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  expect(presenceRequests.map(people)).toEqual([["12"]]);
  expect(wasm).toHaveLength(1);
  expect(consoleMessages).toEqual([]);
});

test("the unknown badge is drawn before the WebAssembly, and stays when none arrives", async ({
  page,
  site,
  tag,
  presenceRequests,
}) => {
  await page.route("**/*.wasm*", (route) => route.abort());
  await page.goto(site.page(badge({ id: 12, name: "Ada" }), tag()));
  const it = page.locator("zulip-presence");
  await expect(it).toHaveStatus("unknown");
  await expect(it).toContainText("Ada");
  const { width } = await it.boundingBox();
  const text = await it.evaluate((element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    return range.getBoundingClientRect().width;
  });
  expect(width).toBeGreaterThan(text + 4);
  // Requests from before the failure are sent once.
  expect(presenceRequests.length).toBeLessThan(2);
});

test("a badge works under a strict Content-Security-Policy", async ({
  page,
  site,
  gateway,
  tag,
  consoleMessages,
}) => {
  const policy = [
    "default-src 'none'",
    "img-src data:", // the page's own icon
    `script-src ${gateway.url} 'wasm-unsafe-eval'`,
    "style-src 'self'",
    `connect-src ${gateway.url}`,
    "require-trusted-types-for 'script'",
  ].join("; ");
  const head = `<meta http-equiv="Content-Security-Policy" content="${policy}">${tag()}`;
  await page.goto(site.page(badge({ id: 12, name: "Ada" }), head));
  await expect(page.locator("zulip-presence")).toHaveStatus(KNOWN);
  expect(consoleMessages).toEqual([]);
});
