// Badges shift nothing on the page, neither when they appear nor when they get their status.

import { readFileSync } from "node:fs";
import { expect, test as shared } from "./fixtures.mjs";

/** What the README recommends to pages with inline badges. */
const [, RESERVED] = /```css\n([^`]*)```/.exec(readFileSync("README.md", "utf8"));
const PEOPLE = [3001, 3002, 3003, 3004];

const INLINE = PEOPLE.map(
  (user) =>
    `<p>Before <zulip-presence user="${user}" name="Somebody">Somebody</zulip-presence>, after ${"and so on ".repeat(30)}</p>`,
).join("");
const OVERLAY = PEOPLE.map(
  (user) =>
    `<p>Before <zulip-presence user="${user}" overlay><i></i></zulip-presence> after ${"and so on ".repeat(30)}</p>`,
).join("");
/** A separate column for labels, whose width changes. */
const LABELS = PEOPLE.map(
  (user) =>
    `<p><zulip-presence user="${user}" label="last-active">Somebody</zulip-presence></p><p>After</p>`,
).join("");

const test = shared.extend({
  /**
   * Opens a page, paints it without the script, and then lets the script and the replies load. Returns the layout shifts until the element
   * was defined, and after that.
   */
  shifts: async ({ page, site, tag }, use) => {
    await use(async (body, style) => {
      const [script, replies] = [gate(), gate()];
      await page.route("**/zulip-presence.js", (route) =>
        script.opened.then(() => route.continue()),
      );
      await page.route("**/presence?*", (route) => replies.opened.then(() => route.continue()));
      const head = `<style>body { font: 20px/1.5 sans-serif } i { display: inline-block; width: 40px; height: 40px; background: #ccc } ${style}</style>`;
      await page.goto(site.page(body + tag(), head), { waitUntil: "commit" });
      await page.evaluate(() => {
        globalThis.shifts = [];
        new PerformanceObserver((list) => globalThis.shifts.push(...list.getEntries())).observe({
          type: "layout-shift",
          buffered: true,
        });
      });
      await page.waitForFunction(() => document.querySelectorAll("zulip-presence").length === 4);
      await painted(page);
      script.open();
      await page.waitForFunction(() => customElements.get("zulip-presence"));
      await painted(page);
      const before = await sum(page);
      replies.open();
      for (const status of ["active", "idle", "offline"]) {
        await expect(page.locator(`:state(${status})`)).toHaveCount(1);
      }
      await painted(page);
      return { before, after: (await sum(page)) - before };
    });
  },
});

test("inline badges with reserved space shift nothing", async ({ shifts }) => {
  expect(await shifts(INLINE, RESERVED)).toEqual({ before: 0, after: 0 });
});

test("inline badges without reserved space shift the layout once, and never again", async ({
  shifts,
}) => {
  const { before, after } = await shifts(INLINE, "");
  // This is the reason for the rule, and shows that the test would notice a shift.
  expect(before).toBeGreaterThan(0);
  expect(after).toBe(0);
});

test("overlaid badges shift nothing", async ({ shifts }) => {
  expect(await shifts(OVERLAY, "")).toEqual({ before: 0, after: 0 });
});

test("badges with a label at the end of a line shift nothing", async ({ shifts }) => {
  expect(await shifts(LABELS, RESERVED)).toEqual({ before: 0, after: 0 });
});

test("badges with details shift nothing", async ({ shifts }) => {
  const body = INLINE.replaceAll(" name=", " details name=");
  expect(await shifts(body, RESERVED)).toEqual({ before: 0, after: 0 });
});

test("right-to-left badges shift nothing", async ({ shifts }) => {
  expect(await shifts(`<div dir="rtl">${INLINE}</div>`, RESERVED)).toEqual({ before: 0, after: 0 });
});

function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { open, opened };
}

/** Waits for two frames: everything due is then painted and measured. */
function painted(page) {
  return page.evaluate(
    () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))),
  );
}

/** Entries arrive in a task after the frame. */
async function sum(page) {
  await page.evaluate(() => new Promise((resolve) => requestIdleCallback(resolve)));
  return page.evaluate(() => globalThis.shifts.reduce((all, { value }) => all + value, 0));
}
