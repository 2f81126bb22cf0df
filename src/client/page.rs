//! The state of the page: loaded, visible, connected.

use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, EventTarget, VisibilityState, Window};

pub(crate) fn window() -> Window {
    js_sys::global().unchecked_into()
}

pub(crate) fn document() -> Document {
    JsValue::from(window().document()).unchecked_into()
}

/// Whether the page is visible.
pub(super) fn is_visible() -> bool {
    document().visibility_state() != VisibilityState::Hidden
}

/// Whether the parser is still running: more people may follow in document order.
pub(super) fn is_loading() -> bool {
    document().ready_state() == "loading"
}

/// Calls `callback` when the page is hidden or shown, is restored from the back/forward cache, is
/// fully parsed, or when the network returns; until dropped.
pub(super) fn listen(callback: impl Fn() + Clone + 'static) -> [EventListener; 4] {
    let (document, window): (EventTarget, EventTarget) = (document().into(), window().into());
    let events = [
        (&document, "visibilitychange"),
        (&document, "DOMContentLoaded"),
        (&window, "online"),
        (&window, "pageshow"),
    ];
    events.map(|(target, event)| {
        let callback = callback.clone();
        EventListener::new(target, event, move |_| callback())
    })
}
