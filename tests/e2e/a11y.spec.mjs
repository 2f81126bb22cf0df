// axe-core finds no violations on the demo, the gallery and the configurator, in any colour scheme.

import { readFileSync } from "node:fs";
import { expect, test } from "./fixtures.mjs";

const AXE = readFileSync("node_modules/axe-core/axe.min.js", "utf8");

/** The violations that axe finds in a part of the page: the rules, with the elements that break them. */
async function violations(page, part = "html") {
  await page.evaluate(AXE);
  const found = await page.evaluate(
    (part) => globalThis.axe.run(part, { resultTypes: ["violations"] }),
    part,
  );
  return found.violations.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join("\n")}`,
  );
}

test("axe reports a violation inside a shadow root", async ({ page, site }) => {
  await page.goto(site.page("<main><h1>A page</h1><p></p></main>"));
  await page.evaluate(() => {
    const shadow = document.querySelector("p").attachShadow({ mode: "open" });
    shadow.innerHTML = `<svg role="img" viewBox="0 0 1 1"></svg>`;
  });
  expect((await violations(page)).join()).toMatch(/^svg-img-alt: /);
});

for (const [what, media] of [
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["forced colours, light", { colorScheme: "light", forcedColors: "active" }],
  ["forced colours, dark", { colorScheme: "dark", forcedColors: "active" }],
]) {
  for (const [name, path, popovers] of [
    ["demo", "/"],
    ["gallery", "/gallery.html", "[data-panes=details]"],
    ["configurator", "/configure.html#details=on&zulip=chat.example.com", ".live"],
  ]) {
    test(`the ${name} has no axe violations, ${what}`, async ({ page, gateway }) => {
      await page.emulateMedia(media);
      // As high as the page, so that every badge gets its status.
      await page.setViewportSize({ width: 1280, height: 8000 });
      await page.goto(gateway.url + path);
      for (const status of ["active", "idle", "offline"]) {
        await expect(page.locator(`zulip-presence:state(${status})`).first()).toBeVisible();
      }
      expect(await violations(page)).toEqual([]);

      if (!popovers) return;
      const details = page.locator("zulip-presence[details]").first();
      await details.getByRole("button").click();
      await expect(details.locator("[part=details]")).toBeVisible();
      expect(await violations(page, popovers)).toEqual([]);
    });
  }
}
