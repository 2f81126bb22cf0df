// The npm package, as `make package` leaves it in dist/npm, in another project.

import { execFile } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { builtFiles } from "../../tools/built-files.mjs";
import { LiveGateway } from "../hosts/live-gateway.mjs";
import { KNOWN, expect, test } from "./fixtures.mjs";

const run = promisify(execFile);

const PACKAGE = "dist/npm";
const PROJECT = resolve("tests/vite");
const INSTALLED = join(PROJECT, "node_modules/zulip-presence");
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

/** Imports the package in a simulated document, whose names become global, and prints what an element of it says. */
const SIMULATED = (library) => `
  import ${library === "jsdom" ? "{ JSDOM }" : "{ Window }"} from "${library}";
  const window = ${
    library === "jsdom"
      ? 'new JSDOM("<!doctype html><body>", { url: "http://127.0.0.1:9/" }).window'
      : 'new Window({ url: "http://127.0.0.1:9/" })'
  };
  globalThis.MessageChannel = undefined;
  for (const name of Object.getOwnPropertyNames(window))
    if (!(name in globalThis)) globalThis[name] = window[name];
  globalThis.window = window;
  globalThis.addEventListener ??= window.addEventListener.bind(window);
  document.body.innerHTML = '<zulip-presence user="12" label="status">Ada</zulip-presence>';
  const { zulipPresence } = await import("zulip-presence");
  const element = document.createElement("zulip-presence");
  element.user = "12";
  document.body.append(element);
  element.remove();
  document.body.append(element);
  await new Promise((resolve) => setTimeout(resolve));
  const all = [...document.querySelectorAll("zulip-presence")];
  console.log(all.map(({ status, user }) => status + user).join(), all[0].textContent);
  zulipPresence.subscribe(12, () => console.log("a change"))();
  zulipPresence.refresh(12);
  zulipPresence.configure({ endpoint: "http://127.0.0.1:9/api/v1" });
  console.log(\`\${zulipPresence.get(12).status} \${await zulipPresence.ready}\`);
  process.exit();
`;

// All tests share one project, so they run one after the other.
test.describe.configure({ mode: "default" });

/** The output of `npm pack` for the package, which is then installed in the project. */
let packed;

test.beforeAll(async () => {
  expect(existsSync(PACKAGE), "make package").toBe(true);
  const folder = await mkdtemp(join(tmpdir(), "zulip-presence-"));
  const { stdout, stderr } = await run("npm", ["pack", "--json", "--pack-destination", folder], {
    cwd: PACKAGE,
  });
  const [description] = Object.values(JSON.parse(stdout));
  packed = {
    ...description,
    warnings: stderr.split("\n").filter((line) => /warn|err/i.test(line)),
  };
  await rm(INSTALLED, { recursive: true, force: true });
  await mkdir(INSTALLED, { recursive: true });
  await run("tar", ["xzf", join(folder, packed.filename), "--strip-components=1", "-C", INSTALLED]);
  await rm(folder, { recursive: true });
});

test("npm pack contains the intended files only, and installing runs no script", async () => {
  const files = packed.files.map(({ path }) => path);
  const loaded = readdirSync("dist").filter((name) => /^zulip-presence-.*\.(wasm|txt)$/.test(name));
  const written = readdirSync("npm");
  expect(files.toSorted()).toEqual(
    [...loaded, ...written, "LICENSE-APACHE", "LICENSE-MIT"].toSorted(),
  );
  expect(loaded).toContain(builtFiles().wasm);
  expect(packed.warnings).toEqual([]);
  const manifest = JSON.parse(await readFile(join(INSTALLED, "package.json"), "utf8"));
  expect(manifest.version).toMatch(/^\d+\.\d+\.\d+/);
  for (const name of ["scripts", "dependencies", "bin", "gypfile"]) {
    expect(manifest, name).not.toHaveProperty(name);
  }
  // The frameworks of the hooks are those of the project, if it has any.
  for (const name of Object.keys(manifest.peerDependencies)) {
    expect(manifest.peerDependenciesMeta[name], name).toEqual({ optional: true });
  }
  for (const entry of Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === "string" ? entry : Object.values(entry),
  )) {
    expect(files).toContain(entry.replace("./", ""));
  }
});

