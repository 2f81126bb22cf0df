//! The state of the page: loaded, visible, connected.

use gloo_events::EventListener;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Document, Element, Event, EventTarget, VisibilityState, Window};

#[wasm_bindgen]
extern "C" {
    /// Any event; only `pageshow` is `persisted`, or is not.
    type PageEvent;

    #[wasm_bindgen(method, getter)]
    fn persisted(this: &PageEvent) -> Option<bool>;
}

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
    /// Calls `on_parsed` when the page is fully parsed, and `on_change` when it is hidden or shown,
    /// is restored from the back/forward cache, or when the network returns.
    pub(super) fn new(
        on_parsed: impl Fn() + 'static,
        on_change: impl Fn() + Clone + 'static,
    ) -> Self {
        let (document, window): (EventTarget, EventTarget) = (document().into(), window().into());
        let listen = |target, event| {
            let on_change = on_change.clone();
            EventListener::new(target, event, move |event| {
                if !is_first_pageshow(event) {
                    on_change();
                }
            })
        };
        let listeners = [
            listen(&document, "visibilitychange"),
            listen(&window, "online"),
            listen(&window, "pageshow"),
            EventListener::new(&document, "DOMContentLoaded", move |_| on_parsed()),
        ];
        Self { _listeners: listeners, root: root() }
    }

    /// Whether document.open() may have removed them: it also removes the root element.
    pub(super) fn are_removed(&self) -> bool {
        self.root != root()
    }
}

/// Whether it is the `pageshow` that follows `load`, and says nothing new.
fn is_first_pageshow(event: &Event) -> bool {
    event.unchecked_ref::<PageEvent>().persisted() == Some(false)
}

fn root() -> Option<Element> {
    document().document_element()
}
