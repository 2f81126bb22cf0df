// Loads the WebAssembly and its glue, once, and runs them only if they are what they were when this file was made.

import { preloaded } from "./preload.js";
import { baseUrl, script } from "./script-tag.js";
import { addStyle } from "./template.js";

const GLUE = "zulip-presence-widget.js";
const BINARY = "zulip-presence-widget_bg.wasm";

/** What the bundle exports; null once it failed to load. */
export let wasm;
let ready;
let hasWarned;
const listeners = [];

/** Calls back once the WebAssembly runs. */
export const onLoad = (listener) => listeners.push(listener);

/** Resolves with whether it runs. */
export const load = () => (ready ??= start());

async function start() {
  const base = baseUrl();
  if (!IS_PACKAGE && !base) {
    if (!hasWarned)
      console.warn(
        "zulip-presence: badges stay unknown, as a script that no <script src> names does not know where its files are. Before it, set window.zulipPresence = { endpoint: 'https://presence.example.com/api/v1' }, or data-endpoint on its tag.",
      );
    hasWarned = true;
    // Settings that come later may tell.
    queueMicrotask(() => (ready = undefined));
    return false;
  }
  // Where a bundler puts them is its own affair.
  const [glue, binary] = [GLUE, BINARY].map((name) =>
    IS_PACKAGE ? name : new URL(`${name}?v=${VERSION}`, base).href,
  );
  try {
    if (!CSS.supports("selector(:state(a))")) throw new Error("this browser is too old");
    // Both at once: the one need not wait for the other.
    const [exports, response] = await Promise.all(
      IS_PACKAGE
        ? [
            import("./zulip-presence-widget.js"),
            fetch(new URL("./zulip-presence-widget_bg.wasm", import.meta.url)),
          ]
        : [runScript(glue), fetch(binary, { integrity: WASM_DIGEST })],
    );
    // Not from the response: its bytes are whole and checked by now, and no type of file is wrong for them.
    exports.initSync({ module: await WebAssembly.compile(await response.arrayBuffer()) });
    exports.takeOver(preloaded);
    addStyle(exports.STYLE);
    wasm = exports;
    for (const listener of listeners) listener();
  } catch (error) {
    wasm = null;
    console.warn(
      `zulip-presence: badges stay unknown, as ${glue} or ${binary} did not load. Needed: a browser of 2024, both files unchanged, as text/javascript and application/wasm, with Access-Control-Allow-Origin, Content-Security-Policy script-src ${new URL(base ?? document.baseURI).origin} 'wasm-unsafe-eval' and connect-src, and trusted-types zulip-presence where that is set.`,
      error,
    );
  }
  return !!wasm;
}

/**
 * Runs the glue, a classic script: after an ES module some browsers ignore the import map of a page that has not read it yet. It leaves what
 * it exports at its own tag.
 */
function runScript(url) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement("script"), {
      integrity: GLUE_DIGEST,
      crossOrigin: "",
      nonce: script?.nonce ?? "",
      onload: () => {
        element.remove();
        resolve(element.exports);
      },
      onerror: reject,
      src: trusted(url),
    });
    document.head.append(element);
  });
}

/** The URL, as pages with Trusted Types want it. */
function trusted(url) {
  try {
    const rules = { createScriptURL: (url) => url };
    return trustedTypes.createPolicy("zulip-presence", rules).createScriptURL(url);
  } catch {
    // A browser without, or a page that forbids this policy; which it need not insist on.
    return url;
  }
}
