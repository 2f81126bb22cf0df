// The pages that are compared. Each defines how it is built, what it consists of, and how the probe reads what a badge shows. `drawn` and
// `correct` run in the page: `badges` is a live list, `place` a badge's index in it.

import { personAt, statusOf } from "./people.mjs";

const CUSTOM_ELEMENT = {
  drawn: (badge) => badge.shadowRoot?.querySelector("svg path") != null,
  correct: (badge, status, shapes) =>
    badge.status === status &&
    badge.shadowRoot?.querySelector("svg path")?.getAttribute("d") === shapes[status],
};
const FLUENT = {
  body: (n) => `<div id="root"></div>${inlined(n)}`,
  badges: () => document.getElementsByClassName("fui-PresenceBadge"),
  drawn: (badge) => badge.firstElementChild != null,
  correct: (badge, status) =>
    badge
      .getAttribute("aria-label")
      .endsWith(
        { active: "available", idle: "away", offline: "offline", unknown: "unknown" }[status],
      ),
};
const REACT_18 = { react: "react-18", "react-dom": "react-dom-18" };

export const PAGES = {
  ours: {
    title: "**zulip-presence**",
    short: "zulip-presence",
    fetches: true,
    head: (settings) => `<script src="zulip-presence.js" async ${settings}></script>`,
    body: elements("zulip-presence", (place) => `user="${personAt(place)}" name="Person"`),
    badges: () => document.getElementsByTagName("zulip-presence"),
    ...CUSTOM_ELEMENT,
  },
  vanilla: vanilla("vanilla baseline, groups of 500", 500),
  "vanilla-50": vanilla("vanilla baseline, groups of 50", 50),
  "fluent-18": {
    title: "Fluent PresenceBadge, React 18",
    package: "@fluentui/react-components",
    entry: "fluent-badge.jsx",
    alias: REACT_18,
    ...FLUENT,
  },
  "fluent-19": {
    title: "Fluent PresenceBadge, React 19",
    package: "@fluentui/react-components",
    entry: "fluent-badge.jsx",
    ...FLUENT,
  },
  "fluent-avatar": {
    title: "Fluent Avatar + badge, React 18",
    package: "@fluentui/react-components",
    entry: "fluent-avatar.jsx",
    alias: REACT_18,
    ...FLUENT,
  },
  shoelace: {
    title: "Shoelace badge",
    package: "@shoelace-style/shoelace",
    entry: "shoelace.js",
    body: elements("sl-badge", (place) => `variant="${VARIANTS[status(place)]}" pill`),
    badges: () => document.getElementsByTagName("sl-badge"),
    drawn: (badge) => badge.shadowRoot?.querySelector("[part=base]") != null,
    correct: (badge) => badge.shadowRoot?.querySelector("[part=base]") != null,
  },
  "relative-time": {
    title: "github relative-time",
    package: "@github/relative-time-element",
    entry: "relative-time.js",
    body: elements("relative-time", (place) => `datetime="2020-01-${(place % 28) + 1}"`),
    badges: () => document.getElementsByTagName("relative-time"),
    drawn: (badge) => Boolean(badge.shadowRoot?.textContent),
    correct: (badge) => Boolean(badge.shadowRoot?.textContent),
  },
  "mgt-person": {
    title: "Microsoft mgt-person",
    package: "@microsoft/mgt-components",
    entry: "mgt-person.js",
    // It loads its card only when it is opened.
    module: true,
    head: () => `<script src="app.js" type="module"></script>`,
    body: elements("mgt-person", (place) => {
      const presence = { availability: AVAILABILITIES[status(place)], activity: "x" };
      return `view="avatar" show-presence person-details='{"id":"${place}","displayName":"Person"}' person-presence='${JSON.stringify(presence)}'`;
    }),
    badges: () => document.getElementsByTagName("mgt-person"),
    drawn: (badge) => badge.shadowRoot?.querySelector(".presence-wrapper svg") != null,
    correct: (badge) => badge.shadowRoot?.querySelector(".presence-wrapper svg") != null,
    /** This page takes longer than all others together. */
    mostRounds: { 50: 3, 200: 2, 1000: 1, 5000: 0 },
    why: "not run: 33 s at n = 1,000, and it grows with the square",
  },
};

/** For the directory: the same page without badges. */
export const BARE = {
  title: "the page without badges",
  head: () => "",
  badges: () => document.getElementsByTagName("b"),
  drawn: () => document.readyState !== "loading",
  correct: () => document.readyState !== "loading",
};

/** The hand-written element, which requests `group` people at a time. */
function vanilla(title, group) {
  return {
    title,
    entry: "vanilla.js",
    fetches: true,
    head: (settings) => `<script src="app.js" async data-group="${group}" ${settings}></script>`,
    body: elements("vanilla-presence", (place) => `user="${personAt(place)}" name="Person"`),
    badges: () => document.getElementsByTagName("vanilla-presence"),
    ...CUSTOM_ELEMENT,
    correct: (badge, status, shapes) =>
      badge.getAttribute("status") === status &&
      badge.shadowRoot.querySelector("svg path").getAttribute("d") === shapes[status],
  };
}

const VARIANTS = { active: "success", idle: "warning", offline: "neutral", unknown: "neutral" };
const AVAILABILITIES = {
  active: "Available",
  idle: "Away",
  offline: "Offline",
  unknown: "PresenceUnknown",
};

function status(place) {
  return statusOf(personAt(place));
}

function elements(name, attributes) {
  return (n) =>
    Array.from({ length: n }, (_, place) => `<${name} ${attributes(place)}></${name}>`).join("\n");
}

function inlined(n) {
  const statuses = Array.from({ length: n }, (_, place) => status(place));
  return `<script type="application/json" id="statuses">${JSON.stringify(statuses)}</script>`;
}

/** Cards of 80 px in three columns, as of an employee directory: about 50 are in view. */
export const CARDS_IN_VIEW = 45;

/** A directory of `n` people with the badges of `name`, or of none. */
export function directory(page, n, tag) {
  const cards = Array.from({ length: n }, (_, place) => {
    const name = `Person ${place}`;
    const badge = tag ? `<${tag} user="${place + 1}" name="${name}">${name}</${tag}>` : name;
    return `<div class="card"><b>${badge}</b><span>Department ${place % 7}</span></div>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Bench</title>
<link rel="icon" href="data:,">
<style>body { margin: 0; font: 14px/20px sans-serif; display: grid; grid-template-columns: repeat(3, 1fr) }
.card { height: 78px; border: 1px solid #ccc } .card span { display: block }</style>
${page.head("")}
<body>
${cards.join("\n")}
</body>
</html>`;
}

/** A whole page. `split`: only `inView` badges are in view, the others far below. */
export function html(page, n, { settings = "", inView = n } = {}) {
  const head = page.head?.(settings) ?? `<script src="app.js" defer></script>`;
  const far = `<p style="flex: 0 0 100%; height: 5000px"></p>`;
  let body = page.body(n);
  if (inView < n) {
    const lines = body.split("\n");
    body = [...lines.slice(0, inView), far, ...lines.slice(inView)].join("\n");
  }
  // So small that 5,000 badges are in view at once: a page that requests only badges in view must request all.
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Bench</title>
<link rel="icon" href="data:,">
<style>body { margin: 0; font: 14px/15px sans-serif; display: flex; flex-wrap: wrap; align-content: flex-start }</style>
${head}
<body>
${body}
</body>
</html>`;
}
