// The script tag in Firefox with the real gateway: what the Playwright suite tests in Chromium, where browsers may differ.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { Gateway } from "../e2e/gateway.mjs";
import { Site } from "../e2e/site.mjs";
import { Firefox, KEYS } from "./firefox.mjs";

const EVERYBODY = readFileSync("zulip-simulator/demo-people.tsv", "utf8")
  .trimEnd()
  .split("\n")
  .slice(1)
  .map((row) => row.split("\t")[0]);

const PIXEL =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' width='40' height='40'/%3E";

let site, gateway, firefox;

before(async () => {
  site = await new Site().start();
  gateway = await new Gateway(["--allow-origin", site.origin]).start();
  firefox = await new Firefox().start();
  console.log(firefox.version);
  // Before all scripts of a page: records console messages, uncaught errors and policy violations.
  site.route("/console-messages.js", (_, response) => {
    response.writeHead(200, { "Content-Type": "text/javascript" });
    response.end(`
      globalThis.consoleMessages = [];
      for (const level of ["log", "info", "warn", "error"])
        console[level] = (...parts) => consoleMessages.push(level + ": " + parts.join(" "));
      addEventListener("error", ({ message }) => consoleMessages.push("uncaught: " + message));
      addEventListener("unhandledrejection", ({ reason }) => consoleMessages.push("uncaught: " + reason));
      addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        consoleMessages.push("policy: " + violatedDirective + " " + blockedURI));`);
  });
});

after(async () => {
  await firefox?.stop();
  await gateway?.kill();
  await site?.stop();
});

const tag = (settings = "") =>
  `<script src="/console-messages.js"></script><script src="${gateway.url}/zulip-presence.js" async ${settings}></script>`;

/** A test that must leave no console message. */
const silently = (name, body) =>
  test(name, async () => {
    await body();
    assert.deepEqual(await firefox.run(() => consoleMessages), []);
  });

const open = (body, head = tag()) => firefox.open(site.page(body, head));

const known = (count) =>
  firefox.until(
    (count) =>
      document.querySelectorAll("zulip-presence:is(:state(active), :state(idle), :state(offline))")
        .length === count,
    count,
  );

/** The status that the gateway gives, if it will not change within a minute. */
function stableStatus({ active_timestamp, idle_timestamp }, now) {
  const [active, idle] = [now - active_timestamp, now - idle_timestamp];
  if (active < 130) return "active";
  if (active > 270 && idle < 130) return "idle";
  if (active > 270 && idle > 270) return "offline";
  return undefined;
}

/** The gateway's reply about everybody: `{ presences, server_timestamp }`. */
async function gatewayReply() {
  const users = encodeURIComponent(JSON.stringify(EVERYBODY));
  const reply = await fetch(`${gateway.url}/api/v1/realm/presence?users=${users}`);
  return reply.json();
}

silently("every person is shown with the status that the gateway gives", async () => {
  // The gateway learns about some people a little later; one of the demo's people has no data.
  const hasNoData = (presence) => Object.keys(presence).length === 0;
  while (Object.values((await gatewayReply()).presences ?? [{}, {}]).filter(hasNoData).length > 1)
    await new Promise((resolve) => setTimeout(resolve, 100));
  await open(
    EVERYBODY.map((id) => `<zulip-presence user="${id}">P${id}</zulip-presence>`).join(" "),
  );
  await known(EVERYBODY.length - 1);
  const { presences, server_timestamp } = await gatewayReply();
  const shown = await firefox.run(() =>
    [...document.querySelectorAll("zulip-presence")].map((badge) => ({
      status: badge.status,
      drawn: badge.shadowRoot.querySelector("svg[part=badge]").getAttribute("data-status"),
    })),
  );
  const compared = new Set();
  for (const [i, id] of EVERYBODY.entries()) {
    const status = stableStatus(presences[id], server_timestamp);
    if (status === undefined) continue;
    compared.add(status);
    assert.equal(shown[i].status, status, id);
    assert.equal(shown[i].drawn, status, id);
  }
  assert.deepEqual([...compared].sort(), ["active", "idle", "offline"]);
});

silently("a badge has an accessible role and name", async () => {
  await open(`<zulip-presence user="12" name="Ada">Ada</zulip-presence>`);
  await known(1);
  const { role, label } = await firefox.accessible(() =>
    document.querySelector("zulip-presence").shadowRoot.querySelector("svg[part=badge]"),
  );
  assert.match(role, /^(img|image|graphic)$/);
  assert.match(label, /Ada|Active|Idle|Offline/i);
});

