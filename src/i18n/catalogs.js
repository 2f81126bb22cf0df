// Loads the messages of the page's language. Each section of catalogs.txt is a file.

import { insertCatalog } from "wasm-bindgen";
// Of the build: `{lang: [URL, value of integrity]}`.
import FILES from "built:catalogs";

const TIME_LIMIT_MS = 10_000;

let retry;

/** Sets the loader's `retry` (src/element/retry.js). */
export function setRetry(ofLoader) {
  retry = ofLoader;
}

/** Passes the language's catalog to the WebAssembly; an empty one while it cannot be loaded. */
export async function fetchCatalog(lang) {
  const [url, integrity] = FILES[lang];
  const get = async (cache) => {
    const signal = AbortSignal.timeout(TIME_LIMIT_MS);
    const response = await fetch(url, { integrity, cache, signal });
    if (!response.ok) throw new Error(`HTTP ${response.status}`);
    return response.text();
  };
  // A second time if that fails, as the loader does with its files.
  const load = (failures) => get(failures ? "reload" : "default").catch(() => get("reload"));
  const failed = (_, failures) => failures > 1 || insertCatalog(lang, "");
  insertCatalog(lang, await retry(load, failed));
}
