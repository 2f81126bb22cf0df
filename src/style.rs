//! The badge's stylesheet, for badges that are not in an element's shadow.

use core::cell::Cell;

use wasm_bindgen::{JsCast, JsValue};
use web_sys::CssStyleSheet;

use crate::driver::window;

const STYLE: &str = concat!(include_str!("unknown.css"), include_str!("badge.css"));
/// What stands for the element and for the badge in its shadow.
const CLASSES: [(&str, &str); 3] = [
    (":host([overlay])", ".zulip-presence-overlay"),
    (":host", ".zulip-presence"),
    ("> span", "> .zulip-presence-badge"),
];

thread_local! {
    static IS_ADOPTED: Cell<bool> = const { Cell::new(false) };
}

/// Gives the badges' style to the document, once: for badges that are not in an element's shadow. A
/// constructed sheet, for a strict Content-Security-Policy forbids others.
pub(crate) fn adopt() {
    if !IS_ADOPTED.replace(true) {
        // A browser that lacks this shows the badge in black.
        let _ = try_adopt();
    }
}

fn try_adopt() -> Result<(), JsValue> {
    let sheet = CssStyleSheet::new()?;
    js_sys::Reflect::get(&sheet, &"replaceSync".into())?
        .dyn_into::<js_sys::Function>()?
        .call1(&sheet, &style().into())?;
    let document = window().document();
    let sheets = js_sys::Reflect::get(&document.into(), &"adoptedStyleSheets".into())?;
    sheets.unchecked_into::<js_sys::Array>().push(&sheet);
    Ok(())
}

fn style() -> String {
    CLASSES
        .into_iter()
        .fold(STYLE.to_owned(), |style, (of_element, class)| style.replace(of_element, class))
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
    use zulip_presence_core::Status;

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    const ELEMENT_JS: &str = include_str!("element.js");

    #[wasm_bindgen_test]
    fn style_and_element_js_have_the_colours_and_the_shape_of_the_core() {
        for status in Status::ALL {
            assert!(STYLE.contains(status.colour()), "{status}");
            assert!(STYLE.contains(status.colour_on_dark()), "{status} on dark");
        }
        assert!(ELEMENT_JS.contains(Status::Unknown.svg_path()));
    }

    #[wasm_bindgen_test]
    fn the_document_adopts_it_once() {
        adopt();
        adopt();
        let document = window().document().into();
        let sheets: js_sys::Array = js_sys::Reflect::get(&document, &"adoptedStyleSheets".into())
            .expect("a property")
            .unchecked_into();
        assert_eq!(sheets.length(), 1);
        assert!(
            sheets.get(0).unchecked_into::<CssStyleSheet>().css_rules().expect("rules").length()
                > 5
        );
    }
}
