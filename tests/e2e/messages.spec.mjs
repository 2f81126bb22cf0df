// What people say of themselves: in the label, in the popover, in scripts, and for screen readers. Zulip is simulated; the gateway is real.

import { expect, simulated } from "./fixtures.mjs";
import { mirror } from "./mirror.mjs";

const MARKUP = `<b>bold</b> & <script>document.title = "run"</script>`;
const HEBREW = "בחופשה עד יום ראשון";
/** What each person says, and how that is shown. */
const PEOPLE = [
  [12, { status_text: "On holiday", ...emoji("1f3d6", "beach") }, "🏖\ufe0f On holiday"],
  [17, { status_text: "", ...emoji("2615", "coffee") }, "☕\ufe0f"],
  [23, { status_text: MARKUP }, MARKUP],
  [24, { status_text: HEBREW, ...emoji("1f334", "palm_tree") }, `🌴\ufe0f ${HEBREW}`],
  [25, { status_text: "x".repeat(60) }, "x".repeat(60)],
  [26, { emoji_name: "octocat", emoji_code: "7", reaction_type: "realm_emoji" }, ":octocat:"],
  [27, { status_text: "up\u202eside\u2066 down\u0007" }, "upside down"],
  [31, {}, ""],
];

function emoji(code, name) {
  return { emoji_code: code, emoji_name: name, reaction_type: "unicode_emoji" };
}

const BEFORE = PEOPLE.flatMap(([id, says]) => [
  `add ${id} user${id}@example.com User ${id}`,
  `here ${id}`,
  `says ${id} ${JSON.stringify(says)}`,
]);

const test = simulated.extend({
  before: [BEFORE, { option: true }],

  options: [["--status-messages", "show"], { option: true }],

  /** Opens a page with a badge for each of `ids`. */
  openPage: async ({ page, site, live }, use) => {
    await use(async (attributes, ids = PEOPLE.map(([id]) => id)) => {
      const badges = ids.map(
        (id) => `<p><zulip-presence user="${id}" ${attributes}>P</zulip-presence>`,
      );
      const script = `<script src="${live.url}/zulip-presence.js" async></script>`;
      await page.goto(site.page(badges.join("\n"), script));
      for (const id of ids) await expect(badge(page, id)).toHaveStatus("active");
    });
  },
});

const badge = (page, id) => page.locator(`zulip-presence[user="${id}"]`);
const label = (page, id) => badge(page, id).locator("[part=label]");
const messageOf = (page, id) => badge(page, id).evaluate((element) => element.message);

test("a label shows what a person says, or else the status", async ({ page, openPage }) => {
  await openPage('label="message" name="Ada"');
  for (const [id, , shown] of PEOPLE) {
    await expect.poll(() => messageOf(page, id)).toBe(shown);
    await expect(label(page, id)).toHaveText(shown || "Active now");
    // Read after the status, which the badge itself tells.
    expect(await label(page, id).getAttribute("aria-hidden")).toBe(shown ? null : "true");
  }
  expect(await page.title()).not.toBe("run");
  expect(await page.locator("zulip-presence b").count()).toBe(0);
  const tree = await badge(page, 12).ariaSnapshot();
  expect(tree).toMatch(/img "Ada: active now"[^]*On holiday/);
});

for (const dir of ["ltr", "rtl"])
  test(`the label is as far from the badge in a page ${dir}, whatever its own direction`, async ({
    page,
    openPage,
  }) => {
    await openPage('label="message"', [12, 24, 31]);
    await page.evaluate((dir) => (document.documentElement.dir = dir), dir);
    const gap = (id) =>
      badge(page, id).evaluate((element, dir) => {
        const box = (part) =>
          element.shadowRoot.querySelector(`[part=${part}]`).getBoundingClientRect();
        const [shape, text] = [box("badge"), box("label")];
        return dir === "ltr" ? text.left - shape.right : shape.left - text.right;
      }, dir);
    const gaps = [await gap(12), await gap(24), await gap(31)];
    expect(gaps[0]).toBeGreaterThan(2);
    for (const other of gaps) expect(other).toBeCloseTo(gaps[0], 0);
  });

test("a text of another direction stays within its label", async ({ page, openPage }) => {
  await openPage('label="message"');
  const style = (id) =>
    label(page, id).evaluate((element) => {
      const { direction, unicodeBidi } = getComputedStyle(element);
      return { direction, unicodeBidi };
    });
  await expect(label(page, 24)).toHaveText(`🌴\ufe0f ${HEBREW}`);
  expect(await style(24)).toEqual({ direction: "rtl", unicodeBidi: "isolate" });
  expect((await style(12)).direction).toBe("ltr");
});

