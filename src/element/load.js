// Loads the WebAssembly and its glue, once, and runs them only if they match the digests in this file.

import { preloaded } from "./preload.js";
import { baseUrl, script } from "./script-tag.js";
import { addStyle } from "./template.js";

const { glue: GLUE, wasm: BINARY } = JSON.parse(FILES);

/** The exports of the bundle; null if it failed to load. */
export let wasm;
let ready;
let hasWarned;
const listeners = [];

/** Calls back once the WebAssembly runs. */
export const onLoad = (listener) => listeners.push(listener);

/** Resolves to whether the WebAssembly runs. */
export const load = () => (ready ??= start());

async function start() {
  const base = baseUrl();
  if (!IS_PACKAGE && !base) {
    if (!hasWarned)
      console.warn(
        "zulip-presence: badges stay unknown, as a script that no <script src> names does not know where its files are. Before it, set window.zulipPresence = { endpoint: 'https://presence.example.com/api/v1' }, or data-endpoint on its tag.",
      );
    hasWarned = true;
    // Later settings may name the endpoint.
    queueMicrotask(() => (ready = undefined));
    return false;
  }
  // A bundler decides where it puts the files.
  const [glue, binary] = [GLUE, BINARY].map(([name]) =>
    IS_PACKAGE ? name : new URL(name, base).href,
  );
  try {
    if (!CSS.supports("selector(:state(a))")) throw new Error("this browser is too old");
    // In parallel: neither needs to wait for the other.
    const [exports, response] = await Promise.all(
      IS_PACKAGE
        ? [import("built:glue"), fetch(new URL(WASM_URL, import.meta.url))]
        : [runScript(glue), fetch(binary, { integrity: BINARY[1] })],
    );
    // Not from the response: its bytes are complete and checked here, and a wrong content type does not matter.
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
 * Runs the glue, a classic script: after an ES module some browsers ignore an import map that comes later in the page. The glue stores its
 * exports on its own tag.
 */
function runScript(url) {
  return new Promise((resolve, reject) => {
    const element = Object.assign(document.createElement("script"), {
      integrity: GLUE[1],
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

/** The URL in the form that pages with Trusted Types require. */
function trusted(url) {
  try {
    const rules = { createScriptURL: (url) => url };
    return trustedTypes.createPolicy("zulip-presence", rules).createScriptURL(url);
  } catch {
    // A browser without Trusted Types, or a page that forbids this policy but may not enforce Trusted Types.
    return url;
  }
}
