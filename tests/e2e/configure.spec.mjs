// The configurator: live badges, the code for each place, error messages, keyboard, phones, and its address.

import { readFile } from "node:fs/promises";
import { transform } from "esbuild";
import { KNOWN, expect, test as shared } from "./fixtures.mjs";
import { Gateway } from "./gateway.mjs";

/** Characters that are syntax in some format, and one that changes the direction of text. */
const HOSTILE = `<b>"A" & \\'B' {{c}} [d](e) *f* |=\u202e`;
const GATEWAY = "https://presence.example.com/team";
const TARGETS = [
  ...["HTML", "Wiki, CMS", "MediaWiki", "DokuWiki"],
  ...["Markdown", "React", "Vue", "Yew"],
];

const test = shared.extend({
  /** The page, with the gateway of its own. */
  form: async ({ page, gateway }, use) => {
    await page.setViewportSize({ width: 1280, height: 1600 });
    await page.goto(`${gateway.url}/configure.html`);
    await expect(page.locator(".live zulip-presence").first()).toHaveStatus(KNOWN);
    await use({
      gateway: page.getByLabel("Where is your gateway?"),
      people: page.getByLabel("Whom do you want to show?"),
      zulip: page.getByLabel("Where is your Zulip?"),
      site: page.getByLabel("On which site?"),
      details: page.getByRole("checkbox", { name: "A popover" }),
      choose: async (...names) => {
        for (const name of names) await page.getByRole("radio", { name, exact: true }).check();
      },
      /** The gateway is requested when its field loses the focus or Enter is pressed. */
      connect: async (address) => {
        await page.getByLabel("Where is your gateway?").fill(address);
        await page.getByLabel("Where is your gateway?").press("Enter");
      },
      badges: page.locator(".live zulip-presence"),
      code: () => page.locator(".steps code").allTextContents(),
      notes: page.locator(".notes"),
      complaint: (of) => page.locator(`#${of}-complaint`),
    });
  },

  /** A gateway that does not exist: no request leaves this machine. */
  elsewhere: async ({ page }, use) => {
    await page.route(/^https?:\/\/[^/]*example\.com\//, (route) => route.abort());
    await use(GATEWAY);
  },
});

test("the badges are live, as the form has them", async ({ page, form, consoleMessages }) => {
  for (const [index, status] of ["active", "idle", "offline"].entries())
    await expect(form.badges.nth(index)).toHaveStatus(status);
  await expect(form.badges.first()).toHaveText("Ines Fonseca");

  await form.choose("Status");
  await expect(form.badges.first()).toHaveText(/Active now/);
  await form.details.check();
  await form.choose("On the picture");
  await expect(form.badges.first()).toHaveAttribute("overlay");
  await expect(page.locator(".live .person b")).toHaveText([
    ...["Ines Fonseca", "Jonas Lindqvist", "Meera Pillai", "Ada Lovelace"],
  ]);
  await form.badges.first().getByRole("button", { name: "Ines Fonseca: Active" }).click();
  await expect(form.badges.first().locator("[part=details]")).toBeVisible();

  await form.people.fill("3002 Somebody");
  await expect(form.badges).toHaveCount(1);
  await expect(form.badges).toHaveStatus("idle");
  expect(consoleMessages).toEqual([]);
});

test("the page works under the strictest policy", async ({ page, gateway, consoleMessages }) => {
  const policy =
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; connect-src 'self'; img-src data:; require-trusted-types-for 'script'; trusted-types zulip-presence; base-uri 'none'; form-action 'none'";
  await page.route("**/configure.html", async (route) => {
    const response = await route.fetch();
    await route.fulfill({
      response,
      headers: { ...response.headers(), "content-security-policy": policy },
    });
  });
  await page.goto(`${gateway.url}/configure.html`);
  await expect(page.locator(".live zulip-presence").first()).toHaveStatus("active");
  await page.getByLabel("On the picture").check();
  await expect(page.locator(".live .avatar").first()).toHaveText("IF");
  await expect(page.locator(".steps code")).toHaveCount(2);
  expect(consoleMessages).toEqual([]);
});

const IN_REACT = `<zulip-presence user="12" name={${JSON.stringify(HOSTILE)}} label="status" details>{${JSON.stringify(HOSTILE)}}</zulip-presence>
      <zulip-presence user="ada+x@example.com" label="status" details></zulip-presence>`;
const IN_RUST = `"<b>\\"A\\" & \\\\'B' {{c}} [d](e) *f* |=\\u{202e}"`;
const IN_HTML = "&lt;b&gt;&quot;A&quot; &amp; \\'B' {{c}} [d](e) *f* |=\u202e";
const IN_VUE = IN_HTML.replaceAll("{", "&#123;");
const IN_WIKITEXT =
  "&#60;b&#62;&#34;A&#34; &#38; &#92;&#39;B&#39; &#123;&#123;c&#125;&#125; &#91;d&#93;&#40;e&#41; &#42;f&#42; &#124;&#61;&#8238;";
const IN_MARKDOWN = `\\<b\\>"A" \\& \\\\'B' \\{\\{c\\}\\} \\[d\\](e) \\*f\\* \\|\\=\u202e`;

for (const [target, expected] of [
  [
    "HTML",
    [
      `<script src="${GATEWAY}/zulip-presence.js" async data-zulip="https://chat.example.com"></script>`,
      `<zulip-presence user="12" name="${IN_HTML}" label="status" details>${IN_HTML}</zulip-presence>
<zulip-presence user="ada+x@example.com" label="status" details></zulip-presence>`,
    ],
  ],
  [
    "Wiki, CMS",
    [
      `<script src="${GATEWAY}/zulip-presence.js" async data-scan data-zulip="https://chat.example.com"></script>`,
      `<span data-zulip-presence="12" data-zulip-presence-name="${IN_HTML}" data-zulip-presence-label="status" data-zulip-presence-details>${IN_HTML}</span>
<span data-zulip-presence="ada+x@example.com" data-zulip-presence-label="status" data-zulip-presence-details></span>`,
    ],
  ],
  [
    "MediaWiki",
    [
      expect.stringContaining("script.setAttribute( 'data-zulip', 'https://chat.example.com' );"),
      expect.stringContaining("<includeonly>"),
      `{{Zulip presence|12|${IN_WIKITEXT}|label=status}}
{{Zulip presence|ada&#43;x@example.com|label=status}}`,
    ],
  ],
  [
    "DokuWiki",
    [GATEWAY, "https://chat.example.com", "{{zulip>ada+x@example.com?label=status&details}}"],
  ],
  [
    "Markdown",
    [
      `${IN_MARKDOWN} ![Zulip status of ${IN_MARKDOWN}](${GATEWAY}/users/12/presence.svg)
![Zulip status](${GATEWAY}/users/ada%2Bx%40example.com/presence.svg)`,
    ],
  ],
  [
    "React",
    [
      `import { zulipPresence } from "zulip-presence/react";

zulipPresence.configure({ endpoint: "${GATEWAY}/api/v1", zulip: "https://chat.example.com" });

export function Team() {
  return (
    <>
      ${IN_REACT}
    </>
  );
}`,
    ],
  ],
  [
    "Vue",
    [
      `vue({ template: { compilerOptions: { isCustomElement: (tag) => tag === "zulip-presence" } } })`,
      `<script setup>
import { zulipPresence } from "zulip-presence/vue";

zulipPresence.configure({ endpoint: "${GATEWAY}/api/v1", zulip: "https://chat.example.com" });
</script>

<template>
  <zulip-presence user="12" name="${IN_VUE}" label="status" details>${IN_VUE}</zulip-presence>
  <zulip-presence user="ada+x@example.com" label="status" details></zulip-presence>
</template>`,
    ],
  ],
  [
    "Yew",
    [
      `use yew::prelude::*;
use zulip_presence_widget::{Label, PresenceBadge, PresenceProvider};

#[function_component]
fn Team() -> Html {
    html! {
        <PresenceProvider endpoint="${GATEWAY}/api/v1" zulip="https://chat.example.com">
            <PresenceBadge user="12" name=${IN_RUST} label={Label::Status} details=true>{ ${IN_RUST} }</PresenceBadge>
            <PresenceBadge user="ada+x@example.com" label={Label::Status} details=true></PresenceBadge>
        </PresenceProvider>
    }
}`,
    ],
  ],
]) {
  test(`the code for ${target} is exact, and names stay text`, async ({ form, elsewhere }) => {
    await form.connect(`${elsewhere}/api/v1/`);
    await form.people.fill(`12 ${HOSTILE}\n\n ada+x@example.com`);
    await form.zulip.fill("https://chat.example.com/#narrow");
    await form.details.check();
    await form.choose("Status", target);
    expect(await form.code()).toEqual(expected);
  });
}

for (const [target, expected] of [
  [
    "HTML",
    `<zulip-presence user="12" overlay><img src="picture.jpg" alt="Ada"></zulip-presence>
<zulip-presence user="17" overlay><img src="picture.jpg" alt=""></zulip-presence>`,
  ],
  [
    "React",
    `      <zulip-presence user="12" overlay><img src="picture.jpg" alt="Ada" /></zulip-presence>
      <zulip-presence user="17" overlay><img src="picture.jpg" alt="" /></zulip-presence>`,
  ],
  [
    "Yew",
    `            <PresenceBadge user="12" overlay=true><img src="picture.jpg" alt="Ada" /></PresenceBadge>
            <PresenceBadge user="17" overlay=true><img src="picture.jpg" alt="" /></PresenceBadge>`,
  ],
]) {
  test(`the code for ${target} has pictures, and no text beside them`, async ({ form }) => {
    await form.people.fill("12 Ada\n17");
    await form.choose("On the picture", "Last active", target);
    expect((await form.code()).at(-1)).toContain(expected);
    await expect(form.notes).toContainText("Not possible here: the text beside the badge.");
    await expect(form.badges.first()).not.toHaveAttribute("label");
  });
}

test("without options the code is short", async ({ form, elsewhere }) => {
  await form.connect(`${elsewhere}/zulip-presence.js`);
  await form.people.fill("12 Ada Lovelace");
  const script = `<script src="${GATEWAY}/zulip-presence.js" async></script>`;
  const element = `<zulip-presence user="12">Ada Lovelace</zulip-presence>`;
  expect(await form.code()).toEqual([script, element]);
  await form.choose("MediaWiki");
  expect((await form.code()).at(-1)).toBe("{{Zulip presence|12|Ada Lovelace}}");
  await form.choose("DokuWiki");
  expect((await form.code()).at(-1)).toBe("{{zulip>12|Ada Lovelace}}");
  await form.choose("React");
  expect((await form.code()).at(-1)).toContain(`      ${element}\n`);
});

test("a name in Markdown never begins a list", async ({ form, elsewhere }) => {
  await form.connect(elsewhere);
  await form.people.fill("12 1. FC\n17 - Tomasz");
  await form.choose("Markdown");
  const written = ["1\\. FC", "\\- Tomasz"];
  expect(await form.code()).toEqual([
    `${written[0]} ![Zulip status of ${written[0]}](${GATEWAY}/users/12/presence.svg)
${written[1]} ![Zulip status of ${written[1]}](${GATEWAY}/users/17/presence.svg)`,
  ]);
});

test("the scripts for MediaWiki are those of integrations/", async ({ form, elsewhere }) => {
  await form.connect(elsewhere);
  await form.choose("MediaWiki");
  const files = ["Common.js", "Zulip-presence.wikitext"].map((name) =>
    readFile(`integrations/mediawiki/${name}`, "utf8"),
  );
  const [script, template] = (await Promise.all(files)).map((text) => text.trimEnd());
  const [shownScript, shownTemplate] = await form.code();
  expect(shownScript).toBe(script.replace("https://presence.example.com", elsewhere));
  expect(shownTemplate).toBe(template);
});

test("React shows names as they were written", async ({ form }) => {
  await form.people.fill(`12 ${HOSTILE}`);
  await form.details.check();
  await form.choose("React");
  const [text] = await form.code();
  const { code } = await transform(text, { loader: "jsx", format: "cjs", jsxFragment: "null" });
  const React = { createElement: (tag, props, ...children) => ({ tag, props, children }) };
  const exports = {};
  const require = () => ({ zulipPresence: { configure() {} } });
  new Function("module", "require", "React", code)(
    {
      set exports(all) {
        Object.assign(exports, Object.getOwnPropertyDescriptors(all));
      },
    },
    require,
    React,
  );
  const { children } = exports.Team.get()();
  expect(children).toEqual([
    {
      tag: "zulip-presence",
      props: { user: "12", name: HOSTILE, details: true },
      children: [HOSTILE],
    },
  ]);
});

for (const target of ["HTML", "Wiki, CMS"]) {
  test(`the code for ${target} works when it is pasted`, async ({
    page,
    site,
    form,
    consoleMessages,
  }) => {
    await form.people.fill(`3001 ${HOSTILE}\n3002 Jonas`);
    await form.details.check();
    await form.choose("Status", target);
    const [head, body] = await form.code();
    await page.goto(site.page(body, head));
    const badges = page.locator("zulip-presence");
    await expect(badges.nth(0)).toHaveStatus("active");
    await expect(badges.nth(1)).toHaveStatus("idle");
    await expect(badges).toHaveCount(2);
    await expect(badges.nth(0).getByRole("button")).toHaveAccessibleName(
      /^<b>"A" & .*: active now$/,
    );
    await expect(badges.nth(1)).toContainText("Idle");
    const first = page.locator("body > *").first();
    expect(await first.evaluate((element) => element.textContent)).toBe(HOSTILE);
    await expect(page.locator("b")).toHaveCount(0);
    expect(consoleMessages).toEqual([]);
  });
}

test("the picture for Markdown is the person's badge", async ({ form }) => {
  await form.people.fill("3002 Jonas");
  await form.choose("Markdown");
  const [, url] = /\]\((.*)\)/.exec((await form.code())[0]);
  const reply = await fetch(url);
  expect(reply.headers.get("content-type")).toBe("image/svg+xml");
  await expect.poll(async () => (await fetch(url)).text()).toContain("<title>Idle</title>");
});