test("the popover has a line with it, which describes the button", async ({ page, openPage }) => {
  await openPage('details name="Ada"', [12, 31]);
  await badge(page, 12).locator("button").focus();
  await page.keyboard.press("Enter");
  const details = badge(page, 12).locator("[part=details]");
  await expect(details).toContainText("On holiday");
  await expect(badge(page, 12).getByRole("button")).toHaveAccessibleDescription(/On holiday/);
  await expect(details.locator("[dir=auto]")).toHaveText("🏖\ufe0f On holiday");
  await page.keyboard.press("Escape");
  await badge(page, 31).locator("button").click();
  const lines = badge(page, 31).locator("[part=details] [id] > :visible");
  await expect(lines).toHaveText(["Active now"]);
});

test("a new message is an event, and one that is cleared is gone", async ({
  page,
  zulip,
  openPage,
}) => {
  await openPage('label="message"', [12, 31]);
  await expect.poll(() => messageOf(page, 12)).toContain("holiday");
  await page.evaluate(() => {
    globalThis.changes = [];
    addEventListener("presence-change", ({ detail }) => changes.push(detail));
    zulipPresence.subscribe(31, ({ message }) => (globalThis.subscribed = message));
  });
  zulip.tell(`says 31 {"status_text": "Back at three"}`);
  await expect(label(page, 31)).toHaveText("Back at three");
  zulip.tell("says 12 {}");
  await expect(label(page, 12)).toHaveText("Active now");
  expect(await page.evaluate(() => changes)).toEqual([
    expect.objectContaining({
      user: "31",
      status: "active",
      previous: "active",
      message: "Back at three",
    }),
    expect.objectContaining({ user: "12", status: "active", previous: "active", message: "" }),
  ]);
  await expect.poll(() => page.evaluate(() => globalThis.subscribed)).toBe("Back at three");
  expect(await page.evaluate(() => zulipPresence.get(31).message)).toBe("Back at three");
});

test("a callback of the page hears of changes until it is ended", async ({
  page,
  zulip,
  openPage,
}) => {
  await openPage("", [12, 31]);
  await page.evaluate(() => {
    globalThis.heard = { first: [], second: [] };
    globalThis.end = zulipPresence.subscribe(31, (change) => heard.first.push(change));
    zulipPresence.subscribe(31, (change) => heard.second.push(change));
    zulipPresence.subscribe(31, () => heard.first.push("after the end"))();
  });
  const heard = () => page.evaluate(() => globalThis.heard);
  zulip.tell(`says 31 {"status_text": "At lunch"}`);
  const known = { user: "31", status: "active", previous: "active", lastActive: expect.any(Date) };
  const first = [{ ...known, message: "At lunch" }];
  await expect.poll(heard).toEqual({ first, second: first });
  await page.evaluate(() => end());
  zulip.tell(`says 31 {"status_text": "Back at three"}`);
  const second = [...first, { ...known, message: "Back at three" }];
  await expect.poll(heard).toEqual({ first, second });
});

test.describe("by default", () => {
  test.use({ options: [] });

  test("nobody is shown to say anything", async ({ page, openPage }) => {
    await openPage('label="message" details', [12, 17]);
    await expect(label(page, 12)).toHaveText("Active now");
    expect(await messageOf(page, 12)).toBe("");
    expect(
      await badge(page, 12).evaluate((element) => element.shadowRoot.textContent),
    ).not.toContain("holiday");
  });
});

test("Zulip itself is asked for those who show it", async ({ page, site, zulip }) => {
  const asked = [];
  page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  const script = `<script src="${mirror(site, "/direct")}" async data-endpoint="${zulip.url}"
    data-email="presence-bot@example.com" data-api-key="simulated"></script>`;
  const badges = `<p><zulip-presence user="12" label="message">P</zulip-presence></p>
    <p><zulip-presence user="17" details>P</zulip-presence></p>`;
  await page.goto(site.page(badges, script));
  await expect(label(page, 12)).toHaveText("🏖\ufe0f On holiday");
  await expect(badge(page, 17)).toHaveStatus("active");
  expect(asked).not.toContain("/api/v1/users/17/status");
  await badge(page, 17).locator("button").click();
  await expect(badge(page, 17).locator("[part=details] [dir=auto]")).toHaveText("☕\ufe0f");
});
