//! Which elements are on screen or close to it.

use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Element;

#[wasm_bindgen(module = "/src/client/browser.js")]
extern "C" {
    #[wasm_bindgen(js_name = observeVisibility)]
    fn observe_visibility(element: &Element, callback: &Closure<dyn Fn(bool)>);

    #[wasm_bindgen(js_name = unobserveVisibility)]
    fn unobserve_visibility(element: &Element);
}

/// Observes an element until dropped.
pub(crate) struct VisibilityObserver {
    element: Element,
    _callback: Closure<dyn Fn(bool)>,
}

impl VisibilityObserver {
    /// Calls `callback` soon, and whenever `element` enters or leaves the screen.
    pub(crate) fn observe(element: Element, callback: impl Fn(bool) + 'static) -> Self {
        let callback = Closure::new(callback);
        observe_visibility(&element, &callback);
        Self { element, _callback: callback }
    }
}

impl Drop for VisibilityObserver {
    fn drop(&mut self) {
        unobserve_visibility(&self.element);
    }
}
