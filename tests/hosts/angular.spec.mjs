// Apps with Angular, and pages that load zone.js, which replaces Promise and much else.

import { bundle, library, serve } from "./bundle.mjs";
import {
  BADGES,
  TEAM,
  expect,
  expectArrival,
  expectTeam,
  expectTeamStill,
  scriptTag,
  test,
  withoutHostMessages,
} from "./fixtures.mjs";

const ZONES = ["zone.js-0.11", "zone.js", "zone.js-0.16"];
const zone = (site, name) => async () =>
  serve(site, `/${name}/zone.js`, await library(`${name}/bundles/zone.umd.js`));

for (const [what, zoneName, attributes] of [
  ["with zone.js", "zone.js", ""],
  ["zoneless", null, ""],
  ["with zone.js, by properties", "zone.js", "data-property"],
  ["zoneless, by properties", null, "data-property"],
]) {
  test(`Angular ${what}: badges follow, events arrive, lists move`, async ({
    page,
    site,
    gateway,
    consoleMessages,
  }) => {
    const app = serve(site, "/angular/app.js", await bundle("angular.js"));
    const polyfill = zoneName ? `<script src="${await zone(site, zoneName)()}"></script>` : "";
    const url = (team) =>
      site.page(
        `<script type="application/json" id="team-data" ${attributes}>${JSON.stringify(team)}</script>
         <app-root></app-root><script src="${app}"></script>`,
        polyfill + scriptTag(gateway),
      );
    const ours = await withoutHostMessages(page, url([]), consoleMessages);
    await page.goto(url(TEAM));
    await expectTeam(page);
    // The app gets events for all but the person without data.
    await expect(page.locator("output")).toHaveText(`${TEAM.length - 1}`);
    await page.getByRole("button", { name: "Reverse" }).click();
    await expect(page.locator("li")).toHaveText(TEAM.map(({ name }) => name).toReversed());
    await expectTeamStill(page, false);
    await expectArrival(page, gateway);
    await expect(page.locator("output")).toHaveText(`${TEAM.length}`);
    expect(ours()).toEqual([]);
  });
}

for (const name of ZONES) {
  test(`${name} before the script tag: badges follow`, async ({
    page,
    site,
    gateway,
    consoleMessages,
  }) => {
    const polyfill = `<script src="${await zone(site, name)()}"></script>`;
    await page.goto(site.page(`<ul>${BADGES}</ul>`, polyfill + scriptTag(gateway)));
    await expectTeam(page);
    await expectArrival(page, gateway);
    expect(await page.evaluate(() => window.Promise.name)).toBe("ZoneAwarePromise");
    expect(consoleMessages).toEqual([]);
  });
}
