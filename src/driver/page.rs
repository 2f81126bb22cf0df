//! The page around: loaded, visible, connected.

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{EventTarget, VisibilityState, Window};

use crate::dom::document;

/// What happens to a page that a driver must hear of: it is hidden or visible, comes back from the
/// back/forward cache, is parsed to its end, or the network returns.
const DOCUMENT_EVENTS: [&str; 2] = ["visibilitychange", "DOMContentLoaded"];
const WINDOW_EVENTS: [&str; 2] = ["online", "pageshow"];

pub(crate) fn window() -> Window {
    js_sys::global().unchecked_into()
}

/// Whether anybody can see the page.
pub(super) fn is_visible() -> bool {
    document().visibility_state() != VisibilityState::Hidden
}

/// Whether the parser is still at work: more people may come in document order.
pub(super) fn is_loading() -> bool {
    document().ready_state() == "loading"
}

/// Calls one closure upon each of the page's events, until dropped.
pub(super) struct PageEvents(Closure<dyn Fn()>);

impl PageEvents {
    pub(super) fn new(callback: impl Fn() + 'static) -> Self {
        let events = Self(Closure::new(callback));
        events.register(true);
        events
    }

    /// Once or many times is the same.
    pub(super) fn register(&self, on: bool) {
        let callback = self.0.as_ref().unchecked_ref();
        let targets: [EventTarget; 2] = [document().into(), window().into()];
        for (target, events) in targets.iter().zip([DOCUMENT_EVENTS, WINDOW_EVENTS]) {
            for event in events {
                // Neither fails.
                let _ = if on {
                    target.add_event_listener_with_callback(event, callback)
                } else {
                    target.remove_event_listener_with_callback(event, callback)
                };
            }
        }
    }
}

impl Drop for PageEvents {
    fn drop(&mut self) {
        self.register(false);
    }
}
