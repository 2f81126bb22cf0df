//! The stylesheet of badges that are not in an element's shadow root.

use std::sync::Once;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Document;

const STYLE: &str = concat!(include_str!("critical.css"), include_str!("badge.css"));

#[wasm_bindgen(module = "/src/badge/style.js")]
extern "C" {
    #[wasm_bindgen(js_name = addStyle)]
    fn add_style(rules: &str);

    #[wasm_bindgen(catch, js_name = adoptStyle)]
    fn adopt_style(document: &Document) -> Result<(), JsValue>;
}

/// Adds the badges' stylesheet to the document, once.
pub(super) fn adopt(document: &Document) {
    static ADDED: Once = Once::new();
    ADDED.call_once(|| add_style(STYLE));
    // Fails in old browsers and in documents without a window: badges there have no style.
    let _ = adopt_style(document);
}

#[cfg(test)]
mod unit_tests {
    use zulip_presence_core::Status;

    use super::*;

    #[test]
    fn style_and_loader_have_the_colours_and_the_shape_of_the_core() {
        for status in Status::ALL {
            assert!(STYLE.contains(status.colour()), "{status}");
            assert!(STYLE.contains(status.colour_on_dark()), "{status} on dark");
        }
        assert!(include_str!("../element/template.js").contains(Status::Unknown.svg_path()));
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod browser_tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use js_sys::{Array, Reflect};
    use wasm_bindgen::JsCast;
    use web_sys::CssStyleSheet;

    use super::*;
    use crate::client::document;

    wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    fn the_document_adopts_it_once() {
        adopt(&document());
        adopt(&document());
        let sheets = Reflect::get(&document().into(), &"adoptedStyleSheets".into()).expect("set");
        let sheets: Array = sheets.unchecked_into();
        assert_eq!(sheets.length(), 1);
        let sheet: CssStyleSheet = sheets.get(0).unchecked_into();
        assert!(sheet.css_rules().expect("rules").length() > 5);
    }
}
