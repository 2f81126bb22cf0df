// Pages that are printed without having been scrolled.

import { expect, test } from "./fixtures.mjs";

const PEOPLE = 250;

for (const [what, person, settings] of [
  ["elements", '<zulip-presence user="12">Ada</zulip-presence>', ""],
  ["marks", '<span data-zulip-presence="12">Ada</span>', "data-scan"],
]) {
  test(`of ${PEOPLE} people everybody has a badge in print: ${what}`, async ({
    page,
    site,
    tag,
  }) => {
    const rows = `<p style="height: 200px">${person}</p>`.repeat(PEOPLE);
    await page.goto(site.page(rows, tag(settings)));
    const drawn = () =>
      page.evaluate(
        () =>
          [...document.querySelectorAll("zulip-presence")].filter(({ shadowRoot }) =>
            shadowRoot?.querySelector("svg:not([data-status=unknown])"),
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
    await page.pdf();
    const printed = await page.waitForFunction(() => globalThis.printed);
    const statuses = await printed.jsonValue();
    expect(statuses).toHaveLength(PEOPLE);
    expect(statuses.filter((status) => !status || status === "unknown")).toEqual([]);
  });
}
