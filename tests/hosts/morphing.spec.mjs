// Servers whose HTML is swapped or morphed into the page: Turbo 8, htmx 2 and 4, and the morphing libraries by themselves.

import { library, serve } from "./bundle.mjs";
import {
  BADGES,
  MARKED,
  TEAM,
  expect,
  expectArrival,
  expectTeam,
  expectTeamStill,
  scriptTag,
  test,
} from "./fixtures.mjs";

/** The ways in which pages contain badges, and the script tag's attributes for each. */
const WAYS = [
  ["elements", BADGES, ""],
  ["data-scan", MARKED, "data-scan"],
];

/** Statuses after a change of the page's HTML: elements never lose theirs, marked elements get their badge back. */
async function expectTeamKept(page, way, hasArrived = false) {
  if (way === "elements") return expectTeamStill(page, hasArrived);
  await expect(async () => expectTeamStill(page, hasArrived)).toPass();
}

const html = (response, text) =>
  response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" }).end(text);

/** Serves the pages of a site that its server renders anew at each visit: `visits` counts them. */
function rendered(site, path, head, body) {
  let visits = 0;
  return site.route(path, (_request, response) => {
    visits += 1;
    html(
      response,
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${path}</title><link rel="icon" href="data:,">${head}</head><body>${body(visits)}</body></html>`,
    );
  });
}

for (const [way, team, attributes] of WAYS) {
  test.describe(`Turbo 8, ${way}`, () => {
    let urls;

    test.beforeEach(async ({ site, gateway }) => {
      const path = `/turbo/${way}`;
      const turbo = serve(
        site,
        `${path}/turbo.js`,
        await library("@hotwired/turbo/dist/turbo.es2017-umd.js"),
      );
      const head = `<meta name="turbo-refresh-method" content="morph"><meta name="turbo-refresh-scroll" content="preserve">
        <script src="${turbo}"></script>${scriptTag(gateway, attributes)}`;
      urls = {
        team: rendered(
          site,
          `${path}/team`,
          head,
          (visit) =>
            `<p id="visit">Visit ${visit}</p><a href="${path}/other">Other</a><input id="note" aria-label="Note" data-turbo-permanent><ul>${team}</ul>`,
        ),
        other: rendered(
          site,
          `${path}/other`,
          head,
          (visit) => `<p id="visit">Elsewhere ${visit}</p><a href="${path}/team">Team</a>`,
        ),
      };
    });

    test("a page refresh by morphing keeps statuses, and the field that is being filled", async ({
      page,
      gateway,
      consoleMessages,
    }) => {
      await page.goto(urls.team);
      await expectTeam(page);
      await page.getByLabel("Note").fill("Half a thought");
      const visit = page.locator("#visit");
      const before = await visit.textContent();
      await page.evaluate(
        () =>
          new Promise((resolve) => {
            document.addEventListener("turbo:load", resolve, { once: true });
            Turbo.session.refresh(location.href);
          }),
      );
      await expect(visit).not.toHaveText(before);
      await expectTeamKept(page, way);
      await expect(page.getByLabel("Note")).toHaveValue("Half a thought");
      await expect(page.locator("zulip-presence")).toHaveCount(TEAM.length);
      await expectArrival(page, gateway);
      expect(consoleMessages).toEqual([]);
    });

    test("visits, back to a snapshot, and streams that append and morph", async ({
      page,
      gateway,
      consoleMessages,
    }) => {
      await page.goto(urls.other);
      await page.getByRole("link", { name: "Team" }).click();
      await expectTeam(page);
      await page.getByRole("link", { name: "Other" }).click();
      await expect(page.locator("#visit")).toHaveText(/Elsewhere/);
      await page.goBack();
      await expect(page.locator("#visit")).toHaveText(/Visit/);
      await expectTeam(page);
      await expectArrival(page, gateway);

      await page.evaluate((items) => {
        Turbo.renderStreamMessage(
          `<turbo-stream action="update" method="morph" targets="ul"><template>${items}</template></turbo-stream>`,
        );
        Turbo.renderStreamMessage(
          `<turbo-stream action="append" targets="body"><template><p id="streamed">Streamed</p></template></turbo-stream>`,
        );
      }, team);
      await expect(page.locator("#streamed")).toBeVisible();
      await expectTeamKept(page, way, true);
      await expect(page.locator("zulip-presence")).toHaveCount(TEAM.length);
      expect(consoleMessages).toEqual([]);
    });
  });

  for (const [version, files, swaps] of [
    [
      "2",
      ["htmx-2/dist/htmx.js", "idiomorph/dist/idiomorph-ext.js"],
      ["innerHTML", "outerHTML", "morph:innerHTML", "morph:outerHTML"],
    ],
    ["4", ["htmx-4/dist/htmx.js"], ["innerHTML", "outerHTML", "innerMorph", "outerMorph"]],
  ]) {
    for (const swap of swaps) {
      test(`htmx ${version}, ${way}, hx-swap=${swap}: statuses stay over a swap`, async ({
        page,
        site,
        gateway,
        consoleMessages,
      }) => {
        const path = `/htmx/${version}/${way}/${swap}`;
        const scripts = await Promise.all(
          files.map(async (file, index) => serve(site, `${path}/${index}.js`, await library(file))),
        );
        let swaps = 0;
        // Replaces the list itself, or its content.
        const isOuter = /outer/i.test(swap);
        const fragment = site.route(`${path}/fragment`, (_request, response) => {
          swaps += 1;
          const items = `<li>Swap ${swaps}</li>${team}`;
          html(response, isOuter ? `<ul id="team">${items}</ul>` : items);
        });
        const body = `<button hx-get="${fragment}" hx-target="#team" hx-swap="${swap}" hx-ext="morph">Again</button><ul id="team">${team}</ul>`;
        const head = scripts.map((src) => `<script src="${src}"></script>`).join("");
        await page.goto(site.page(body, head + scriptTag(gateway, attributes)));
        await expectTeam(page);
        for (const time of [1, 2]) {
          await page.getByRole("button", { name: "Again" }).click();
          await expect(page.locator("li").first()).toHaveText(`Swap ${time}`);
          await expectTeamKept(page, way);
        }
        await expectArrival(page, gateway);
        expect(consoleMessages).toEqual([]);
      });
    }
  }

  for (const [name, file, morph] of [
    [
      "idiomorph",
      "idiomorph/dist/idiomorph.js",
      "Idiomorph.morph(list, html, { morphStyle: 'innerHTML' })",
    ],
    ["morphdom", "morphdom/dist/morphdom-umd.js", "morphdom(list, `<ul>${html}</ul>`)"],
  ]) {
    test(`${name}, ${way}: the server's HTML takes no status away`, async ({
      page,
      site,
      gateway,
      consoleMessages,
    }) => {
      const src = serve(site, `/${name}/${way}.js`, await library(file));
      const head = `<script src="${src}"></script>${scriptTag(gateway, attributes)}`;
      await page.goto(site.page(`<ul>${team}</ul>`, head));
      await expectTeam(page);
      const morphed = (html) =>
        page.evaluate(
          ([code, text]) => new Function("list", "html", code)(document.querySelector("ul"), text),
          [morph, html],
        );
      await morphed(team);
      await expectTeamKept(page, way);
      await morphed(`<li>New</li>${team}`);
      await expect(page.locator("li").first()).toHaveText("New");
      await expectTeamKept(page, way);
      await expect(page.locator("zulip-presence")).toHaveCount(TEAM.length);
      await expectArrival(page, gateway);
      expect(consoleMessages).toEqual([]);
    });
  }
}