test("lines without a user are complained about as in the console, and left out", async ({
  page,
  site,
  tag,
  form,
  consoleMessages,
}) => {
  const invalid = ["foo", "x@y@z", "12345678901", "<ada@example.com>/"];
  await form.people.fill(["12 Ada", ...invalid].join("\n"));
  await expect(form.badges).toHaveCount(1);
  expect((await form.code())[1]).toBe(`<zulip-presence user="12">Ada</zulip-presence>`);
  await expect(form.people).toHaveAttribute("aria-invalid", "true");
  const complaint = await form.complaint("people").textContent();
  await form.people.fill(" ");
  await expect(form.complaint("people")).toHaveText(
    "Write a user ID or an email into the first line.",
  );
  expect(await form.code()).toEqual([]);
  await form.people.fill("12");
  await expect(form.complaint("people")).toHaveText("");
  await expect(form.people).toHaveAttribute("aria-invalid", "false");
  expect(consoleMessages).toEqual([]);

  for (const [index, line] of complaint.split("\n").entries()) {
    consoleMessages.length = 0;
    await page.goto(site.page("", tag()));
    await page.evaluate((user) => {
      const badge = document.createElement("zulip-presence");
      badge.setAttribute("user", user);
      document.body.append(badge);
    }, invalid[index]);
    await expect.poll(() => consoleMessages.length).toBe(1);
    expect(
      `Line ${index + 2}: ${consoleMessages[0].replace("warning: zulip-presence: ", "")}`,
    ).toBe(line);
  }
  expect(complaint.split("\n")).toHaveLength(invalid.length);
});

