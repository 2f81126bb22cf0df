// Makes zulip-presence.js, or the npm package's module, out of src/element.js.

import { readFile } from "node:fs/promises";
import { transform } from "esbuild";

/** A part of the badges' style, minified if wanted. */
export async function style(file, isMinified = true) {
  const { code } = await transform(await readFile(file, "utf8"), {
    minify: isMinified,
    loader: "css",
  });
  return code.trim();
}

/**
 * @param {object} options
 * @param {string} [options.version] The digest that the URLs of the glue and the wasm carry.
 * @param {{ glue: string, wasm: string }} [options.integrity] What the two are checked by; unless given they are not.
 * @param {boolean} [options.isPackage] Whether a bundler is to find the files.
 */
export async function loader({
  version = "",
  integrity = { glue: "", wasm: "" },
  isPackage = false,
  isMinified = true,
}) {
  const source = await readFile("src/element.js", "utf8");
  const constants = {
    STYLE: await style("src/unknown.css", isMinified),
    VERSION: version,
    GLUE_DIGEST: integrity.glue,
    WASM_DIGEST: integrity.wasm,
    IS_PACKAGE: isPackage,
  };
  const { code } = await transform(source, {
    define: Object.fromEntries(
      Object.entries(constants).map(([name, value]) => [name, JSON.stringify(value)]),
    ),
    minify: isMinified,
    // So that what belongs to the other kind goes.
    minifySyntax: true,
    target: "es2022",
    format: isPackage ? "esm" : undefined,
  });
  return code;
}