test("the types work with TypeScript, React, Preact and Vue, and catch mistakes", async () => {
  test.slow();
  // Mistakes in the project are marked by @ts-expect-error, which is itself an error if there is no mistake.
  const check = run("npx", ["--no-install", "vue-tsc", "--noEmit"], { cwd: PROJECT });
  const result = await check.catch(({ stdout }) => ({ stdout }));
  expect(result.stdout).toBe("");
});

test("a project built by Vite shows badges", async ({
  page,
  site,
  open,
  folder,
  consoleMessages,
}) => {
  const { build } = await vite();
  await build({
    root: PROJECT,
    base: "./",
    logLevel: "error",
    build: { outDir: folder, emptyOutDir: true },
  });
  const url = site.route("/in-vite/", ({ url }, response) => {
    const path = new URL(url, site.origin).pathname.replace("/in-vite/", "") || "index.html";
    const file = join(folder, path);
    if (!existsSync(file)) return response.writeHead(404).end();
    response.writeHead(200, { "Content-Type": TYPES[extname(file)] });
    response.end(readFileSync(file));
  });
  await page.goto(`${url}?endpoint=${encodeURIComponent(`${open.url}/api/v1`)}`);
  await shows(page);
  expect(consoleMessages).toEqual([]);

  await page.route("**/*.wasm", (route) => route.abort());
  await page.reload();
  await expect
    .poll(() => consoleMessages.filter((line) => line.startsWith("warning: ")))
    .toHaveLength(1);
  expect(consoleMessages.join()).toContain(`${builtFiles().wasm} did`);
  await expect(page.locator("#plain zulip-presence")).toHaveStatus("unknown");
});

test("Vite's development server shows badges", async ({ page, open, folder }) => {
  const { createServer } = await vite();
  const server = await createServer({
    root: PROJECT,
    cacheDir: folder,
    logLevel: "error",
    // If its port is in use, it takes the next one.
    server: { host: "127.0.0.1", ws: false, watch: null },
  });
  try {
    await server.listen();
    const { port } = server.httpServer.address();
    await page.goto(
      `http://127.0.0.1:${port}/?endpoint=${encodeURIComponent(`${open.url}/api/v1`)}`,
    );
    await shows(page);
  } finally {
    await server.close();
  }
});

