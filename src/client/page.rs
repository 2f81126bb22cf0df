//! The state of the page: loaded, visible, connected.

use gloo_events::EventListener;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, EventTarget, VisibilityState, Window};

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

/// Listeners to the page, until dropped.
pub(super) struct PageListeners {
    _listeners: [EventListener; 4],
    /// The root element of the document when they were registered.
    root: Option<Element>,
}

impl PageListeners {
    /// Calls `callback` when the page is hidden or shown, is restored from the back/forward cache,
    /// is fully parsed, or when the network returns.
    pub(super) fn new(callback: impl Fn() + Clone + 'static) -> Self {
        let (document, window): (EventTarget, EventTarget) = (document().into(), window().into());
        let events = [
            (&document, "visibilitychange"),
            (&document, "DOMContentLoaded"),
            (&window, "online"),
            (&window, "pageshow"),
        ];
        let listeners = events.map(|(target, event)| {
            let callback = callback.clone();
            EventListener::new(target, event, move |_| callback())
        });
        Self { _listeners: listeners, root: root() }
    }

    /// Whether document.open() may have removed them: it also removes the root element.
    pub(super) fn are_removed(&self) -> bool {
        self.root != root()
    }
}

fn root() -> Option<Element> {
    document().document_element()
}
