// Loads the messages of the page's language. Each section of catalogs.txt is a file.

import { insertCatalog } from "wasm-bindgen";
// Of the build: `{lang: [URL, value of integrity]}`.
import FILES from "built:catalogs";

/** Passes the language's catalog to the WebAssembly; an empty one if it cannot be loaded. */
export function fetchCatalog(lang) {
  const [url, integrity] = FILES[lang];
  fetch(url, { integrity })
    .then((response) => (response.ok ? response.text() : ""))
    .catch(() => "")
    .then((catalog) => insertCatalog(lang, catalog));
}