silently("labels show the status and the last activity", async () => {
  await open(
    `<zulip-presence user="12" label="status">Ada</zulip-presence>
     <zulip-presence user="12" label="last-active">Ada</zulip-presence>
     <zulip-presence user="12">Ada</zulip-presence>`,
  );
  await known(3);
  const labels = await firefox.until(() => {
    const labels = [...document.querySelectorAll("zulip-presence")].map(
      (badge) => badge.shadowRoot.querySelector("[part=label]")?.textContent ?? "",
    );
    return labels[0] && labels[1] ? labels : null;
  });
  assert.match(labels[0], /^(Active now|Idle|Offline)$/);
  assert.match(labels[1], /^(Active|Idle|Not active)/);
  assert.equal(labels[2], "");
});

silently("an overlaid badge is on the corner of the picture", async () => {
  await open(
    `<zulip-presence user="12" overlay><img src="${PIXEL}" alt="Ada" width="40" height="40"></zulip-presence>`,
  );
  await known(1);
  const { picture, badge } = await firefox.run(() => {
    const host = document.querySelector("zulip-presence");
    const box = (element) => {
      const { right, bottom, width, height } = element.getBoundingClientRect();
      return { right, bottom, width, height };
    };
    return {
      picture: box(host.querySelector("img")),
      badge: box(host.shadowRoot.querySelector("svg[part=badge]")),
    };
  });
  assert.ok(badge.width > 8 && badge.width === badge.height, JSON.stringify(badge));
  assert.ok(Math.abs(badge.right - picture.right) < 3, JSON.stringify({ picture, badge }));
  assert.ok(Math.abs(badge.bottom - picture.bottom) < 8, JSON.stringify({ picture, badge }));
});

silently("a badge works under a strict Content-Security-Policy", async () => {
  const policy = `default-src 'none'; script-src 'self' ${gateway.url} 'wasm-unsafe-eval'; style-src 'self'; connect-src ${gateway.url}; img-src data:`;
  const head = `<meta http-equiv="Content-Security-Policy" content="${policy}">${tag()}`;
  await open(`<zulip-presence user="12" label="status">Ada</zulip-presence>`, head);
  await known(1);
  // The style is applied: without it a badge would be as large as its drawing.
  const width = await firefox.run(
    () =>
      document
        .querySelector("zulip-presence")
        .shadowRoot.querySelector("svg[part=badge]")
        .getBoundingClientRect().width,
  );
  assert.ok(width > 8 && width < 20, `${width}`);
});

silently("an import map that comes after a badge is read", async () => {
  const slow = site.route("/late-import-map", (_, response) => {
    response.writeHead(200, { "Content-Type": "text/html" });
    response.write(
      `<!doctype html><title>Slow</title><link rel="icon" href="data:,">${tag()}<zulip-presence user="12">Ada</zulip-presence>`,
    );
    setTimeout(
      () =>
        response.end(
          `<script type="importmap">{"imports": {"app": "data:text/javascript,globalThis.isAppHere = true"}}</script><script type="module">import "app"</script>`,
        ),
      1_500,
    );
  });
  await firefox.open(slow);
  await known(1);
  assert.equal(await firefox.until(() => globalThis.isAppHere), true);
});

silently("a badge that is moved to an iframe and back keeps its style", async () => {
  await open(`<main><zulip-presence user="12">Ada</zulip-presence></main><iframe></iframe>`);
  await known(1);
  const widths = await firefox.run(() => {
    const badge = document.querySelector("zulip-presence");
    const width = () => badge.shadowRoot.querySelector("svg").getBoundingClientRect().width;
    const widths = [width()];
    document.querySelector("iframe").contentDocument.body.append(badge);
    widths.push(width());
    document.querySelector("main").append(badge);
    widths.push(width());
    return widths;
  });
  assert.deepEqual(widths, [widths[0], widths[0], widths[0]]);
  assert.ok(widths[0] > 8 && widths[0] < 20, `${widths}`);
});

