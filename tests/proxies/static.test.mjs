// The widget's files without the gateway's file server: nginx, Apache and Caddy serve a copy of dist/, with the files of deploy/.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "@playwright/test";
import { builtFiles } from "../../tools/built-files.mjs";
import { LOADER, anotherBuild } from "../builds.mjs";
import { CHROMIUM, FLAGS } from "../e2e/chromium.mjs";
import { Cleanup, certificates, startGateway } from "../processes.mjs";
import { request } from "./request.mjs";
import { STATIC, STATIC_SERVERS } from "./reverse-proxies.mjs";

const { loader, glue, wasm } = builtFiles();
const words = readdirSync("dist").find((name) => /^zulip-presence-words-zh.*\.txt$/.test(name));
const IMMUTABLE = "public, max-age=31536000, immutable";
const SHORT = "public, max-age=300, must-revalidate";
const FILES = [
  [loader, "text/javascript; charset=utf-8", SHORT],
  [glue, "text/javascript; charset=utf-8", IMMUTABLE],
  [wasm, "application/wasm", IMMUTABLE],
  [words, "text/plain; charset=utf-8", IMMUTABLE],
];
/** Where the files are: in the root of the host, and below it. */
const FOLDERS = ["", "/assets/presence"];

for (const [name, start] of Object.entries(STATIC_SERVERS))
  describe(name, () => {
    const cleanup = new Cleanup();
    let tls, root, server;

    before(async () => {
      const directory = await cleanup.directory();
      tls = certificates(directory, [STATIC]);
      root = await cleanup.directory();
      for (const folder of FOLDERS) await mkdir(join(root, folder, "none"), { recursive: true });
      for (const folder of FOLDERS)
        await cp("dist", join(root, folder), {
          recursive: true,
          filter: (path) => path === "dist" || /^dist\/zulip-presence/.test(path),
        });
      writeFileSync(join(root, "site.js"), "// The site's own");
      server = await start({ cleanup, directory, tls, root });
    });
    after(() => cleanup.stop());

    const get = (path, headers) => request(server, STATIC, path, { ca: tls.ca, headers });

    for (const folder of FOLDERS) {
      test(`files have their type and headers in ${folder || "the root"}`, async () => {
        for (const [file, type, cacheControl] of FILES) {
          const path = `${folder}/${file}`;
          const plain = await get(path);
          assert.equal(plain.status, 200, path);
          assert.equal(plain.headers["content-type"], type);
          assert.equal(plain.headers["cache-control"], cacheControl, path);
          assert.equal(plain.headers["access-control-allow-origin"], "*");
          assert.equal(plain.headers["cross-origin-resource-policy"], "cross-origin");
          assert.equal(plain.headers.vary, "Accept-Encoding");
          assert.equal(plain.headers.expires, undefined);
          assert.deepEqual(plain.bytes, readFileSync(`dist/${file}`), path);
          const unchanged = await get(path, { "If-None-Match": plain.headers.etag });
          assert.equal(unchanged.status, 304, path);
          assert.equal(unchanged.headers["cache-control"], cacheControl, path);
          // The page asks a second time by another URL.
          assert.equal((await get(`${path}?0.5`)).headers["cache-control"], cacheControl);
        }
      });

      test(`the compressed copies are used in ${folder || "the root"}`, async () => {
        for (const [file, type, cacheControl] of FILES)
          for (const [accepted, coding, suffix] of [
            // nginx needs another module for brotli.
            ["gzip, deflate, br", ...(name === "nginx" ? ["gzip", "gz"] : ["br", "br"])],
            ["gzip", "gzip", "gz"],
          ]) {
            const { headers, bytes } = await get(`${folder}/${file}`, {
              "Accept-Encoding": accepted,
            });
            assert.equal(headers["content-encoding"], coding, file);
            assert.equal(headers["content-type"], type, file);
            assert.equal(headers["cache-control"], cacheControl, file);
            assert.equal(headers["access-control-allow-origin"], "*");
            assert.equal(headers.vary, "Accept-Encoding");
            assert.deepEqual(bytes, readFileSync(`dist/${file}.${suffix}`), file);
          }
      });

      test(`a missing file is not kept by caches in ${folder || "the root"}`, async () => {
        for (const file of [
          "zulip-presence-widget-0123456789abcdef.js",
          "zulip-presence-widget-0123456789abcdef.wasm",
          "zulip-presence-words-de-0123456789abcdef.txt",
          "zulip-presence-widget-0123456789abcdef.js?0.5",
          `none/${LOADER}`,
        ])
          for (const accepted of ["gzip, deflate, br", ""]) {
            const { status, headers } = await get(`${folder}/${file}`, {
              "Accept-Encoding": accepted,
            });
            assert.equal(status, 404, file);
            assert.equal(headers["cache-control"], "no-store", file);
            assert.equal(headers["access-control-allow-origin"], "*", file);
            assert.equal(headers.expires, undefined);
          }
      });
    }

    test("the site's other files stay what they are", async () => {
      for (const [path, status] of [
        ["/site.js", 200],
        ["/missing.js", 404],
        ["/missing-0123456789abcdef.js", 404],
      ]) {
        const reply = await get(path);
        assert.equal(reply.status, status, path);
        assert.equal(reply.headers["cache-control"], undefined, path);
        assert.equal(reply.headers["access-control-allow-origin"], undefined, path);
      }
    });

    describe("in a browser", () => {
      let site, browser, gateway;

      before(async () => {
        site = createServer((_, response) => {
          response.writeHead(200, { "Content-Type": "text/html; charset=utf-8" });
          response.end(`<!doctype html><html lang="en"><title>Our team</title><link rel="icon" href="data:,">
            <script src="https://${STATIC}:${server.port}/zulip-presence.js" async
              data-endpoint="http://127.0.0.1:${gateway.port}/api/v1"></script>`);
        });
        site.listen(0, "127.0.0.1");
        await once(site, "listening");
        cleanup.add(() => {
          site.closeAllConnections();
          site.close();
        });
        const origin = `http://127.0.0.1:${site.address().port}`;
        gateway = await startGateway(cleanup, ["--demo", "--allow-origin", origin]);
        browser = await chromium.launch({
          executablePath: CHROMIUM,
          args: [...FLAGS, `--host-resolver-rules=MAP ${STATIC} 127.0.0.1`],
        });
        cleanup.add(() => browser.close());
      });

      /** Opens a page without badges, replaces the files in the root, and adds a badge. Returns what the glue says of its build. */
      async function upgrade({ isKept }) {
        // The CA is the tests' own.
        const context = await browser.newContext({ ignoreHTTPSErrors: true });
        const page = await context.newPage();
        const problems = [];
        page.on("console", (message) => problems.push(message.text()));
        page.on("pageerror", (error) => problems.push(String(error)));
        await page.goto(`http://127.0.0.1:${site.address().port}/`);
        await page.waitForFunction(() => globalThis.zulipPresence?.get);
        if (!isKept)
          for (const file of readdirSync(root).filter((file) => file.startsWith("zulip-presence")))
            rmSync(join(root, file));
        for (const [file, bytes] of anotherBuild("new")) {
          for (const suffix of [".br", ".gz"]) rmSync(join(root, file + suffix), { force: true });
          writeFileSync(join(root, file), bytes);
        }
        await page.evaluate(() =>
          document.body.insertAdjacentHTML(
            "beforeend",
            '<zulip-presence user="12"></zulip-presence>',
          ),
        );
        await page.waitForFunction(
          () => document.querySelector("zulip-presence").status === "active",
        );
        const build = await page.evaluate(() => globalThis.build);
        await context.close();
        return { build, problems };
      }

      test("an open page takes its own files where an upgrade keeps them", async () => {
        assert.deepEqual(await upgrade({ isKept: true }), { build: undefined, problems: [] });
      });

      test("an open page takes the new files where an upgrade removes its own", async () => {
        const { build, problems } = await upgrade({ isKept: false });
        assert.equal(build, "new");
        // The browser's own lines about what is missing.
        assert.deepEqual(
          problems.filter((line) => !/404/.test(line)),
          [],
        );
      });
    });
  });
