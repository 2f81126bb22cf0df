// Builds zulip-presence.js, or the npm package's module, from src/element/zulip-presence.js.

import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { build, transform } from "esbuild";
import { INTERFACE } from "../src/element/interface.js";
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
 * @param {[string, string]} options.glue Its name, and the value of `integrity`.
 * @param {[string, string]} options.wasm Likewise.
 * @param {string} [options.module] The glue as a module. With it the result is a module, too: a bundler is to find the WebAssembly.
 */
export async function loader({ glue, wasm, module, isMinified = true }) {
  const isPackage = module !== undefined;
  const { outputFiles } = await build({
    entryPoints: ["src/element/zulip-presence.js"],
    bundle: true,
    write: false,
    define: define({
      CRITICAL_STYLE: await style("src/badge/critical.css", isMinified),
      FILES: JSON.stringify({ interface: INTERFACE, glue, wasm }),
      WASM_URL: `./${wasm[0]}`,
      IS_PACKAGE: isPackage,
    }),
    plugins: [
      {
        name: "glue",
        setup: ({ onResolve }) =>
          onResolve({ filter: /^built:glue$/ }, ({ path }) =>
            isPackage ? { path: resolve(module) } : { path, external: true },
          ),
      },
      ownFiles,
    ],
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
