// Trunk's post_build hook: turns what Trunk built into the files that pages load.
//
// src/element/zulip-presence.js and what it imports become zulip-presence.js, the one URL that pages know. All that it loads is named by
// its content: wasm-bindgen's glue and the scripts of src/element/bundle.js, the WebAssembly, and each section of src/i18n/catalogs.txt.
// The loader contains the names and the digests, so that no other file is ever run. In a release build also: wasm-opt optimizes the
// WebAssembly, the scripts are minified, and .br and .gz are written beside every file.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, extname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";
import { define, loader, style } from "./loader.mjs";
import { ownFiles } from "./own-files.mjs";

const DIST = process.env.TRUNK_STAGING_DIR ?? "dist";
const RELEASE = process.env.TRUNK_PROFILE === "release";

const LOADER = join(DIST, "zulip-presence.js");
/** The files that Trunk built. */
const GLUE = join(DIST, "zulip-presence-widget.js");
const WASM = join(DIST, "zulip-presence-widget_bg.wasm");
/** Where tools/package.mjs finds the glue of the npm package, and the names of the files. */
const FOR_PACKAGE = join("target/npm", basename(process.env.TRUNK_DIST_DIR ?? "dist"));
/** Where wasm-bindgen writes copies of the modules that Rust code imports. */
const SNIPPETS = join(DIST, "snippets");
/** Empty: the WebAssembly stays as the compiler made it. */
const WASM_OPT = process.env.WASM_OPT ?? "node_modules/.bin/wasm-opt";
/** The features of WebAssembly that rustc and wasm-bindgen use. */
const FEATURES = [
  ...["bulk-memory", "multivalue", "mutable-globals", "nontrapping-float-to-int"],
  ...["reference-types", "sign-ext"],
].map((feature) => `--enable-${feature}`);
/** Found by trying: each saves some hundred bytes over the wire. */
const OPTIMIZE = [
  ...["--flatten", "--rereloop", "-Oz", "-Oz", "--converge"],
  ...["--one-caller-inline-max-function-size", "0"],
  // Below the first kilobyte is only the far end of the stack.
  "--low-memory-unused",
];
const SHORTEN_NAMES = "--minify-imports-and-exports-and-modules";
const STRIP = ["--strip-debug", "--strip-producers", "--strip-target-features"];

const catalogs = await writeCatalogs();
const names = RELEASE && WASM_OPT ? await optimize() : {};
const wasm = await nameByContent("zulip-presence-widget.wasm", await readFile(WASM));
const glue = await nameByContent("zulip-presence-widget.js", await bundle(names, "iife"));
await mkdir(FOR_PACKAGE, { recursive: true });
await writeFile(join(FOR_PACKAGE, "glue.js"), await bundle(names, "esm"));
await writeFile(join(FOR_PACKAGE, "files.json"), JSON.stringify({ glue, wasm }));
await Promise.all([GLUE, WASM, SNIPPETS].map((path) => rm(path, { recursive: true, force: true })));
await writeFile(LOADER, await loader({ glue, wasm, isMinified: RELEASE }));
if (RELEASE) await compressAll();

/** Writes each section of src/i18n/catalogs.txt into a file. Returns the files by language. */
async function writeCatalogs() {
  const [, ...sections] = (await readFile("src/i18n/catalogs.txt", "utf8")).split(/^\[(.+)\]\n/m);
  const files = {};
  for (let at = 0; at < sections.length; at += 2) {
    const [lang, catalog] = sections.slice(at, at + 2);
    files[lang] = await nameByContent(`zulip-presence-words-${lang}.txt`, catalog);
  }
  return files;
}

/**
 * Writes a file whose name contains the first 16 hexadecimal digits of its SHA-256. An upgrade so never mixes versions, whatever caches
 * there are, and caches may keep the file for good (gateway/src/http/cache_policy.rs).
 * @returns `[name, value of `integrity`]`
 */
async function nameByContent(name, content) {
  const hash = createHash("sha256").update(content).digest();
  const [stem, extension] = [name.slice(0, name.lastIndexOf(".")), extname(name)];
  const named = `${stem}-${hash.toString("hex").slice(0, 16)}${extension}`;
  await writeFile(join(DIST, named), content);
  return [named, `sha256-${hash.toString("base64")}`];
}