test("rendered on a server the element sends nothing and is unknown", async () => {
  const script = `
    import { zulipPresence } from "zulip-presence";
    zulipPresence.configure({ endpoint: "https://presence.example.com/api/v1" });
    zulipPresence.subscribe(12, () => {})();
    console.log(JSON.stringify([zulipPresence.get(12), await zulipPresence.ready]));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], {
    cwd: PROJECT,
  });
  const nobody = { user: "12", status: "unknown", lastActive: null, message: "" };
  expect(JSON.parse(stdout)).toEqual([nobody, false]);
});

const FRAMEWORKS = ["react", "preact", "vue"];

const hookTest = test.extend({
  /** A gateway where a person becomes active when the test requests it. */
  live: async ({}, use) => {
    const live = await new LiveGateway().start();
    await use(live);
    await live.stop();
  },

  /** The URL of the page of the hooks, with the server-rendered HTML of each framework. */
  drawn: async ({ site, live, folder }, use) => {
    const { build } = await vite();
    await build({
      root: PROJECT,
      base: "./",
      logLevel: "error",
      // With the frameworks' own checks, including those of hydration.
      mode: "development",
      define: {
        "process.env.NODE_ENV": '"development"',
        __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "true",
      },
      build: {
        outDir: folder,
        emptyOutDir: true,
        rolldownOptions: { input: join(PROJECT, "drawn.html") },
      },
    });
    let pages = 0;
    await use((rendered = {}) => {
      const start = `/drawn-${(pages += 1)}/`;
      const url = site.route(start, ({ url }, response) => {
        const path = new URL(url, site.origin).pathname.replace(start, "") || "drawn.html";
        const file = join(folder, path);
        if (!existsSync(file)) return response.writeHead(404).end();
        response.writeHead(200, { "Content-Type": TYPES[extname(file)] });
        if (path !== "drawn.html") return response.end(readFileSync(file));
        const page = readFileSync(file, "utf8");
        const fill = (html, [name, inner]) => html.replace(`<div id="${name}">`, `$&${inner}`);
        response.end(Object.entries(rendered).reduce(fill, page));
      });
      return `${url}?endpoint=${encodeURIComponent(`${live.url}/api/v1`)}`;
    });
  },
});

hookTest(
  "hooks follow a person without an element, change person, and end with their component",
  async ({ page, live, drawn, consoleMessages }) => {
    test.slow();
    await page.goto(drawn());
    const outputs = page.locator("output");
    await expect(outputs).toHaveText(FRAMEWORKS.map(() => "active"));
    for (const output of await outputs.all())
      await expect(output).toHaveAttribute("title", /^2.*Z$/);
    await expect(page.locator("zulip-presence")).toHaveCount(0);
    for (const next of await page.getByRole("button", { name: "Next" }).all()) await next.click();
    await expect(outputs).toHaveText(FRAMEWORKS.map(() => "offline"));
    await expect(page.locator("body")).toHaveAttribute(
      "data-subscriptions",
      `${FRAMEWORKS.length}`,
    );

    const refreshes = await page.getByRole("button", { name: "Refresh" }).all();
    for (const refresh of refreshes) await refresh.click();
    await expect(page.locator("body")).toHaveAttribute("data-refreshes", `${FRAMEWORKS.length}`);
    // The next scheduled request is a minute away; a refresh waits for 10 s, and until cached replies expire.
    live.arrive("3003");
    await expect(async () => {
      for (const refresh of refreshes) await refresh.click();
      await expect(outputs).toHaveText(
        FRAMEWORKS.map(() => "active"),
        { timeout: 1_000 },
      );
    }).toPass({ timeout: 40_000 });
    await page.getByRole("button", { name: "Leave" }).click();
    await expect(outputs).toHaveCount(0);
    await expect(page.locator("body")).toHaveAttribute("data-subscriptions", "0");
    expect(consoleMessages.filter(isNoHint)).toEqual([]);
  },
);

hookTest(
  "hooks are unknown on a server, and hydrate without a mismatch",
  async ({ page, drawn, consoleMessages }) => {
    const { build } = await vite();
    const folder = join(PROJECT, "node_modules/.drawn-server");
    await build({
      root: PROJECT,
      logLevel: "error",
      build: { ssr: "src/drawn/server.jsx", outDir: folder, emptyOutDir: true },
    });
    const { render } = await import(pathToFileURL(join(folder, "server.js")).href);
    const rendered = await render();
    for (const name of FRAMEWORKS) expect(rendered[name], name).toContain(">unknown</output>");

    // The server-rendered elements stay: a mismatch would have replaced them.
    await page.addInitScript(() => {
      addEventListener("DOMContentLoaded", () => {
        for (const output of document.querySelectorAll("output")) output.fromServer = true;
      });
    });
    // Presence is known when the page hydrates, which is the worst case.
    await page.goto(`${drawn(rendered)}&known`);
    const outputs = page.locator("output");
    await expect(outputs).toHaveText(FRAMEWORKS.map(() => "active"));
    await expect(page.locator("body")).toHaveAttribute("data-known", "active");
    // Preact repairs no attribute of a mismatch.
    for (const output of await outputs.all())
      await expect(output).toHaveAttribute("title", /^2.*Z$/);
    expect(await outputs.evaluateAll((all) => all.map((output) => output.fromServer))).toEqual(
      FRAMEWORKS.map(() => true),
    );
    expect(consoleMessages.filter(isNoHint)).toEqual([]);
  },
);

test("custom-elements.json agrees with the element", async ({ page, site, tag }) => {
  const { modules } = JSON.parse(readFileSync(join(INSTALLED, "custom-elements.json"), "utf8"));
  const [element] = modules.flatMap(({ declarations }) => declarations);
  const named = (list) => list.map(({ name }) => name).toSorted();

  await page.goto(
    site.page(
      `<zulip-presence user="12" name="Ada" label="status">Ada</zulip-presence>
       <zulip-presence user="12" name="Ada" details>Ada</zulip-presence>`,
      tag('data-zulip="https://chat.example.com"'),
    ),
  );
  await expect(page.locator("zulip-presence[details]")).toHaveStatus(KNOWN);
  const real = await page.evaluate(async (tagName) => {
    const badges = [...document.querySelectorAll(tagName)];
    const { constructor, shadowRoot } = badges[0];
    const css = shadowRoot.adoptedStyleSheets
      .flatMap(({ cssRules }) => [...cssRules])
      .map(({ cssText }) => cssText)
      .join("\n");
    const parts = badges.flatMap(({ shadowRoot }) =>
      [...shadowRoot.querySelectorAll("[part]")].flatMap(({ part }) => [...part]),
    );
    const members = Object.entries(Object.getOwnPropertyDescriptors(constructor.prototype));
    const events = [];
    const { dispatchEvent } = EventTarget.prototype;
    EventTarget.prototype.dispatchEvent = function (event) {
      if (this.localName === tagName) events.push(event.type);
      return dispatchEvent.call(this, event);
    };
    badges[0].setAttribute("user", "nobody");
    await new Promise((resolve) =>
      badges[0].addEventListener("presence-change", () => setTimeout(resolve), { once: true }),
    );
    return {
      attributes: [
        ...constructor.observedAttributes,
        // Those that only the style uses, and those that the element sets.
        ...[...css.matchAll(/:host\(\[([a-z-]+)\]\)/g)].map(([, name]) => name),
        ...badges[0].getAttributeNames(),
      ],
      members: members
        .filter(([name]) => name !== "constructor" && !/Callback$/.test(name))
        .map(([name, { get }]) => `${get ? "field" : "method"} ${name}`),
      events,
      slots: [...shadowRoot.querySelectorAll("slot")].map(({ name }) => name),
      parts,
      properties: [...css.matchAll(/var\((--zulip-presence-[a-z-]+)/g)].map(([, name]) => name),
    };
  }, element.tagName);
  const unique = (list) => [...new Set(list)].toSorted();

  const ofHtml = ["hidden", "lang"];
  expect(named(element.attributes)).toEqual(
    unique(real.attributes).filter((name) => !ofHtml.includes(name)),
  );
  expect(element.members.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual(
    unique(real.members),
  );
  expect(named(element.events)).toEqual(unique(real.events));
  expect(named(element.slots)).toEqual(unique(real.slots));
  expect(named(element.cssParts)).toEqual(unique(real.parts));
  expect(named(element.cssProperties)).toEqual(unique(real.properties));
});

/** React's development build recommends its extension for the browser, once. */
function isNoHint(line) {
  return !line.includes("Download the React DevTools");
}

async function vite() {
  return import(pathToFileURL(join(PROJECT, "node_modules/vite/dist/node/index.js")).href);
}

async function shows(page) {
  for (const root of ["plain", "react", "vue", "preact"]) {
    await expect(page.locator(`#${root} zulip-presence`), root).toHaveStatus(KNOWN);
  }
  await expect(page.locator("#plain").getByRole("img", { name: "Ada: " })).toBeVisible();
  await expect(page.locator("body")).toHaveAttribute("data-change", /^unknown /);
  await expect(page.locator("#react zulip-presence")).toHaveClass(KNOWN);
  await expect(page.locator("#react zulip-presence")).not.toHaveAttribute("overlay");
  await expect(page.locator("#vue zulip-presence")).toHaveClass(KNOWN);
  // The catalogs of other languages are separate files, which the bundler must find too.
  await expect(page.locator("#preact [part=label]")).toHaveText("Gerade aktiv");
}

for (const library of ["jsdom", "happy-dom"]) {
  test(`in ${library} the element is defined, and unknown`, async () => {
    const script = ["--input-type=module", "--eval", SIMULATED(library)];
    const { stdout, stderr } = await run("node", script, { cwd: PROJECT });
    expect(stdout.trim().split("\n")).toEqual(["unknown12,unknown12 Ada", "unknown false"]);
    expect(stderr).toBe("");
  });
}