for (const [what, answer] of [
  ["that does not answer", (request, response) => response.destroy()],
  [
    "that is none",
    (request, response) =>
      response.writeHead(404, { "Access-Control-Allow-Origin": "*" }).end("Not here"),
  ],
]) {
  test(`a gateway ${what} is complained about as in the console`, async ({
    page,
    site,
    tag,
    form,
    consoleMessages,
  }) => {
    const address = site.route(`/${what.replaceAll(" ", "-")}`, answer);
    await form.connect(address);
    await expect(form.complaint("gateway")).toHaveText(/^zulip-presence: /);
    const complaint = await form.complaint("gateway").textContent();
    await expect(form.badges.first()).toHaveStatus("unknown");
    // Shown once, not again below the badges.
    await expect.poll(() => consoleMessages.join("\n")).toContain(complaint);
    await expect(form.complaint("console")).toHaveText("");

    consoleMessages.length = 0;
    const badge = `<zulip-presence user="12"></zulip-presence>`;
    await page.goto(site.page(badge, tag(`data-endpoint="${address}/api/v1"`)));
    await expect.poll(() => consoleMessages).toContain(`warning: ${complaint}`);
  });
}

test("a gateway that does not allow this page says how to, and a second one too", async ({
  gateway,
  form,
}) => {
  const refusing = await new Gateway().start();
  const allowing = await new Gateway(["--allow-origin", gateway.url]).start();
  const complaint = form.complaint("gateway");
  await form.connect(refusing.url);
  await expect(complaint).toHaveText(
    `The gateway runs, but does not allow pages of ${gateway.url}, as this one is. Start it with --allow-origin ${gateway.url}.`,
  );
  await expect(form.badges.first()).toHaveStatus("unknown");
  await form.connect(allowing.url);
  await expect(complaint).toHaveText("");
  await expect(form.badges.first()).toHaveStatus("active");
  await expect(form.notes).toContainText("The gateway is not the one that serves this page.");
  await form.connect(refusing.url);
  await expect(complaint).toHaveText(/^The gateway runs/);
  await refusing.kill();
  await allowing.kill();
});

