// Trunk's post_build hook: turns what Trunk built into the files that pages load.
//
// src/element.js becomes zulip-presence.js, the one URL that pages know, and src/scan.js becomes a part of the glue.
// In a release build also: what only people read is taken out of the WebAssembly and its glue, both scripts and the style in the
// loader are minified, the loader learns the digests of the files that it loads
// (so that an upgrade never mixes versions, and nobody else's file is ever run), and .br and .gz are laid beside every file.

import { createHash } from "node:crypto";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import { transform } from "esbuild";
import { loader } from "./loader.mjs";
import { remember } from "./remember.mjs";
import { shrink } from "./shrink.mjs";

const DIST = process.env.TRUNK_STAGING_DIR ?? "dist";
const RELEASE = process.env.TRUNK_PROFILE === "release";

const LOADER = join(DIST, "zulip-presence.js");
const GLUE = join(DIST, "zulip-presence-widget.js");
const WASM = join(DIST, "zulip-presence-widget_bg.wasm");
const SCAN = "src/scan.js";

if (RELEASE) {
  const built = await readFile(WASM);
  const { wasm, glue } = shrink(built, remember(built, await readFile(GLUE, "utf8")));
  await writeFile(WASM, wasm);
  await writeFile(GLUE, await minified(glue + (await readFile(SCAN, "utf8"))));
  const integrity = { glue: await integrityOf(GLUE), wasm: await integrityOf(WASM) };
  await writeFile(LOADER, await loader({ version: await digest(), integrity }));
  await compressAll();
} else {
  await writeFile(GLUE, (await readFile(GLUE, "utf8")) + (await readFile(SCAN, "utf8")));
  await writeFile(LOADER, await loader({ isMinified: false }));
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
