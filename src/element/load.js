// Loads the WebAssembly and its glue, once, and runs them only if they match the digests in this file, or in the zulip-presence.js that is
// there at present: an upgrade may have removed the files of an open page. What fails is tried again.

import { addStyle } from "../badge/style.js";
import { preloaded } from "./preload.js";
import { retry, wake } from "./retry.js";
import { baseUrl, isOwnFile, isPinned, script } from "./script-tag.js";

/** How long an attempt may take; after failures twice and four times as long, as the connection may be slow. */
const TIME_LIMIT_MS = 30_000;
/** How often an attempt begins anew, as the server has other files: replicas of two versions may answer in turn. */
const MAX_ROUNDS = 4;
/** FILES in the text of any zulip-presence.js. */
const FILES_IN_LOADER = /\{"interface":\d.*?\}/;

/** The exports of the bundle; undefined until it has loaded, null if it never will. */
export let wasm;
let ready;
/** What to load: `{ interface, glue: [name, integrity], wasm: [name, integrity] }`. */
let files = JSON.parse(FILES);
/** The element here can use files of this interface only. */
const INTERFACE = files.interface;
/** Maps URLs to promises of what has loaded, or is loading. */
const loads = new Map();
/** The URLs that were requested so far. */
const requested = new Set();
/** The error after which no attempt can succeed. */
let hopeless;
/** Whether the server has files of another interface. */
let isOutdated;
/** The kinds of the console lines so far. */
const warned = new Set();
let policy;
const listeners = [];

/** Calls back once the WebAssembly runs. */
export const onLoad = (listener) => listeners.push(listener);

/** Resolves to true once the WebAssembly runs; to false once it is certain that it never will. */
export const load = () =>
  (ready ??= retry(attempt, failed).then((isRunning) => {
    if (!isRunning) wasm = null;
    return !!isRunning;
  }));

/** Resolves to true, or rejects. */
async function attempt(failures) {
  if (isSimulated() || !CSS.supports("selector(:state(a))") || !globalThis.WebAssembly)
    hopeless ??= new Error("this browser is too old");
  if (hopeless) throw hopeless;
  // What follows in a combined file may set the endpoint. Otherwise the requests begin before the elements of the page are created.
  if (!isOwnFile) await undefined;
  const base = baseUrl();
  if (!IS_PACKAGE && !base) throw undefined;
  document.addEventListener("securitypolicyviolation", noticeViolation);
  const signal = AbortSignal.timeout(TIME_LIMIT_MS * Math.min(2 ** failures, 4));
  for (let round = 1; ; round++) {
    const obtain = (begin, [name, integrity]) =>
      once(IS_PACKAGE ? name : new URL(name, base).href, failures < 4 ? 2 : 1, (url) =>
        begin(url, integrity, signal),
      );
    try {
      // In parallel: neither needs to wait for the other.
      run(...(await Promise.all([obtain(loadGlue, files.glue), obtain(loadBinary, files.wasm)])));
      return true;
    } catch (error) {
      const present =
        hopeless || round === MAX_ROUNDS ? undefined : await presentFiles(base, signal);
      if (present) isOutdated = present.interface !== INTERFACE;
      if (!present || isOutdated || hopeless) throw error;
      // With the same files once, in the first attempt: another replica may have answered before.
      if (failures + round > 1 && JSON.stringify(present) === JSON.stringify(files)) throw error;
      files = present;
    }
  }
}

/**
 * Calls `begin(url)`, unless the same has loaded already, or is loading; a second time if that fails: of two replicas that answer in turn,
 * one has the file.
 */
function once(url, tries, begin) {
  const attempt = async () => {
    // The query keeps caches from repeating their last answer.
    const fresh = requested.has(url) ? `${url}?${Math.random()}` : url;
    requested.add(url);
    try {
      return await begin(fresh);
    } catch (error) {
      if (hopeless || --tries <= 0) throw error;
      return attempt();
    }
  };
  if (!loads.has(url)) {
    const loaded = attempt();
    loads.set(url, loaded);
    loaded.catch(() => loads.delete(url));
  }
  return loads.get(url);
}

/**
 * Runs the glue, a classic script: after an ES module some browsers ignore an import map that comes later in the page. The glue stores its
 * exports on its own tag.
 */
