//! The page around: loaded, visible, connected.

use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, EventTarget, VisibilityState, Window};

/// Events that a client must know of: the page is hidden or visible, comes back from the
/// back/forward cache, is parsed to its end, or the network returns.
const DOCUMENT_EVENTS: [&str; 2] = ["visibilitychange", "DOMContentLoaded"];
const WINDOW_EVENTS: [&str; 2] = ["online", "pageshow"];

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

/// Calls `callback` upon each of the page's events, until dropped.
pub(super) fn listen(callback: impl Fn() + Clone + 'static) -> Vec<EventListener> {
    let targets: [EventTarget; 2] = [document().into(), window().into()];
    let events = [DOCUMENT_EVENTS, WINDOW_EVENTS];
    targets
        .iter()
        .zip(events)
        .flat_map(|(target, events)| events.map(|event| (target, event)))
        .map(|(target, event)| {
            let callback = callback.clone();
            EventListener::new(target, event, move |_| callback())
        })
        .collect()
}
