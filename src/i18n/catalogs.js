// Loads the messages of the page's language. Each section of catalogs.txt is a file beside this module.

import { insertCatalog } from "wasm-bindgen";

// Written out, because bundlers recognise only this form.
const URLS = {
  ar: new URL("./zulip-presence-words-ar.txt", import.meta.url),
  de: new URL("./zulip-presence-words-de.txt", import.meta.url),
  es: new URL("./zulip-presence-words-es.txt", import.meta.url),
  fr: new URL("./zulip-presence-words-fr.txt", import.meta.url),
  ja: new URL("./zulip-presence-words-ja.txt", import.meta.url),
  pl: new URL("./zulip-presence-words-pl.txt", import.meta.url),
  "pt-BR": new URL("./zulip-presence-words-pt-BR.txt", import.meta.url),
  ru: new URL("./zulip-presence-words-ru.txt", import.meta.url),
  "zh-CN": new URL("./zulip-presence-words-zh-CN.txt", import.meta.url),
};

/** The query of this module's own URL. */
const { search } = new URL(import.meta.url);

/** Passes the language's catalog to the WebAssembly; an empty one if it cannot be loaded. */
export function fetchCatalog(lang) {
  const url = URLS[lang];
  // The same query, so that an upgrade never mixes versions.
  url.search = search;
  // CATALOG_DIGESTS is a constant of the build: `{lang: digest}`.
  fetch(url, { integrity: CATALOG_DIGESTS[lang] })
    .then((response) => (response.ok ? response.text() : ""))
    .catch(() => "")
    .then((catalog) => insertCatalog(lang, catalog));
}