async function loadGlue(url, integrity, signal) {
  if (IS_PACKAGE) return import("built:glue");
  signal.throwIfAborted();
  const element = document.createElement("script");
  return new Promise((resolve, reject) => {
    Object.assign(element, {
      integrity,
      crossOrigin: "",
      nonce: script?.nonce ?? "",
      onerror: reject,
    });
    // Not by onload: document.open() removes all listeners.
    Object.defineProperty(element, "exports", { set: resolve });
    signal.addEventListener("abort", reject);
    try {
      element.src = trusted(url);
    } catch (error) {
      hopeless = error;
      throw error;
    }
    (document.head ?? document.documentElement).append(element);
  }).finally(() => element.remove());
}

async function loadBinary(url, integrity, signal) {
  const response = await (IS_PACKAGE
    ? fetch(new URL(WASM_URL, import.meta.url), {
        cache: url === files.wasm[0] ? "default" : "reload",
        signal,
      })
    : fetch(url, { integrity, signal }));
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  // Not compiled from the response: its bytes are complete and checked here, and a wrong content type does not matter.
  const bytes = await response.arrayBuffer();
  try {
    return await WebAssembly.compile(bytes);
  } catch (error) {
    // The page's policy forbids it.
    if (WebAssembly.validate(bytes)) hopeless = error;
    throw error;
  }
}

/** FILES of the zulip-presence.js that is there at present; undefined if the page pins its own, or it cannot be read. */
async function presentFiles(base, signal) {
  if (IS_PACKAGE || isPinned()) return undefined;
  try {
    const url = new URL(`zulip-presence.js?${Math.random()}`, base);
    const response = await fetch(url, { cache: "no-store", signal });
    return JSON.parse(FILES_IN_LOADER.exec(await response.text())[0]);
  } catch {
    return undefined;
  }
}

function run(exports, module) {
  try {
    exports.initSync({ module });
    exports.takeOver(preloaded);
    exports.setRetry(retry);
    addStyle(...exports.STYLE);
    wasm = exports;
    for (const listener of listeners) listener();
  } catch (error) {
    hopeless = error;
    throw error;
  }
}

/** A policy of the page blocks a file. */
function noticeViolation({ blockedURI, disposition }) {
  if (disposition !== "enforce" || !requested.has(blockedURI.split("?")[0])) return;
  hopeless ??= new Error(`the Content-Security-Policy blocks ${blockedURI}`);
  wake();
}

/** Names the fix, once. Returns whether there is hope. */
function failed(error, failures) {
  const base = baseUrl();
  if (isOutdated) {
    warnOnce(
      "reload",
      "until this page is reloaded: the server has been upgraded to files that it cannot use.",
    );
  } else if (!IS_PACKAGE && !base) {
    // At first the page may be about to say where they are.
    if (failures > 1)
      warnOnce(
        "base",
        "as a script that no <script src> names does not know where its files are. Before it, set window.zulipPresence = { endpoint: 'https://presence.example.com/api/v1' }, or data-endpoint on its tag.",
      );
  } else if (!isSimulated()) {
    const urls = [files.glue, files.wasm].map(([name]) =>
      IS_PACKAGE ? name : new URL(name, base).href,
    );
    warnOnce(
      "load",
      `as ${urls.slice(IS_PACKAGE ? 1 : 0).join(" or ")} did not load. Needed: a browser of 2024, both files unchanged, as text/javascript and application/wasm, with Access-Control-Allow-Origin, Content-Security-Policy script-src ${new URL(base ?? document.baseURI).origin} 'wasm-unsafe-eval' and connect-src, and trusted-types zulip-presence where that is set.${isPinned() ? " No others are used, as this page pins zulip-presence.js by integrity: keep these two beside it, or pin another copy." : ""}`,
      error,
    );
  }
  return !hopeless;
}

function warnOnce(kind, why, ...details) {
  if (warned.has(kind)) return;
  warned.add(kind);
  console.warn(`zulip-presence: badges stay unknown, ${why}`, ...details);
}

/** Whether there is no browser, but a document such as jsdom's, without CSS, or happy-dom's, which says that it supports everything. */
const isSimulated = () => globalThis.CSS?.supports?.("") !== false;

/** The URL in the form that pages with Trusted Types require. */
function trusted(url) {
  try {
    // One policy: many pages refuse a second one of the same name.
    policy ??= trustedTypes.createPolicy("zulip-presence", { createScriptURL: (url) => url });
    return policy.createScriptURL(url);
  } catch {
    // A browser without Trusted Types, or a page that forbids this policy but may not enforce Trusted Types.
    return url;
  }
}