test("a gateway that Zulip does not answer is told apart", async ({ site, form }) => {
  const address = site.route("/without-zulip", (request, response) =>
    response.writeHead(503, { "Access-Control-Allow-Origin": "*" }).end("{}"),
  );
  await form.connect(address);
  await expect(form.complaint("gateway")).toHaveText(
    "The gateway has no answer from Zulip. Its log says why.",
  );
});

test("an http gateway on an https page is complained about", async ({ form, elsewhere }) => {
  await form.connect(elsewhere.replace("https:", "http:"));
  await form.site.fill("http://wiki.example.com");
  await expect(form.complaint("gateway")).not.toContainText("mixed content");
  await form.site.fill("https://wiki.example.com");
  await expect(form.complaint("gateway")).toContainText("mixed content");
  // Browsers trust this machine.
  await form.connect("http://127.0.0.1:1");
  await expect(form.complaint("gateway")).not.toContainText("mixed content");
});

test("addresses that are none are complained about, and there is no code without a gateway", async ({
  form,
}) => {
  for (const address of ["", "presence.example.com", "ftp://a.example", "https://u:p@a.example"]) {
    await form.connect(address);
    await expect(form.complaint("gateway")).toHaveText(
      "The address of the gateway must be an http or https URL like https://presence.example.com.",
    );
    expect(await form.code()).toEqual([]);
    await expect(form.badges).toHaveCount(0);
  }
  await form.zulip.fill("chat");
  await expect(form.complaint("zulip")).toContainText("https://chat.example.com");
  await form.site.fill("wiki");
  await expect(form.complaint("page")).toContainText("https://wiki.example.com");
});