silently("marked elements get a badge, also those added later", async () => {
  await open(
    `<ul><li data-zulip-presence="12">Ada</li><li data-zulip-presence="17">Tomasz</li></ul>`,
    tag("data-scan"),
  );
  await known(2);
  await firefox.run(() => {
    const late = document.createElement("li");
    late.dataset.zulipPresence = "23";
    late.textContent = "Chiamaka";
    document.querySelector("ul").append(late);
  });
  await known(3);
  assert.match(await firefox.run(() => document.querySelector("ul").innerText), /Chiamaka/);
});

silently("a page gets events and subscriptions, and can read a status", async () => {
  site.route("/listen.js", (_, response) => {
    response.writeHead(200, { "Content-Type": "text/javascript" });
    response.end(`
        globalThis.changes = [];
        globalThis.heard = [];
        addEventListener("presence-change", ({ detail }) => changes.push(detail));
        addEventListener("DOMContentLoaded", () => zulipPresence.subscribe("12", ({ status }) => heard.push(status)));`);
  });
  await open(
    `<script src="/listen.js"></script><zulip-presence user="12">Ada</zulip-presence>`,
    tag().replace(" async", ""),
  );
  await known(1);
  const { changes, heard, asked, lastActive } = await firefox.run(() => {
    const { user, status, lastActive } = zulipPresence.get(12);
    return {
      changes: globalThis.changes.map(({ user, status, previous }) => ({ user, status, previous })),
      heard: globalThis.heard,
      asked: { user, status, isDate: lastActive === null || lastActive.getTime() > 0 },
      lastActive: typeof document.querySelector("zulip-presence").lastActive,
    };
  });
  assert.equal(changes.length, 1);
  assert.deepEqual([changes[0].user, changes[0].previous], ["12", "unknown"]);
  assert.deepEqual(heard, [changes[0].status]);
  assert.deepEqual(asked, { user: "12", status: changes[0].status, isDate: true });
  assert.equal(lastActive, "object");
});

silently("badges may be added, moved and removed", async () => {
  await open(`<main></main><aside></aside>`);
  await firefox.run(() => {
    for (const user of ["12", "17", "23"]) {
      const badge = document.createElement("zulip-presence");
      badge.setAttribute("user", user);
      document.querySelector("main").append(badge);
    }
  });
  await known(3);
  const statuses = await firefox.run(async () => {
    const [first, second] = document.querySelectorAll("zulip-presence");
    const before = first.status;
    document.querySelector("aside").append(first);
    second.remove();
    await new Promise((resolve) => setTimeout(resolve));
    return [before, first.status];
  });
  assert.equal(statuses[1], statuses[0]);
  await known(2);
});

silently("without details a badge is not focusable", async () => {
  await open(
    `<a href="#one" id="one">One</a> <zulip-presence user="12" label="status">Ada</zulip-presence> <a href="#two" id="two">Two</a>`,
  );
  await known(1);
  await firefox.run(() => document.querySelector("#one").focus());
  await firefox.press(KEYS.tab);
  assert.equal(await firefox.run(() => document.activeElement.id), "two");
});

silently("with details the badge is a button for keyboard and mouse", async () => {
  await open(
    `<a href="#one" id="one">One</a> <zulip-presence user="12" name="Ada" details>Ada</zulip-presence> <a href="#two" id="two">Two</a>`,
  );
  await known(1);
  const button = () => document.querySelector("zulip-presence").shadowRoot.querySelector("button");
  const { role, label } = await firefox.accessible(button);
  assert.equal(role, "button");
  assert.match(label, /^Ada: /);
  const isOpen = () => {
    const popover = document
      .querySelector("zulip-presence")
      .shadowRoot.querySelector("[part=details]");
    return Boolean(popover?.matches(":popover-open"));
  };
  const isClosed = () =>
    !document
      .querySelector("zulip-presence")
      .shadowRoot.querySelector("[part=details]")
      ?.matches(":popover-open");

  await firefox.run(() => document.querySelector("#one").focus());
  await firefox.press(KEYS.tab);
  assert.equal(await firefox.run(() => document.activeElement.localName), "zulip-presence");
  await firefox.press(KEYS.enter);
  await firefox.until(isOpen);
  await firefox.press(KEYS.escape);
  await firefox.until(isClosed);
  await firefox.press(KEYS.tab);
  assert.equal(await firefox.run(() => document.activeElement.id), "two");

  await firefox.click(button);
  await firefox.until(isOpen);
  await firefox.click(() => document.querySelector("#two"));
  await firefox.until(isClosed);
});
