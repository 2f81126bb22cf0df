//! The Rust side of `<zulip-presence>` and of `window.zulipPresence`. The element's class is in
//! `element.js`, since WebAssembly cannot extend `HTMLElement`.

mod handle;
mod page_api;

use wasm_bindgen::JsValue;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_widget::__private::{insert_catalog, rerender_all, set_loader};

#[wasm_bindgen(module = "/src/i18n/catalogs.js")]
extern "C" {
    #[wasm_bindgen(js_name = fetchCatalog)]
    fn fetch_catalog(lang: &str, callback: JsValue);
}

/// From now on messages in other languages than English are fetched when a badge needs them.
pub(crate) fn set_catalog_loader() {
    set_loader(|lang| {
        let insert = |lang: String, catalog: String| insert_catalog(&lang, &catalog);
        fetch_catalog(lang, Closure::once_into_js(insert));
    });
}

/// Lets every badge look at its language again: the page moved an element, or changed its `lang`.
#[wasm_bindgen(js_name = langChanged)]
pub fn lang_changed() {
    rerender_all();
}
