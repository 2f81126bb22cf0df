//! The badge's stylesheet. Its one source is `element.js`, which must not wait for us.

use core::cell::Cell;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::CssStyleSheet;

use crate::driver::window;

const ELEMENT_JS: &str = include_str!("element.js");
/// What stands before and after the style in `element.js`.
const BEGIN: &str = "const STYLE = String.raw`";
const END: &str = "`;";

thread_local! {
    static IS_ADOPTED: Cell<bool> = const { Cell::new(false) };
}

/// Gives the badges' style to the document, once: for badges that are not in an element's shadow. A constructed sheet, for a strict
/// Content-Security-Policy forbids others.
pub(crate) fn adopt() {
    if !IS_ADOPTED.replace(true) {
        // A browser that lacks this shows the badge in black.
        let _ = try_adopt();
    }
}

fn try_adopt() -> Result<(), JsValue> {
    let sheet = CssStyleSheet::new()?;
    js_sys::Reflect::get(&sheet, &"replaceSync".into())?.dyn_into::<js_sys::Function>()?.call1(&sheet, &style().into())?;
    let document = window().document();
    let sheets = js_sys::Reflect::get(&document.into(), &"adoptedStyleSheets".into())?;
    sheets.unchecked_into::<js_sys::Array>().push(&sheet);
    Ok(())
}

fn style() -> &'static str {
    let begin = ELEMENT_JS.split_once(BEGIN).map_or("", |(_, rest)| rest);
    begin.split_once(END).map_or("", |(style, _)| style)
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
    use zulip_presence_core::Status;

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    fn the_style_is_found() {
        assert!(style().starts_with("\n:host") && style().ends_with("}\n"), "{}", style());
    }

    #[wasm_bindgen_test]
    fn element_js_has_the_colours_and_the_shape_of_the_core() {
        for status in Status::ALL {
            assert!(style().contains(status.colour()), "{status}");
            assert!(style().contains(status.colour_on_dark()), "{status} on dark");
        }
        assert!(ELEMENT_JS.contains(Status::Unknown.shape()));
    }

    #[wasm_bindgen_test]
    fn the_document_adopts_it_once() {
        adopt();
        adopt();
        let document = window().document().into();
        let sheets: js_sys::Array = js_sys::Reflect::get(&document, &"adoptedStyleSheets".into()).expect("a property").unchecked_into();
        assert_eq!(sheets.length(), 1);
        assert!(sheets.get(0).unchecked_into::<CssStyleSheet>().css_rules().expect("rules").length() > 5);
    }
}
