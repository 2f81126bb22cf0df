//! The stylesheet of badges that are not in an element's shadow root.

use js_sys::{Array, Function, Reflect, WeakSet};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Document;

const STYLE: &str = concat!(include_str!("critical.css"), include_str!("badge.css"));

thread_local! {
    /// The documents that have the stylesheet.
    static ADOPTED: WeakSet = WeakSet::new();
}

/// Adds the badges' stylesheet to the document, once. It is a constructed one, because a strict
/// Content-Security-Policy forbids others.
pub(super) fn adopt(document: &Document) {
    if !ADOPTED.with(|adopted| adopted.has(document)) {
        // Fails in old browsers and in documents without a window: badges there have no style.
        let _ = try_adopt(document);
    }
}

fn try_adopt(document: &Document) -> Result<(), JsValue> {
    // A constructed stylesheet works only in the document whose window created it.
    let window = document.default_view().ok_or(JsValue::UNDEFINED)?;
    let class: Function = Reflect::get(&window, &"CSSStyleSheet".into())?.unchecked_into();
    let sheet = Reflect::construct(&class, &Array::new())?;
    Reflect::get(&sheet, &"replaceSync".into())?
        .unchecked_into::<Function>()
        .call1(&sheet, &STYLE.into())?;
    let sheets = Reflect::get(document, &"adoptedStyleSheets".into())?;
    sheets.unchecked_into::<Array>().push(&sheet);
    ADOPTED.with(|adopted| adopted.add(document));
    Ok(())
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
