// Loads the WebAssembly and its glue, once, and runs them only if they are what they were when this file was made.

import { baseUrl, defaultEndpoint, script, settings } from "./script-tag.js";
import { sheet } from "./template.js";
import { isVisible } from "./visibility.js";

/** What the bundle exports; null once it failed to load. */
export let wasm;
let ready;
const listeners = [];

/** Calls back once the WebAssembly runs. */
export const onLoad = (listener) => listeners.push(listener);

/** Resolves with whether it runs. */
export const load = () => (ready ??= start());

async function start() {
  const [glue, binary] = ["zulip-presence-widget.js", "zulip-presence-widget_bg.wasm"].map(
    // Where a bundler puts them is its own affair.
    (name) => (IS_PACKAGE ? name : new URL(`${name}?v=${VERSION}`, baseUrl).href),
  );
  try {
    if (!CSS.supports("selector(:state(a))")) throw new Error("this browser is too old");
    // Both at once: the one need not wait for the other, and the first request for neither.
    const [exports, response] = await Promise.all([
      (IS_PACKAGE ? import("./zulip-presence-widget.js") : importChecked(glue)).then((exports) => {
        exports.preload(settings, defaultEndpoint(), isVisible);
        return exports;
      }),
      IS_PACKAGE
        ? fetch(new URL("./zulip-presence-widget_bg.wasm", import.meta.url))
        : fetch(binary, { integrity: WASM_DIGEST }),
    ]);
    // Not the response: its bytes are whole and checked by now, and no type of file is wrong for them.
    await exports.default({ module_or_path: await response.arrayBuffer() });
    wasm = exports;
    // Rule by rule: a browser then looks only at what each is about, not at every badge again.
    for (const rule of wasm.STYLE) sheet.insertRule(rule, sheet.cssRules.length);
    for (const listener of listeners) listener();
  } catch (error) {
    wasm = null;
    console.warn(
      `zulip-presence: badges stay unknown, as ${glue} or ${binary} did not load. Needed: a browser of 2024, both files unchanged, as text/javascript and application/wasm, with Access-Control-Allow-Origin, Content-Security-Policy script-src ${new URL(baseUrl).origin} 'wasm-unsafe-eval' and connect-src.`,
      error,
    );
  }
  return !!wasm;
}

/** Runs a module that is what it was when this file was made. A failed check does not keep import() from running it. */
function importChecked(href) {
  return new Promise((resolve, reject) => {
    const link = Object.assign(document.createElement("link"), {
      rel: "modulepreload",
      href,
      integrity: GLUE_DIGEST,
      crossOrigin: "",
      nonce: script?.nonce,
      onload: () => resolve(import(href)),
      onerror: reject,
    });
    document.head.append(link);
  });
}