test("a page of another site needs an option of the gateway", async ({ gateway, form }) => {
  const option = "--allow-origin https://wiki.example.com:8443";
  await form.site.fill("https://Wiki.example.com:8443/team/page?x=1");
  expect((await form.code()).at(-1)).toBe(option);
  await form.choose("Markdown");
  expect(await form.code()).toHaveLength(1);
  await form.choose("Yew");
  expect((await form.code()).at(-1)).toBe(option);
  await form.site.fill(`${gateway.url}/team`);
  expect(await form.code()).toHaveLength(1);
});

test("what a place cannot show is said, and not shown", async ({ form }) => {
  await form.details.check();
  await form.choose("On the picture", "Status", "MediaWiki");
  await expect(form.notes).toContainText(
    "Not possible here: the badge on the picture, the popover.",
  );
  await expect(form.badges.first()).toHaveText(/Active now/);
  await expect(form.badges.first()).not.toHaveAttribute("details");
  await form.people.fill("12 A } B\na?b@example.com\n17 Tomasz");
  await form.choose("DokuWiki");
  expect((await form.code()).at(-1)).toBe("{{zulip>17?label=status&details|Tomasz}}");
  await expect(form.complaint("people")).toHaveText(/^Line 1: DokuWiki.*\nLine 2: DokuWiki/);
});

