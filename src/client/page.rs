//! The page around: loaded, visible, connected.

use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, EventTarget, VisibilityState, Window};

pub(crate) fn window() -> Window {
    js_sys::global().unchecked_into()
}

pub(crate) fn document() -> Document {
    JsValue::from(window().document()).unchecked_into()
}

/// Whether anybody can see the page.
pub(super) fn is_visible() -> bool {
    document().visibility_state() != VisibilityState::Hidden
}

/// Whether the parser is still at work: more people may come in document order.
pub(super) fn is_loading() -> bool {
    document().ready_state() == "loading"
}

/// Calls `callback` when the page is hidden or visible, comes back from the back/forward cache, is
/// parsed to its end, or the network returns. Until dropped.
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
