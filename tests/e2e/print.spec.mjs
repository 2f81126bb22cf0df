// Pages that are printed without having been scrolled.

import { expect, test } from "./fixtures.mjs";
import { filledColours } from "./pdf.mjs";

const PEOPLE = 250;
/** Somebody who is always active. */
const INES = 3001;
/** Stands in front of each person. */
const MARK = "rgb(255, 0, 255)";

for (const [what, person, settings] of [
  ["elements", `<zulip-presence user="${INES}">Ines</zulip-presence>`, ""],
  ["marks", `<span data-zulip-presence="${INES}">Ines</span>`, "data-scan"],
]) {
  test(`of ${PEOPLE} people everybody has a badge in print: ${what}`, async ({
    page,
    site,
    tag,
  }) => {
    const mark = `<i style="display: inline-block; width: 9px; height: 9px; background: ${MARK}"></i>`;
    const rows = `<p style="height: 200px">${mark} ${person}</p>`.repeat(PEOPLE);
    await page.goto(site.page(rows, tag(settings)));
    const drawn = () =>
      page.evaluate(
        () =>
          [...document.querySelectorAll("zulip-presence")].filter(({ shadowRoot }) =>
            shadowRoot?.querySelector("svg[data-status=active]"),
          ).length,
      );
    await expect.poll(drawn).toBeGreaterThan(0);
    expect(await drawn(), "before: only those near the screen").toBeLessThan(PEOPLE);
    // What is there when the browser begins to lay out the printed pages.
    await page.evaluate(() => {
      addEventListener("afterprint", () => {
        globalThis.printed = [...document.querySelectorAll("zulip-presence")].map(
          ({ shadowRoot }) => shadowRoot?.querySelector("svg")?.dataset.status,
        );
      });
    });
    const pdf = await page.pdf({ printBackground: true });
    const printed = await page.waitForFunction(() => globalThis.printed);
    expect(await printed.jsonValue()).toEqual(Array(PEOPLE).fill("active"));

    const active = await page
      .locator("svg[data-status=active] path")
      .first()
      .evaluate((path) => getComputedStyle(path).fill);
    const pages = filledColours(pdf);
    const counts = (colour) =>
      pages.map((colours) => colours.filter((filled) => filled === colour).length);
    const people = counts(MARK);
    expect(people.reduce((sum, count) => sum + count)).toBe(PEOPLE);
    expect(Math.max(...people), "on one page").toBeLessThan(PEOPLE / 10);
    expect(counts(active)).toEqual(people);
  });
}
