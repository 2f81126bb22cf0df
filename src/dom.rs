//! The few words of the DOM that badges are made of. None of them fails for names that are ours.

use wasm_bindgen::{JsCast, JsValue};
#[cfg(feature = "yew")]
use web_sys::ShadowRoot;
use web_sys::{Document, Element};

use crate::driver::window;

/// The namespace of pictures.
pub(crate) const SVG: &str = "http://www.w3.org/2000/svg";
const HTML: &str = "http://www.w3.org/1999/xhtml";

pub(crate) fn document() -> Document {
    JsValue::from(window().document()).unchecked_into()
}

/// A new HTML element.
pub(crate) fn create(name: &str) -> Element {
    child(HTML, name)
}

/// A new element of `namespace`.
pub(crate) fn child(namespace: &str, name: &str) -> Element {
    JsValue::from(document().create_element_ns(Some(namespace), name).ok()).unchecked_into()
}

/// Puts `child` at the end of `parent`.
pub(crate) fn append(parent: &Element, child: Element) -> Element {
    let _ = parent.append_child(&child);
    child
}

/// Sets an attribute. Whoever observes the page is told of it even if it is the same.
pub(crate) fn set_attribute(element: &Element, name: &str, value: &str) {
    let _ = element.set_attribute(name, value);
}

/// Sets the text, unless it is so already.
pub(crate) fn set_text(element: &Element, text: &str) {
    if element.text_content().as_deref() != Some(text) {
        element.set_text_content(Some(text));
    }
}

/// The nearest `lang` at or around `element`, also outside of the shadow that it is in; empty where
/// there is none.
#[cfg(feature = "yew")]
pub(crate) fn language(element: &Element) -> String {
    let mut at = element.clone();
    loop {
        if let Ok(Some(found)) = at.closest("[lang]") {
            return found.get_attribute("lang").unwrap_or_default();
        }
        match at.get_root_node().dyn_into::<ShadowRoot>() {
            Ok(shadow) => at = shadow.host(),
            Err(_) => return String::new(),
        }
    }
}
