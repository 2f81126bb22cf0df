// What host pages do to a badge: resets, zoom, base URLs, ways to load the script, other documents, frameworks' properties, editors.

import { readFileSync } from "node:fs";
import { builtFiles } from "../../tools/built-files.mjs";
import { EVERYBODY, KNOWN, expect, people, presences, test } from "./fixtures.mjs";
import { nameTimers } from "./timers.mjs";

const ADA = `<zulip-presence user="12" name="Ada">Ada</zulip-presence>`;
const PICTURE = `<i style="display: inline-block; width: 40px; height: 40px; background: #ccc"></i>`;
const LOADER = readFileSync("dist/zulip-presence.js", "utf8");

const icon = (badge) => badge.locator("svg");
const details = (badge) => badge.locator("[part=details]");

async function lives(badge) {
  await expect(badge).toHaveStatus(KNOWN);
  await expect(icon(badge)).toHaveAttribute("data-status", KNOWN);
}

// Style of the page.

const RESETS = {
  "the new CSS reset":
    "*:where(:not(html, iframe, canvas, img, svg, video, audio):not(svg *, symbol *)) { all: unset; display: revert }",
  "position: static for all": "body * { position: static }",
  "display: block for all": "* { display: block }",
  "everything unset": "body :not(i) { all: unset }",
  "a negative indent": "zulip-presence { text-indent: -9999px } i { float: left }",
};
for (const [what, style] of Object.entries(RESETS)) {
  test(`an overlaid badge stays on its picture under ${what}`, async ({ page, site, tag }) => {
    const body = `<p style="margin: 60px"><zulip-presence user="12" overlay>${PICTURE}</zulip-presence></p>`;
    await page.goto(site.page(body, `<style>${style}</style>${tag()}`));
    const badge = page.locator("zulip-presence");
    await lives(badge);
    const [own, picture] = [await icon(badge).boundingBox(), await page.locator("i").boundingBox()];
    expect(own.width).toBeGreaterThanOrEqual(8);
    expect(own.height).toBe(own.width);
    expect(Math.abs(own.x + own.width - picture.x - picture.width)).toBeLessThanOrEqual(1);
    const below = own.y + own.height - picture.y - picture.height;
    expect(below).toBeGreaterThanOrEqual(-1);
    // A line box around the picture may be a little higher.
    expect(below).toBeLessThanOrEqual(8);
  });
}

test("a badge is seen where the page sets font-size: 0", async ({ page, site, tag }) => {
  const body = `<p style="font-size: 0">${ADA}<zulip-presence user="12" overlay>${PICTURE}</zulip-presence></p>`;
  await page.goto(site.page(body, tag()));
  for (const badge of await page.locator("zulip-presence").all()) {
    await lives(badge);
    const { width, height } = await icon(badge).boundingBox();
    expect([width, height]).toEqual([8, 8]);
  }
});

for (const zoom of [0.5, 1.5, 2]) {
  test(`the popover is at its badge on a page with zoom: ${zoom}`, async ({ page, site, tag }) => {
    const body = `<p style="margin: 80px 200px"><zulip-presence user="12" details>Ada</zulip-presence></p>`;
    await page.goto(site.page(body, `<style>body { zoom: ${zoom} }</style>${tag()}`));
    const badge = page.locator("zulip-presence");
    await lives(badge);
    const button = badge.getByRole("button");
    await button.hover();
    await expect(details(badge)).toBeVisible();
    const [at, popover] = [await button.boundingBox(), await details(badge).boundingBox()];
    expect(Math.abs(popover.y - at.y - at.height)).toBeLessThanOrEqual(2);
    expect(
      Math.abs(popover.x + popover.width / 2 - at.x - at.width / 2),
      "centred",
    ).toBeLessThanOrEqual(2);
  });
}