test("whatever else the widget says in the console stands below the badges", async ({
  page,
  gateway,
}) => {
  await page.route("**/*.wasm*", (route) => route.abort());
  await page.goto(`${gateway.url}/configure.html`);
  await expect(page.locator("#console-complaint")).toHaveText(
    /^zulip-presence: badges stay unknown, as .* did not load/,
  );
});

test("all is done by keyboard, and copying is announced", async ({ page, context, form }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await form.gateway.focus();
  const tab = () => page.keyboard.press("Tab");
  await tab();
  await expect(form.people).toBeFocused();
  await page.keyboard.press("ControlOrMeta+A");
  await page.keyboard.type("3002 Jonas");
  await tab();
  await expect(page.getByRole("radio", { name: "After the name" })).toBeFocused();
  await tab();
  await expect(page.getByRole("radio", { name: "None" })).toBeFocused();
  await page.keyboard.press("ArrowRight");
  await tab();
  await page.keyboard.press("Space");
  await tab();
  await expect(form.zulip).toBeFocused();
  await tab();
  await page.keyboard.press("ArrowRight");
  await expect(page.getByRole("radio", { name: "Wiki, CMS" })).toBeChecked();
  await tab();
  await expect(form.site).toBeFocused();
  await tab();
  await expect(form.badges.getByRole("button")).toBeFocused();
  await page.keyboard.press("Enter");
  await expect(form.badges.locator("[part=details]")).toBeVisible();
  await page.keyboard.press("Escape");
  await tab();
  await expect(page.getByRole("button", { name: "Copy: In the head of every page" })).toBeFocused();
  await tab();
  await expect(page.locator(".steps pre").first()).toBeFocused();
  await tab();
  const announced = page.locator("#copied");
  await expect(announced).toHaveRole("status");
  await expect(announced).toHaveText("");
  await page.keyboard.press("Enter");
  await expect(announced).toHaveText("Copied: Where each name stands");
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(
    `<span data-zulip-presence="3002" data-zulip-presence-name="Jonas" data-zulip-presence-label="status" data-zulip-presence-details>Jonas</span>`,
  );
  await tab();
  await expect(announced).toHaveText("");
});

test("where the clipboard is closed, the code is selected", async ({ page, form }) => {
  await page.evaluate(() => {
    navigator.clipboard.writeText = () => Promise.reject(new DOMException("no", "NotAllowedError"));
  });
  await page.getByRole("button", { name: "Copy: In the head of the page" }).click();
  await expect(page.locator("#copied")).toHaveText(/^Selected/);
  const selected = await page.evaluate(() => getSelection().toString());
  expect(selected).toBe((await form.code())[0]);
});

