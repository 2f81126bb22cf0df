// Makes zulip-presence.js, or the npm package's module, out of src/element.js.

import { readFile } from "node:fs/promises";
import { transform } from "esbuild";

/** The style in src/element.js. */
const STYLE = /const STYLE = String\.raw`([^`]*)`;/;
/** Selectors in it for badges of Yew apps, which stand in no shadow. */
const OF_YEW = /, \.zulip-presence-overlay[^,{]*/g;

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
  const [before, style, after] = source.split(STYLE);
  if (after === undefined) throw new Error("src/element.js must have one style");
  const css = await transform(style.replaceAll(OF_YEW, " "), { minify: isMinified, loader: "css" });
  const constants = {
    VERSION: version,
    GLUE_DIGEST: integrity.glue,
    WASM_DIGEST: integrity.wasm,
    IS_PACKAGE: isPackage,
  };
  const { code } = await transform(`${before}const STYLE = ${JSON.stringify(css.code)};${after}`, {
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
