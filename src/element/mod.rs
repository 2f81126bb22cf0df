//! The Rust side of `<zulip-presence>` and of `window.zulipPresence`. The element's class is in
//! `element.js`, because WebAssembly cannot extend `HTMLElement`.

mod page_api;
mod watchers;

use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_widget::__private::{self as widget, set_loader};

#[wasm_bindgen(module = "/src/i18n/catalogs.js")]
extern "C" {
    /// Loads a catalog, and passes it to [`insert_catalog`].
    #[wasm_bindgen(js_name = fetchCatalog)]
    fn fetch_catalog(lang: &str);
}

/// Sets the loader: catalogs of languages other than English are fetched when a badge needs them.
#[wasm_bindgen(start)]
pub fn start() {
    set_loader(fetch_catalog);
}

/// Stores the catalog of a language; empty if it could not be loaded.
#[wasm_bindgen(js_name = insertCatalog)]
pub fn insert_catalog(lang: &str, catalog: &str) {
    widget::insert_catalog(lang, catalog);
}
