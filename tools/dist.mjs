// Trunk's post_build hook: turns what Trunk built into the files that pages load.
//
// In any build: src/element.js becomes zulip-presence.js, the one URL that pages know.
// In a release build also: what only people read is taken out of the WebAssembly and its glue, both scripts and the style in the
// loader are minified, the loader learns the digest of the files that it loads
// (so that an upgrade never mixes versions), and .br and .gz are laid beside every file.

import { createHash } from "node:crypto";
import { copyFile, readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { transform } from "esbuild";
import { remember } from "./remember.mjs";
import { shrink } from "./shrink.mjs";

const DIST = process.env.TRUNK_STAGING_DIR ?? "dist";
const RELEASE = process.env.TRUNK_PROFILE === "release";

const LOADER = join(DIST, "zulip-presence.js");
const GLUE = join(DIST, "zulip-presence-widget.js");
const WASM = join(DIST, "zulip-presence-widget_bg.wasm");
/** Stands in src/element.js where the digest goes. */
const PLACEHOLDER = "__VERSION__";
/** The style in src/element.js. */
const STYLE = /const STYLE = `([^`]*)`;/;

if (RELEASE) {
  const built = await readFile(WASM);
  const { wasm, glue } = shrink(built, remember(built, await readFile(GLUE, "utf8")));
  await writeFile(WASM, wasm);
  await writeFile(GLUE, await minified(glue, "esm"));
  await writeFile(LOADER, await loader());
  await compressAll();
} else {
  await copyFile("src/element.js", LOADER);
}

async function minified(source, format) {
  const { code } = await transform(source, { minify: true, target: "es2022", format });
  return code;
}

async function loader() {
  const source = await readFile("src/element.js", "utf8");
  const [before, style, after] = source.split(STYLE);
  if (after === undefined || source.split(PLACEHOLDER).length !== 2) {
    throw new Error(
      `src/element.js must have one style, and ${PLACEHOLDER} once, where the digest goes`,
    );
  }
  const css = await transform(style, { minify: true, loader: "css" });
  const code = `${before}const STYLE = ${JSON.stringify(css.code)};${after}`;
  return minified(code.replace(PLACEHOLDER, await digest()));
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