/**
 * Optimizes the WebAssembly. Returns the short names of its imports and exports, whose long ones (each with a hash) do not compress. No
 * export may have the name of a property that other code knows: that would be shortened, too (tests/e2e/upgrade.spec.mjs).
 */
async function optimize() {
  const wasmOpt = (...flags) => promisify(execFile)(WASM_OPT, [...FEATURES, ...flags]);
  await wasmOpt(...OPTIMIZE, ...STRIP, WASM, "-o", WASM);
  const shortened = `${WASM}.short`;
  const { stdout } = await wasmOpt(SHORTEN_NAMES, WASM, "-o", shortened);
  const { imports, exports } = JSON.parse(stdout);
  const [glue, ...others] = new Set(imports.map(([module]) => module));
  // With reference types wasm-bindgen imports some modules of ours past its glue. wasm-opt makes one of all modules, the glue does not.
  if (others.length) {
    await rm(shortened);
    return {};
  }
  await rename(shortened, WASM);
  return Object.fromEntries([
    ...exports,
    [glue, "a"],
    ...imports.map(([, long, short]) => [long, short]),
  ]);
}

/**
 * Bundles the glue and the scripts beside it into one file: a classic script ("iife"), or the npm package's module ("esm"). `names` are
 * properties to shorten.
 */
async function bundle(names, format) {
  const longNames = Object.keys(names).map((name) => name.replaceAll(/[.$]/g, "\\$&"));
  const isModule = format === "esm";
  const { outputFiles } = await build({
    entryPoints: [`src/element/${isModule ? "bundle" : "bundle-script"}.js`],
    bundle: true,
    write: false,
    format,
    alias: { "wasm-bindgen": resolve(GLUE) },
    plugins: [{ name: "generated", setup: generated }, ownFiles],
    define: {
      ...define({ BADGE_STYLE: await badgeRules() }),
      ...(isModule ? {} : { "import.meta.url": "document.currentScript.src" }),
    },
    minify: RELEASE,
    mangleProps: longNames.length ? new RegExp(`^(?:${longNames.join("|")})$`) : undefined,
    mangleCache: names,
    mangleQuoted: true,
    target: "es2022",
    legalComments: "none",
  });
  return outputFiles[0].text;
}

function generated({ onResolve, onLoad }) {
  // wasm-bindgen's copies of our modules are replaced by the originals, which other modules also import.
  onResolve({ filter: /\/snippets\// }, ({ path }) => ({
    path: resolve(path.replace(/^.*?\/snippets\/[^/]+\//, "")),
  }));
  // The catalogs' URLs, written out, because bundlers recognise only this form.
  onResolve({ filter: /^built:catalogs$/ }, ({ path }) => ({ path, namespace: "generated" }));
  onLoad({ filter: /.*/, namespace: "generated" }, () => {
    const entries = Object.entries(catalogs).map(
      ([lang, [name, integrity]]) =>
        `${JSON.stringify(lang)}: [new URL(${JSON.stringify(`./${name}`)}, import.meta.url), ${JSON.stringify(integrity)}]`,
    );
    return { contents: `export default { ${entries.join(",")} };` };
  });
}

/** The rules that the loader adds to its own. */
async function badgeRules() {
  const rules = [""];
  let depth = 0;
  for (const part of (await style("src/badge/badge.css")).split(/([{}])/)) {
    rules[rules.length - 1] += part;
    depth += part === "{" ? 1 : part === "}" ? -1 : 0;
    if (part === "}" && depth === 0) rules.push("");
  }
  return rules.slice(0, -1);
}

async function compressAll() {
  const files = await readdir(DIST, { recursive: true, withFileTypes: true });
  await Promise.all(
    files
      .filter((entry) => entry.isFile())
      .map((entry) => compress(join(entry.parentPath, entry.name))),
  );
}

async function compress(file) {
  const bytes = await readFile(file);
  const br = await promisify(brotliCompress)(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  });
  await writeFile(`${file}.br`, br);
  await writeFile(`${file}.gz`, await promisify(gzip)(bytes, { level: 9 }));
}
