// Trunk's post_build hook: turns what Trunk built into the files that pages load.
//
// src/element/zulip-presence.js and what it imports become zulip-presence.js, the one URL that pages know; wasm-bindgen's glue and the
// scripts of src/element/bundle.js become zulip-presence-widget.js, and each section of src/i18n/catalogs.txt a file beside it. For the npm
// package the glue is also built as a module. In a release build also: wasm-opt removes debug data, the scripts are minified, the loader
// gets the digests of the files that it loads (so that an upgrade never mixes versions, and no other file is ever run), and .br and .gz are
// written beside every file.

import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { build } from "esbuild";
import { define, loader, style } from "./loader.mjs";
import { ownFiles } from "./own-files.mjs";

const DIST = process.env.TRUNK_STAGING_DIR ?? "dist";
const RELEASE = process.env.TRUNK_PROFILE === "release";

const LOADER = join(DIST, "zulip-presence.js");
const GLUE = join(DIST, "zulip-presence-widget.js");
const WASM = join(DIST, "zulip-presence-widget_bg.wasm");
/** The glue of the npm package. */
const MODULE = join("target/npm", basename(process.env.TRUNK_DIST_DIR ?? "dist"), basename(GLUE));
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
const STRIP = ["--strip-debug", "--strip-producers", "--strip-target-features"];
const SHORTEN_NAMES = "--minify-imports-and-exports-and-modules";

const digests = await catalogs();
const names = RELEASE && WASM_OPT ? await optimize() : {};
await bundle(names);
await rm(SNIPPETS, { recursive: true, force: true });
if (RELEASE) {
  const integrity = { glue: await integrityOf(GLUE), wasm: await integrityOf(WASM) };
  await writeFile(LOADER, await loader({ version: await digest(), integrity }));
  await compressAll();
} else {
  await writeFile(LOADER, await loader({ isMinified: false }));
}

/** Writes each section of src/i18n/catalogs.txt into a file. Returns the digests by language. */
async function catalogs() {
  const [, ...sections] = (await readFile("src/i18n/catalogs.txt", "utf8")).split(/^\[(.+)\]\n/m);
  const digests = {};
  for (let at = 0; at < sections.length; at += 2) {
    const [lang, catalog] = sections.slice(at, at + 2);
    const file = join(DIST, `zulip-presence-words-${lang}.txt`);
    await writeFile(file, catalog);
    digests[lang] = RELEASE ? await integrityOf(file) : "";
  }
  return digests;
}

/** Optimizes the WebAssembly. Returns the short names of its imports and exports, whose long ones (each with a hash) do not compress. */
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

/** Bundles the glue and the scripts beside it into one file. `names` are properties to shorten. */
async function bundle(names) {
  const longNames = Object.keys(names).map((name) => name.replaceAll(/[.$]/g, "\\$&"));
  const constants = define({ BADGE_STYLE: await badgeRules(), CATALOG_DIGESTS: digests });
  const options = {
    bundle: true,
    alias: { "wasm-bindgen": resolve(GLUE) },
    plugins: [{ name: "originals", setup: originals }, ownFiles],
    define: constants,
    minify: RELEASE,
    mangleProps: longNames.length ? new RegExp(`^(?:${longNames.join("|")})$`) : undefined,
    mangleCache: names,
    mangleQuoted: true,
    target: "es2022",
    legalComments: "none",
  };
  await build({
    ...options,
    entryPoints: ["src/element/bundle.js"],
    outfile: MODULE,
    format: "esm",
  });
  await build({
    ...options,
    entryPoints: ["src/element/bundle-script.js"],
    outfile: GLUE,
    allowOverwrite: true,
    format: "iife",
    define: { ...constants, "import.meta.url": "document.currentScript.src" },
  });
}

/** Replaces wasm-bindgen's copies of our modules by the originals, which other modules also import. */
function originals({ onResolve }) {
  onResolve({ filter: /\/snippets\// }, ({ path }) => ({
    path: resolve(path.replace(/^.*?\/snippets\/[^/]+\//, "")),
  }));
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

/** The value of `integrity`: SHA-256, in the browsers' format. */
async function integrityOf(file) {
  return `sha256-${createHash("sha256")
    .update(await readFile(file))
    .digest("base64")}`;
}

/** The first 16 hexadecimal digits of SHA-256 over the glue and then the wasm. */
async function digest() {
  const hash = createHash("sha256");
  for (const file of [GLUE, WASM]) hash.update(await readFile(file));
  return hash.digest("hex").slice(0, 16);
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
