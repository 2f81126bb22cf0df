//! The Rust side of `<zulip-presence>` and of `window.zulipPresence`. The element's class is in
//! `element.js`, since WebAssembly cannot extend `HTMLElement`.

mod handle;
mod page_api;

use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_widget::__private::{self as widget, rerender_all, set_loader};

#[wasm_bindgen(module = "/src/i18n/catalogs.js")]
extern "C" {
    /// Hands what it loads to [`insert_catalog`].
    #[wasm_bindgen(js_name = fetchCatalog)]
    fn fetch_catalog(lang: &str);
}

/// From now on messages in other languages than English are fetched when a badge needs them.
#[wasm_bindgen(start)]
pub fn start() {
    set_loader(fetch_catalog);
}

/// Takes the catalog of a language, empty where it cannot be had.
#[wasm_bindgen(js_name = insertCatalog)]
pub fn insert_catalog(lang: &str, catalog: &str) {
    widget::insert_catalog(lang, catalog);
}

/// Lets every badge look at its language again: the page moved an element, or changed its `lang`.
#[wasm_bindgen(js_name = langChanged)]
pub fn lang_changed() {
    rerender_all();
}