test("the popover does not inherit what the page does to its text", async ({ page, site, tag }) => {
  const style = `<style>p { font: 40px/3 serif; color: transparent; -webkit-text-fill-color: transparent; letter-spacing: 1em; text-transform: uppercase; text-indent: 3em; visibility: visible }</style>`;
  const body = `<p><zulip-presence user="12" details>Ada</zulip-presence></p>`;
  await page.goto(site.page(body, style + tag()));
  const badge = page.locator("zulip-presence");
  await lives(badge);
  await badge.getByRole("button").hover();
  await expect(details(badge)).toBeVisible();
  const { textFillColor, ...rest } = await details(badge).evaluate((element) => {
    const style = getComputedStyle(element);
    return {
      textFillColor: style.webkitTextFillColor,
      letterSpacing: style.letterSpacing,
      textTransform: style.textTransform,
      textIndent: style.textIndent,
    };
  });
  expect(textFillColor).not.toBe("rgba(0, 0, 0, 0)");
  expect(rest).toEqual({ letterSpacing: "normal", textTransform: "none", textIndent: "0px" });
});

// Ways to load the script.

const WAYS = {
  "as a module": ({ url }) =>
    `<script type="module" src="${url}/zulip-presence.js" data-endpoint="${url}/api/v1"></script>`,
  "as a module, with no endpoint": ({ url }) =>
    `<script type="module" src="${url}/zulip-presence.js"></script>`,
  "by import(), with settings of the page": ({ url }) =>
    `<script>window.zulipPresence = { endpoint: "${url}/api/v1" }; import("${url}/zulip-presence.js")</script>`,
  "as text within the page": ({ url }) =>
    `<script data-endpoint="${url}/api/v1">${LOADER}</script>`,
  "by eval, with settings of the page": ({ url }) =>
    `<script>window.zulipPresence = { endpoint: "${url}/api/v1/" }; (0, eval)(${JSON.stringify(LOADER)})</script>`,
  "from a blob": ({ url }) =>
    `<script>const script = document.createElement("script"); script.dataset.endpoint = "${url}/api/v1"; script.src = URL.createObjectURL(new Blob([${JSON.stringify(LOADER)}], { type: "text/javascript" })); document.head.append(script)</script>`,
  "within a combined file": ({ url }, combined) =>
    `<script src="${combined}" data-endpoint="${url}/api/v1"></script>`,
};
for (const [how, head] of Object.entries(WAYS)) {
  test(`the script works ${how}`, async ({ page, site, open, consoleMessages }) => {
    const combined = site.route("/assets/all.js", (_, response) => {
      response.writeHead(200, { "Content-Type": "text/javascript" });
      response.end(`globalThis.isCombined = true;\n${LOADER}`);
    });
    await page.goto(site.page(ADA, head(open, combined)));
    await lives(page.locator("zulip-presence"));
    expect(consoleMessages).toEqual([]);
  });
}

for (const [how, head] of [
  ["evaluated text", `<script>(0, eval)(${JSON.stringify(LOADER)})</script>`],
  ["text within the page", `<script>${LOADER}</script>`],
]) {
  test(`${how} without an endpoint says just that, and works once it has one`, async ({
    page,
    site,
    open,
    consoleMessages,
  }) => {
    await page.goto(site.page(ADA + ADA, head));
    // A callback of the page begins when badges do.
    await page.evaluate(() => {
      globalThis.heard = new Promise((resolve) => zulipPresence.subscribe(12, resolve));
    });
    await expect.poll(() => consoleMessages.length).toBe(1);
    expect(consoleMessages[0]).toMatch(/^warning: zulip-presence: .*where its files are/);
    await page.evaluate((endpoint) => zulipPresence.configure({ endpoint }), `${open.url}/api/v1`);
    await lives(page.locator("zulip-presence").first());
    expect(await page.evaluate(() => heard)).toMatchObject({ user: "12", previous: "unknown" });
    expect(consoleMessages).toHaveLength(1);
  });
}

test("a callback that throws takes no news from anybody else", async ({
  page,
  site,
  tag,
  consoleMessages,
}) => {
  await page.goto(site.page("<p>A page</p>", tag()));
  await page.waitForFunction(() => globalThis.zulipPresence?.get);
  await page.evaluate(() => {
    globalThis.heard = [];
    zulipPresence.subscribe(12, () => {
      throw new Error("of the page");
    });
    zulipPresence.subscribe(17, ({ status }) => heard.push(status));
    const badges = [12, 17].map((user) => `<zulip-presence user="${user}">A</zulip-presence>`);
    document.body.insertAdjacentHTML("beforeend", badges.join(""));
  });
  for (const badge of await page.locator("zulip-presence").all()) await lives(badge);
  await expect.poll(() => page.evaluate(() => heard)).toContainEqual(expect.stringMatching(KNOWN));
  // The browser reports it, as it does with listeners.
  expect(new Set(consoleMessages)).toEqual(new Set(["uncaught: of the page"]));
});