test("focus stays on a button while the gateway is checked", async ({ page, site, form }) => {
  let answer;
  const held = new Promise((resolve) => (answer = resolve));
  const address = site.route("/slow", async (request, response) => {
    await held;
    response.writeHead(503, { "Access-Control-Allow-Origin": "*" }).end("{}");
  });
  const asked = page.waitForRequest(`${address}/**`);
  await form.connect(address);
  await asked;
  const button = page.getByRole("button", { name: "Copy: In the head of the page" });
  await button.focus();
  answer();
  await expect(form.complaint("gateway")).not.toHaveText("");
  await expect(button).toBeFocused();
});

test("nothing is wider than the narrowest phone", async ({ page, gateway, elsewhere }) => {
  await page.setViewportSize({ width: 320, height: 640 });
  await page.goto(`${gateway.url}/configure.html`);
  await page.getByLabel("Where is your gateway?").fill(`${elsewhere}/${"long".repeat(30)}`);
  await page.getByLabel("On which site?").fill(`https://${"wiki.".repeat(20)}example.com`);
  await page
    .getByLabel("Whom do you want to show?")
    .fill(`12 ${"Ada".repeat(40)}\n${"line".repeat(40)}`);
  for (const target of TARGETS) {
    await page.getByRole("radio", { name: target, exact: true }).check();
    for (const place of ["After the name", "On the picture"]) {
      await page.getByLabel(place).check();
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(320);
    }
  }
});

test("a link that names another gateway runs nothing of it", async ({ page, gateway, site }) => {
  const address = site.route("/another", (request, response) =>
    response
      .writeHead(404, { "Access-Control-Allow-Origin": "*", "Content-Type": "text/javascript" })
      .end("document.body.remove()"),
  );
  const types = new Set();
  page.on("request", (request) => {
    if (request.url().startsWith(address)) types.add(request.resourceType());
  });
  await page.setViewportSize({ width: 1280, height: 1600 });
  await page.goto(`${gateway.url}/configure.html#gateway=${encodeURIComponent(address)}`);
  await expect(page.locator("#gateway-complaint")).toContainText("what answers is neither");
  await expect(page.locator(".notes")).toContainText("name it only if you trust it");
  await expect(page.locator(".steps code").first()).toContainText(`src="${address}/`);
  expect([...types]).toEqual(["fetch"]);
});

test("the address holds the form, but nothing that is invalid", async ({ page, gateway, form }) => {
  const allowing = await new Gateway(["--allow-origin", gateway.url]).start();
  expect(new URL(page.url()).hash).toBe("");
  await form.people.fill(`3002 ${HOSTILE}\nnot-a-user secret`);
  await form.zulip.fill("https://bot:secret@chat.example.com");
  await form.site.fill("https://wiki.example.com/?token=secret");
  await form.connect(`${allowing.url}/?key=secret`);
  await form.details.check();
  await form.choose("Last active", "React");
  const code = await form.code();
  expect(page.url()).not.toContain("secret");

  await page.reload();
  await expect(form.badges).toHaveStatus("idle");
  expect(await form.code()).toEqual(code);
  await expect(form.gateway).toHaveValue(allowing.url);
  await expect(form.people).toHaveValue(`3002 ${HOSTILE}`);

  await page.goto(`${gateway.url}/configure.html#label=loud&target=yew&elements=x&people=3003`);
  await expect(form.badges).toHaveStatus("offline");
  await expect(form.gateway).toHaveValue(gateway.url);
  await expect(page.getByRole("radio", { name: "None" })).toBeChecked();
  await expect(page.getByRole("radio", { name: "Yew" })).toBeChecked();
  await expect(page.getByRole("checkbox")).not.toBeChecked();
  await allowing.kill();
});
