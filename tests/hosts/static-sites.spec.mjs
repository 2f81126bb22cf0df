// integrations/hugo and integrations/jekyll with Debian's Hugo and Jekyll, as docs/recipes.md has them set up.

import { execFile } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { serve } from "./bundle.mjs";
import {
  TEAM,
  attributesOf,
  expect,
  expectArrival,
  expectTeam,
  expectTeamStill,
  statuses,
  test as shared,
} from "./fixtures.mjs";

const run = promisify(execFile);

/** The site's own function: a filter over the people. */
const FILTER = `<label>Filter <input id="filter"></label>
<script>
  document.querySelector("#filter").addEventListener("input", ({ target }) => {
    for (const item of document.querySelectorAll("li")) item.hidden = !item.textContent.includes(target.value);
  });
</script>`;

const test = shared.extend({
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), "zulip-presence-static-"));
    await use(folder);
    await rm(folder, { recursive: true });
  },
});

const write = async (folder, files) => {
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
};

/** Where the organisation's people use Zulip. */
const CHAT = "https://chat.example.com";

const HUGO = {
  name: "Hugo",
  badge: ({ user, name }) => `{{< zulip-presence user="${user}" >}}${name}{{< /zulip-presence >}}`,
  async build(folder, gateway, markdown) {
    await cp("integrations/hugo/layouts", join(folder, "layouts"), { recursive: true });
    await write(folder, {
      "config.toml": `title = "Site"\n[params]\nzulipPresenceGateway = "${gateway.url && `${gateway.url}/`}"\nzulipPresenceZulip = "${CHAT}"\n`,
      "layouts/_default/single.html": `<!doctype html><html lang="en"><head><title>Team</title><link rel="icon" href="data:,">{{ partial "zulip-presence.html" . }}</head><body>${FILTER}{{ .Content }}</body></html>`,
      "content/team.md": `---\ntitle: Team\n---\n${markdown}\n`,
    });
    await run("hugo", ["--source", folder, "--destination", join(folder, "built"), "--quiet"]);
    return readFile(join(folder, "built/team/index.html"), "utf8");
  },
  options: `{{< zulip-presence user="3001" name="Dr. Ines" label="status" details=true >}}*Ines*{{< /zulip-presence >}} {{< zulip-presence user="3002" >}}**Jonas** L.{{< /zulip-presence >}}

{{< zulip-presence user="3003\\" onclick=\\"window.evil = 1" name="\\"><script>window.evil = 2</script>" >}}<img src=x onerror="window.evil = 3">{{< /zulip-presence >}}`,
  seen: [
    { user: "3001", name: "Dr. Ines", label: "status", details: "" },
    { user: "3002", name: "Jonas L." },
    { user: `3003" onclick="window.evil = 1`, name: `"><script>window.evil = 2</script>` },
  ],
};

const JEKYLL = {
  name: "Jekyll",
  badge: ({ user, name }) => `{% include zulip-presence.html user="${user}" name="${name}" %}`,
  async build(folder, gateway, markdown) {
    await cp("integrations/jekyll/_includes", join(folder, "_includes"), { recursive: true });
    await write(folder, {
      "_config.yml": `title: Site\nzulip_presence_gateway: ${gateway.url && `${gateway.url}/`}\nzulip_presence_zulip: ${CHAT}\n`,
      "_layouts/default.html": `<!doctype html><html lang="en"><head><title>Team</title><link rel="icon" href="data:,">{% include zulip-presence-script.html %}</head><body>${FILTER}{{ content }}</body></html>`,
      "team.md": `---\nlayout: default\n---\n${markdown}\n`,
    });
    const built = join(folder, "built");
    await run("jekyll", [
      "build",
      "--source",
      folder,
      "--destination",
      built,
      "--disable-disk-cache",
      "--quiet",
    ]);
    return readFile(join(built, "team.html"), "utf8");
  },
  options: `{% include zulip-presence.html user="3001" name="Dr. Ines" label="status" details=true %} {% include zulip-presence.html user="3002" %}

{% capture evil %}"><script>window.evil = 2</script>{% endcapture %}And {% include zulip-presence.html user='3003" onclick="window.evil = 1' name=evil %}`,
  seen: [
    { user: "3001", name: "Dr. Ines", label: "status", details: "" },
    { user: "3002", name: "3002" },
    { user: `3003" onclick="window.evil = 1`, name: `"><script>window.evil = 2</script>` },
  ],
};

for (const { name, badge, build, options, seen } of [HUGO, JEKYLL]) {
  test(`${name}: badges in a list, beside the site's own filter`, async ({
    page,
    site,
    folder,
    gateway,
    consoleMessages,
  }) => {
    const markdown = TEAM.map((person) => `- ${badge(person)}`).join("\n");
    const built = await build(folder, gateway, markdown);
    await page.goto(serve(site, `/${name}/team`, built, "text/html"));
    await expectTeam(page);
    await expect(page.locator("script[src*=zulip-presence]")).toHaveAttribute("data-zulip", CHAT);
    await expect(page.locator("li")).toHaveText(TEAM.map(({ name }) => name));
    await expect(page.getByRole("img", { name: "Ines Fonseca: Active" })).toBeVisible();
    await expectArrival(page, gateway);
    await page.getByLabel("Filter").fill("Meera");
    await expect(page.locator("li:visible")).toHaveText(["Meera Pillai"]);
    await page.getByLabel("Filter").fill("");
    await expect(page.locator("li:visible")).toHaveCount(TEAM.length);
    await expectTeamStill(page);
    expect(consoleMessages).toEqual([]);
  });

  test(`${name}: attributes, and what people write stays text`, async ({
    page,
    site,
    folder,
    gateway,
  }) => {
    const built = await build(folder, gateway, options);
    await page.goto(serve(site, `/${name}/options`, built, "text/html"));
    await expect.poll(() => statuses(page)).toMatchObject({ 3001: ["active"], 3002: ["idle"] });
    expect(await page.evaluate(() => window.evil)).toBeUndefined();
    expect(await attributesOf(page)).toEqual(seen);
    await expect(page.locator("[onerror]")).toHaveCount(0);
  });

  test(`${name}: without a gateway's address there is no script`, async ({ folder }) => {
    const built = await build(folder, { url: "" }, "Nobody");
    expect(built).not.toContain("zulip-presence");
  });
}