test("a combined file may set the endpoint after the script in it", async ({
  page,
  site,
  open,
  consoleMessages,
}) => {
  const combined = site.route("/assets/configuring.js", (_, response) => {
    response.writeHead(200, { "Content-Type": "text/javascript" });
    response.end(`${LOADER};zulipPresence.configure({ endpoint: "${open.url}/api/v1" })`);
  });
  // The badge is there before the script.
  await page.goto(site.page(`${ADA}<script src="${combined}"></script>`));
  await lives(page.locator("zulip-presence"));
  expect(consoleMessages).toEqual([]);
});

/** People of the gallery, who never change. */
const STATUSES = { 3001: "active", 3002: "idle", 3003: "offline", 3004: "unknown" };

for (const [what, settings] of [
  ["with its endpoint", ({ url }) => `data-endpoint="${url}/api/v1"`],
  ["that gets its endpoint later", undefined],
]) {
  test(`zulipPresence says "unknown", then the truth, in a combined file ${what}`, async ({
    page,
    site,
    open,
    consoleMessages,
  }) => {
    const combined = site.route("/assets/asking.js", (_, response) => {
      response.writeHead(200, { "Content-Type": "text/javascript" });
      response.end(
        `${LOADER};globalThis.first = (${ask})(${JSON.stringify(Object.keys(STATUSES))})`,
      );
    });
    let release;
    const isReleased = new Promise((resolve) => (release = resolve));
    await page.route("**/*.wasm*", async (route) => {
      await isReleased;
      await route.continue();
    });
    const isLoading = page.waitForRequest(`${open.url}/*.wasm*`);
    const unknown = Object.keys(STATUSES).map((user) => ({
      ...{ user, status: "unknown", lastActive: null, message: "" },
    }));
    const asked = () => page.evaluate(ask, Object.keys(STATUSES));

    const badges = Object.keys(STATUSES).map(
      (id) => `<zulip-presence user="${id}"></zulip-presence>`,
    );
    const tag = `<script src="${combined}" ${settings?.(open) ?? ""}></script>`;
    await page.goto(site.page(badges.join("") + tag));
    expect(await page.evaluate(() => first)).toEqual(unknown);
    expect(await asked()).toEqual(unknown);
    if (!settings)
      await page.evaluate(
        (endpoint) => zulipPresence.configure({ endpoint }),
        `${open.url}/api/v1`,
      );
    await isLoading;
    expect(await asked()).toEqual(unknown);

    release();
    await expect
      .poll(async () => (await asked()).map(({ status }) => status))
      .toEqual(Object.values(STATUSES));
    const dates = (await asked()).map(({ lastActive }) => lastActive);
    expect(dates.map((date) => !!date)).toEqual([true, true, true, false]);
    const shown = await page
      .locator("zulip-presence")
      .evaluateAll((all) => all.map(({ lastActive }) => lastActive));
    expect(dates).toEqual(shown);
    // Of a file whose place nobody knows one line speaks.
    const ours = consoleMessages.filter((line) => /zulip-presence: |^uncaught/.test(line));
    expect(ours).toHaveLength(settings ? 0 : 1);
  });
}

/** Runs in the page. */
function ask(users) {
  return users.map((user) => {
    zulipPresence.refresh(user);
    return zulipPresence.get(user);
  });
}

