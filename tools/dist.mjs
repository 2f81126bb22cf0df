// Trunk's post_build hook: turns what Trunk built into the files that pages load.
//
// src/element.js becomes zulip-presence.js, the one URL that pages know; src/ask.js, languages.js, scan.js and tell.js become parts of the glue,
// and each section of src/words.txt a file beside it.
// In a release build also: what only people read is taken out of the WebAssembly and its glue, both scripts and the style in the
// loader are minified, the loader learns the digests of the files that it loads
// (so that an upgrade never mixes versions, and nobody else's file is ever run), and .br and .gz are laid beside every file.

import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { transform } from "esbuild";
import { loader, style } from "./loader.mjs";
import { remember } from "./remember.mjs";
import { shrink } from "./shrink.mjs";

const DIST = process.env.TRUNK_STAGING_DIR ?? "dist";
const RELEASE = process.env.TRUNK_PROFILE === "release";

const LOADER = join(DIST, "zulip-presence.js");
const GLUE = join(DIST, "zulip-presence-widget.js");
const WASM = join(DIST, "zulip-presence-widget_bg.wasm");
const PARTS = ["ask", "languages", "scan", "tell"].map((name) => `src/${name}.js`);

const parts = [
  await words(),
  await rest(),
  ...(await Promise.all(PARTS.map((file) => readFile(file, "utf8")))),
];
if (RELEASE) {
  const built = await readFile(WASM);
  const { wasm, glue } = shrink(built, remember(built, await readFile(GLUE, "utf8")));
  await writeFile(WASM, wasm);
  await writeFile(GLUE, await minified(glue + parts.join("")));
  const integrity = { glue: await integrityOf(GLUE), wasm: await integrityOf(WASM) };
  await writeFile(LOADER, await loader({ version: await digest(), integrity }));
  await compressAll();
} else {
  await writeFile(GLUE, (await readFile(GLUE, "utf8")) + parts.join(""));
  await writeFile(LOADER, await loader({ isMinified: false }));
}

/** Writes each section of src/words.txt into a file; the constant by which the glue finds and checks them. */
async function words() {
  const [, ...sections] = (await readFile("src/words.txt", "utf8")).split(/^\[(.+)\]\n/m);
  const entries = [];
  for (let at = 0; at < sections.length; at += 2) {
    const [language, table] = sections.slice(at, at + 2);
    const name = `zulip-presence-words-${language}.txt`;
    await writeFile(join(DIST, name), table);
    // Written out, for bundlers look for just this.
    const url = `new URL("./${name}", import.meta.url)`;
    entries.push(`"${language}":[${url},"${RELEASE ? await integrityOf(join(DIST, name)) : ""}"]`);
  }
  return `const WORDS={${entries}};`;
}

/** The rules that the loader adds to its own. */
async function rest() {
  const rules = [""];
  let depth = 0;
  for (const part of (await style("src/badge.css")).split(/([{}])/)) {
    rules[rules.length - 1] += part;
    depth += part === "{" ? 1 : part === "}" ? -1 : 0;
    if (part === "}" && depth === 0) rules.push("");
  }
  return `export const STYLE=${JSON.stringify(rules.slice(0, -1))};`;
}

async function minified(source) {
  const { code } = await transform(source, { minify: true, target: "es2022", format: "esm" });
  return code;
}

/** What `integrity` holds: SHA-256, as browsers want it written. */
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
