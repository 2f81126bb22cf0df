// Builds zulip-presence.js, or the npm package's module, from src/element/zulip-presence.js.

import { readFile } from "node:fs/promises";
import { build, transform } from "esbuild";
import { ownFiles } from "./own-files.mjs";

/** A part of the badges' style, optionally minified. */
export async function style(file, isMinified = true) {
  const { code } = await transform(await readFile(file, "utf8"), {
    minify: isMinified,
    loader: "css",
  });
  return code.trim();
}

/** The values that esbuild substitutes for the constants of a script. */
export function define(constants) {
  return Object.fromEntries(
    Object.entries(constants).map(([name, value]) => [name, JSON.stringify(value)]),
  );
}

/**
 * @param {object} options
 * @param {string} [options.version] The digest that the URLs of the glue and the wasm carry.
 * @param {{ glue: string, wasm: string }} [options.integrity] The digests that the two are checked by; without them they are not checked.
 * @param {boolean} [options.isPackage] Whether a bundler is to find the files.
 */
export async function loader({
  version = "",
  integrity = { glue: "", wasm: "" },
  isPackage = false,
  isMinified = true,
}) {
  const { outputFiles } = await build({
    entryPoints: ["src/element/zulip-presence.js"],
    bundle: true,
    write: false,
    define: define({
      CRITICAL_STYLE: await style("src/badge/critical.css", isMinified),
      VERSION: version,
      GLUE_DIGEST: integrity.glue,
      WASM_DIGEST: integrity.wasm,
      IS_PACKAGE: isPackage,
    }),
    external: ["./zulip-presence-widget.js"],
    plugins: [ownFiles],
    minify: isMinified,
    // So that code of the other variant is removed.
    minifySyntax: true,
    target: "es2022",
    format: isPackage ? "esm" : "iife",
    // Only the package's module has `import.meta`, and only the package uses it.
    logOverride: { "empty-import-meta": "silent" },
    legalComments: "none",
  });
  return outputFiles[0].text;
}