test("the files are no modules, which would change what import maps a page may have", async ({
  page,
  site,
  tag,
  consoleMessages,
}) => {
  const slow = site.route("/late-import-map", (_, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.write(
      `<!doctype html><title>Slow</title><link rel="icon" href="data:,">${tag()}${ADA}`,
    );
    // The import map is added after the badge is there.
    setTimeout(
      () =>
        response.end(
          `<script type="importmap">{"imports": {"app": "data:text/javascript,globalThis.isAppHere = true"}}</script><script type="module">import "app"</script>`,
        ),
      1_500,
    );
  });
  await page.goto(slow);
  await lives(page.locator("zulip-presence"));
  expect(await page.evaluate(() => globalThis.isAppHere)).toBe(true);
  expect(await page.locator("script").count(), "the page's own").toBe(3);
  expect(await page.locator("link").count(), "the page's own").toBe(1);
  const { loader, glue } = builtFiles();
  for (const file of [loader, glue])
    expect(readFileSync(`dist/${file}`, "utf8")).not.toMatch(
      /\bimport\s*\(|import\.meta|\bexport\b/,
    );
  expect(consoleMessages).toEqual([]);
});

test("relative endpoints are relative to <base>, also in srcdoc", async ({
  page,
  site,
  gateway,
}) => {
  site.route("/proxied/api/v1/", async ({ url }, response) => {
    const reply = await fetch(gateway.url + url.replace("/proxied", ""));
    response.writeHead(reply.status, { "Content-Type": "application/json" });
    response.end(await reply.text());
  });
  const script = `<script src="${gateway.url}/zulip-presence.js" async data-endpoint="api/v1"></script>`;
  const base = `<base href="${site.origin}/proxied/">`;
  await page.goto(site.page(ADA, base + script));
  await lives(page.locator("zulip-presence"));

  const inner = `<!doctype html>${script}${ADA}`.replaceAll('"', "&quot;");
  await page.goto(site.page(`<iframe srcdoc="${inner}"></iframe>`, base));
  await lives(page.frameLocator("iframe").locator("zulip-presence"));
});

// Other documents.

test("a badge that is moved to an iframe, or to a popup, and back keeps style and status", async ({
  page,
  site,
  tag,
}) => {
  const size = (element) => {
    const svg = element.shadowRoot.querySelector("svg");
    return { width: svg.getBoundingClientRect().width, fill: getComputedStyle(svg).fill };
  };
  await page.goto(site.page(`<main>${ADA}</main><iframe></iframe>`, tag()));
  const badge = page.locator("zulip-presence");
  await lives(badge);
  const before = await badge.evaluate(size);
  const handle = await badge.elementHandle();

  await handle.evaluate((element) =>
    document.querySelector("iframe").contentDocument.body.append(element),
  );
  expect(await handle.evaluate(size)).toEqual(before);
  const popup = page.waitForEvent("popup");
  await page.evaluate(() => void (globalThis.popup = open("about:blank", "", "popup")));
  await popup;
  await handle.evaluate((element) => popup.document.body.append(element));
  expect(await handle.evaluate(size)).toEqual(before);
  await expect.poll(() => handle.evaluate((element) => element.status)).toMatch(KNOWN);
  await handle.evaluate((element) => document.querySelector("main").append(element));
  expect(await handle.evaluate(size)).toEqual(before);
  await lives(badge);
});

test("a badge that first appears in a popup is requested and drawn", async ({
  page,
  site,
  tag,
}) => {
  await page.goto(site.page("", tag()));
  await page.waitForFunction(() => customElements.get("zulip-presence"));
  const popup = page.waitForEvent("popup");
  const badge = await page.evaluateHandle(() => {
    const badge = document.createElement("zulip-presence");
    badge.setAttribute("user", "12");
    open("about:blank", "", "popup").document.body.append(badge);
    return badge;
  });
  await popup;
  await expect.poll(() => badge.evaluate(({ status }) => status)).toMatch(KNOWN);
  await expect
    .poll(() => badge.evaluate((badge) => badge.shadowRoot.querySelector("svg").dataset.status))
    .toMatch(KNOWN);
});

for (const [what, add, close] of [
  ["popup", () => (globalThis.other = open("about:blank", "", "popup")), () => other.close()],
  [
    "frame",
    () =>
      (globalThis.other = document.body.appendChild(
        document.createElement("iframe"),
      ).contentWindow),
    () => document.querySelector("iframe").remove(),
  ],
])
  test(`nobody is asked about for the badges of a ${what} that is gone`, async ({
    page,
    site,
    tag,
    presenceRequests,
  }) => {
    await page.clock.install();
    await page.addInitScript(nameTimers);
    await page.goto(site.page("<p>A page</p>", tag(`data-live="off"`)));
    await page.waitForFunction(() => globalThis.zulipPresence?.get);
    await page.evaluate(add);
    await page.evaluate(() => {
      globalThis.badge = document.createElement("zulip-presence");
      badge.setAttribute("user", "12");
      other.document.body.append(badge);
    });
    const status = () => page.evaluate(() => badge.status);
    await expect.poll(status).toMatch(KNOWN);
    await page.clock.runFor(35_000);
    await expect.poll(() => presenceRequests.length).toBeGreaterThan(1);
    await page.evaluate(close);
    await page.clock.runFor(35_000);
    const before = presenceRequests.length;
    await page.clock.runFor(300_000);
    expect(presenceRequests).toHaveLength(before);
    // It may come back.
    await page.evaluate(() => void document.body.append(badge));
    await expect.poll(status).toMatch(KNOWN);
    await page.clock.runFor(35_000);
    await expect.poll(() => presenceRequests.length).toBeGreaterThan(before);
  });

// Frameworks.

test("properties mirror attributes", async ({ page, site, tag, presenceRequests }) => {
  await page.goto(site.page("", tag()));
  await page.waitForFunction(() => customElements.get("zulip-presence"));
  const badge = page.locator("zulip-presence");
  await page.evaluate(() => {
    const badge = document.createElement("zulip-presence");
    Object.assign(badge, { user: 12, name: "Ada", label: "status", details: true, overlay: false });
    document.body.append(badge);
  });
  await lives(badge);
  expect(await badge.evaluate((element) => element.outerHTML)).toBe(
    `<zulip-presence user="12" name="Ada" label="status" details=""></zulip-presence>`,
  );
  const properties = await badge.evaluate(({ user, name, label, details, overlay, endpoint }) => [
    ...[user, name, label, details, overlay, endpoint],
  ]);
  expect(properties).toEqual(["12", "Ada", "status", true, false, ""]);
  await badge.evaluate((element) => Object.assign(element, { name: null, details: false }));
  expect(await badge.evaluate((element) => element.getAttributeNames())).toEqual(["user", "label"]);
  expect(presenceRequests.map(people)).toEqual([["12"]]);
});

test("properties set before the script is there count, and equal ones write nothing", async ({
  page,
  site,
  gateway,
}) => {
  await page.goto(site.page(`<zulip-presence name="Ada"></zulip-presence>`));
  await page.evaluate((src) => {
    const badge = document.querySelector("zulip-presence");
    Object.assign(badge, { user: 12, name: "Ada" });
    globalThis.records = [];
    new MutationObserver((records) => globalThis.records.push(...records)).observe(badge, {
      attributes: true,
    });
    const script = document.createElement("script");
    script.src = src;
    document.head.append(script);
  }, `${gateway.url}/zulip-presence.js`);
  await lives(page.locator("zulip-presence"));
  expect(await page.evaluate(() => records.map(({ attributeName }) => attributeName))).toEqual([
    "user",
  ]);
});

test("an email as it was copied names the person", async ({
  page,
  site,
  tag,
  presenceRequests,
  consoleMessages,
}) => {
  const copied = [
    "\u200bada@example.com\ufeff",
    "mailto:ada@example.com",
    "Ada Lovelace &lt;ada@example.com&gt;",
    "“ada@example.com”",
    " ADA@example.com ",
  ];
  const body = copied.map((user) => `<zulip-presence user="${user}">Ada</zulip-presence>`).join("");
  await page.goto(site.page(body, tag()));
  await expect.poll(() => presenceRequests.length).toBe(1);
  expect(people(presenceRequests[0])).toEqual(["ada@example.com"]);
  expect(consoleMessages).toEqual([]);
  await page.evaluate(() =>
    document
      .querySelector("zulip-presence")
      .setAttribute("user", "ada@example.com, bob@example.com"),
  );
  await expect.poll(() => consoleMessages.length).toBe(1);
  expect(consoleMessages[0]).toContain("ada@example.com, bob@example.com");
});

// Clicks and links.

test("a press of a badge inside a link or a card follows no link", async ({ page, site, tag }) => {
  const body = `<div id="card"><a href="#followed"><zulip-presence user="12" details>Ada</zulip-presence></a></div>`;
  await page.goto(site.page(body, tag()));
  const badge = page.locator("zulip-presence");
  await lives(badge);
  await page.evaluate(() => {
    globalThis.clicks = 0;
    document.querySelector("#card").onclick = () => clicks++;
  });
  await badge.getByRole("button").click();
  await expect(details(badge)).toBeVisible();
  await details(badge).click();
  await badge.getByRole("button").press("Enter");
  await badge.getByRole("button").press("Space");
  expect(await page.evaluate(() => [location.hash, clicks])).toEqual(["", 0]);
  await badge.getByText("Ada").click();
  expect(await page.evaluate(() => [location.hash, clicks])).toEqual(["#followed", 1]);
});

test("with data-zulip the popover links to a direct message, by pointer and by keyboard", async ({
  page,
  site,
  tag,
  consoleMessages,
}) => {
  const chat = `${site.origin}/chat`;
  site.route("/chat/", (_, response) => {
    response.setHeader("content-type", "text/html");
    // An icon, so that the browser requests none.
    response.end(`<link rel="icon" href="data:,">Zulip`);
  });
  const body = `<p lang="de"><zulip-presence user="12" name="Ada" details>Ada</zulip-presence></p><p><zulip-presence user="ada@example.com" details>Ada</zulip-presence></p><button>Next</button>`;
  await page.goto(site.page(body, tag(`data-zulip="${chat}"`)));
  const [badge, byEmail] = await page.locator("zulip-presence").all();
  await lives(badge);
  const link = badge.getByRole("link");
  await page.keyboard.press("Tab");
  await expect(badge.getByRole("button")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(link).toHaveText("Nachricht auf Zulip");
  await expect(link).toHaveAttribute("href", `${chat}/#narrow/dm/12`);
  await expect(badge.getByRole("group", { name: /^Ada: / })).toBeVisible();
  await expect(badge.getByRole("button")).toHaveAccessibleDescription(/^(?!.*Nachricht).+/);

  await page.keyboard.press("Tab");
  await expect(link).toBeFocused();
  await expect(details(badge), "the focus is still in it").toBeVisible();
  await page.keyboard.press("Escape");
  await expect(details(badge)).toBeHidden();
  await expect(badge.getByRole("button")).toBeFocused();
  await page.keyboard.press("Enter");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Tab");
  await expect(details(badge), "the focus left").toBeHidden();

  await byEmail.getByRole("button").click();
  await expect(details(byEmail)).toBeVisible();
  await expect(byEmail.getByRole("tooltip")).toBeVisible();
  await expect(byEmail.getByRole("link")).toHaveCount(0);
  await badge.getByRole("button").hover();
  await link.click();
  await page.waitForURL(`${chat}/#narrow/dm/12`);
  expect(consoleMessages).toEqual([]);
});

// Marked elements.

test("marked elements inside an editor are left alone, and get a badge when it ends", async ({
  page,
  site,
  tag,
}) => {
  const text = `<p id="one" data-zulip-presence="12">Ada</p>`;
  await page.goto(
    site.page(
      `<div contenteditable>${text}</div><p id="two" data-zulip-presence="12">Ada</p>`,
      tag("data-scan"),
    ),
  );
  const editor = page.locator("div");
  await lives(page.locator("#two zulip-presence"));
  expect(await editor.innerHTML()).toBe(text);
  await editor.evaluate((element) => (element.contentEditable = "false"));
  await lives(page.locator("#one zulip-presence"));
  await editor.evaluate((element) => (element.contentEditable = "plaintext-only"));
  await expect.poll(() => editor.innerHTML()).toBe(text);
});

test("a marked element gets its badge back, the same one, with its status", async ({
  page,
  site,
  tag,
}) => {
  await page.goto(site.page(`<p data-zulip-presence="12">Ada</p>`, tag("data-scan")));
  const badge = page.locator("p > zulip-presence");
  await lives(badge);
  for (const replace of [
    (p) => p.querySelector("zulip-presence").remove(),
    (p) => (p.textContent = "Ada"),
    (p) => (p.innerHTML = "<b>Ada</b>"),
    (p) => p.replaceChildren(),
  ]) {
    const seen = await page.locator("p").evaluate(async (p, replace) => {
      const badge = p.querySelector("zulip-presence");
      const { status } = badge;
      (0, eval)(replace)(p);
      await new Promise((resolve) => setTimeout(resolve));
      return p.lastChild === badge && badge.status === status && status;
    }, replace.toString());
    expect(seen).toMatch(KNOWN);
  }
});

test("whoever takes a badge away again and again is not fought", async ({ page, site, tag }) => {
  await page.goto(site.page(`<p data-zulip-presence="12">Ada</p>`, tag("data-scan")));
  await lives(page.locator("p > zulip-presence"));
  await page.evaluate(() => {
    globalThis.removals = 0;
    const p = document.querySelector("p");
    new MutationObserver(() => {
      const badge = p.querySelector("zulip-presence");
      if (badge) removals++;
      badge?.remove();
    }).observe(p, { childList: true });
    p.append("!");
  });
  await expect(page.locator("p > zulip-presence")).toHaveCount(0);
  // Time for the two scripts to keep undoing each other's changes.
  await page.waitForTimeout(500);
  expect(await page.evaluate(() => removals)).toBeLessThanOrEqual(10);
  await expect(page.locator("p")).toHaveText("Ada!");
});

test("a mark cannot send readers to another server", async ({ page, site, tag, open }) => {
  const requests = [];
  page.on("request", (request) => requests.push(request.url()));
  const body = `<p data-zulip-presence="12" data-zulip-presence-endpoint="${open.url}/api/v1">Ada</p>`;
  await page.goto(site.page(body, tag("data-scan")));
  await lives(page.locator("zulip-presence"));
  expect(requests.filter((url) => url.startsWith(open.url))).toEqual([]);
});

// Many.

test("of 5,000 people about 50 get a badge, and all whose group was asked have their status", async ({
  page,
  site,
  gateway,
  tag,
}) => {
  const ids = EVERYBODY.map(({ id }) => id);
  const cards = Array.from(
    { length: 5_000 },
    (_, at) =>
      `<p style="height: 80px; margin: 0"><zulip-presence user="${ids[at] ?? 100_000 + at}">P</zulip-presence></p>`,
  );
  await page.setViewportSize({ width: 800, height: 50 * 80 - 400 });
  await page.goto(site.page(cards.join(""), tag()));
  await lives(page.locator("zulip-presence").first());
  const count = () =>
    page.evaluate(() => {
      const all = [...document.querySelectorAll("zulip-presence")];
      const drawn = all.filter(({ shadowRoot }) => shadowRoot);
      return {
        drawn: drawn.length,
        // Yew's icon has a size of its own, the loader's has none.
        mounted: drawn.filter(({ shadowRoot }) => shadowRoot.querySelector("svg[width]")).length,
        known: all.filter(({ status }) => status !== "unknown").length,
      };
    });
  // Some of the demo's people sometimes have no data.
  const answered = async () =>
    Object.values((await presences(gateway, ids)).presences).filter(
      (presence) => Object.keys(presence).length,
    ).length;
  await expect(async () => expect((await count()).known).toBe(await answered())).toPass();
  const { drawn, mounted } = await count();
  expect(drawn).toBe(100);
  // 3,600 px and 200 more, in cards of 80 px.
  expect(mounted).toBeGreaterThanOrEqual(45);
  expect(mounted).toBeLessThanOrEqual(50);
  await page.evaluate(() => scrollTo(0, 80 * 2_500));
  await expect
    .poll(() =>
      page
        .locator("zulip-presence")
        .nth(2_510)
        .evaluate(({ shadowRoot }) => !!shadowRoot),
    )
    .toBe(true);
  expect((await count()).drawn).toBeLessThan(100 + 60);
});

test("the markup of a page is the same before and after", async ({ page, site, tag }) => {
  const body = `<main>${ADA}<zulip-presence user="17" overlay details label="last-active">${PICTURE}</zulip-presence><zulip-presence></zulip-presence></main>`;
  const url = site.page(body, tag());
  await page.route("**/zulip-presence.js", (route) => route.abort());
  await page.goto(url);
  const markup = () => page.evaluate(() => document.documentElement.outerHTML);
  const before = await markup();
  await page.unroute("**/zulip-presence.js");
  await page.goto(url);
  for (const badge of await page.locator("[user]").all()) await lives(badge);
  await page.locator("[user='17']").getByRole("button").click();
  expect(await markup()).toBe(before);
});
