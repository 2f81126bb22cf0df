// React on a server, streamed and hydrated after the badges have come, as with Next.js: 18 within a page, 19 the whole document.

import { PassThrough } from "node:stream";
import { bundle, importForServer, serve } from "./bundle.mjs";
import {
  TEAM,
  expect,
  expectArrival,
  expectTeam,
  expectTeamStill,
  scriptTag,
  test,
  withoutHostMessages,
} from "./fixtures.mjs";

for (const [version, alias, isWholeDocument] of [
  ["18", { react: "react-18", "react-dom": "react-dom-18" }, false],
  ["19", {}, false],
  ["19, the whole document", {}, true],
]) {
  test(`React ${version}: badges before hydration are no mismatch`, async ({
    page,
    site,
    gateway,
    consoleMessages,
  }) => {
    const path = `/react/${encodeURIComponent(version)}/`;
    const client = serve(site, `${path}client.js`, await bundle("react-client.jsx", { alias }));
    const { render } = await importForServer("react-server.jsx", { alias });
    const serveTeam = (name, team) => {
      const props = { team, isWholeDocument, script: `${gateway.url}/zulip-presence.js` };
      const end = `<script type="application/json" id="props">${JSON.stringify(props)}</script><script src="${client}"></script>`;
      return site.route(path + name, (_request, response) => {
        response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
        if (isWholeDocument) {
          const document = new PassThrough();
          document.pipe(response, { end: false });
          document.on("end", () => response.end(end));
          return render(props, document);
        }
        response.write(
          `<!doctype html><html lang="en"><meta charset="utf-8"><title>A page</title><link rel="icon" href="data:,">${scriptTag(gateway)}<body><div id="root">`,
        );
        const app = new PassThrough();
        app.pipe(response, { end: false });
        app.on("end", () => response.end(`</div>${end}`));
        render(props, app);
      });
    };
    const hydrate = () => page.evaluate(() => void window.hydrate());
    const counter = page.getByRole("button", { name: "Clicked" });
    const isHydrated = async () => {
      await hydrate();
      await expect(async () => {
        const before = await counter.textContent();
        await counter.click();
        expect(await counter.textContent()).not.toBe(before);
      }).toPass();
    };

    const nobody = serveTeam("nobody", []);
    const ours = await withoutHostMessages(page, nobody, consoleMessages, isHydrated);
    await page.goto(serveTeam("team", TEAM));
    await expectTeam(page);
    await page.evaluate(() => {
      window.badgesBefore = [...document.querySelectorAll("zulip-presence")];
    });
    await isHydrated();
    // Not removed and created again, as React does after a mismatch.
    expect(await page.evaluate(() => window.badgesBefore.every((badge) => badge.isConnected))).toBe(
      true,
    );
    await expectTeamStill(page, false);
    await page.getByRole("button", { name: "Reverse" }).click();
    await expect(page.locator("li")).toHaveText(TEAM.map(({ name }) => name).toReversed());
    await expectTeamStill(page, false);
    await expectArrival(page, gateway);
    expect(ours()).toEqual([]);
  });
}
