//! Which elements are on screen or close to it: one IntersectionObserver for the whole page.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::{Array, WeakMap};
use slab::Slab;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, IntersectionObserver, IntersectionObserverEntry, IntersectionObserverInit};

/// Elements this close to the screen count as visible, so that they have a result when they are
/// scrolled into view.
const MARGIN: &str = "200px";

type Callback = Rc<dyn Fn(bool)>;

thread_local! {
    static SHARED: RefCell<Option<Shared>> = const { RefCell::new(None) };
}

struct Shared {
    observer: IntersectionObserver,
    /// Maps each element to its key in `callbacks`.
    places: WeakMap,
    callbacks: Slab<Callback>,
    _on_entries: Closure<dyn Fn(Array)>,
}

/// Observes an element until dropped.
pub(crate) struct VisibilityObserver {
    element: Element,
    place: usize,
}

impl VisibilityObserver {
    /// Calls `callback` when `element` enters or leaves the screen, and once soon after this call.
    pub(crate) fn observe(element: Element, callback: impl Fn(bool) + 'static) -> Option<Self> {
        SHARED.with_borrow_mut(|slot| {
            if slot.is_none() {
                *slot = Shared::new();
            }
            let shared = slot.as_mut()?;
            let place = shared.callbacks.insert(Rc::new(callback));
            shared.places.set(&element, &(place as u32).into());
            shared.observer.observe(&element);
            Some(Self { element, place })
        })
    }
}

impl Drop for VisibilityObserver {
    fn drop(&mut self) {
        SHARED.with_borrow_mut(|slot| {
            let Some(shared) = slot else {
                return;
            };
            shared.observer.unobserve(&self.element);
            shared.places.delete(&self.element);
            shared.callbacks.try_remove(self.place);
            if shared.callbacks.is_empty() {
                shared.observer.disconnect();
                *slot = None;
            }
        });
    }
}

impl Shared {
    fn new() -> Option<Self> {
        let on_entries = Closure::<dyn Fn(Array)>::new(|entries: Array| {
            for entry in entries.iter() {
                let entry: IntersectionObserverEntry = entry.unchecked_into();
                if let Some(callback) = callback_of(&entry.target()) {
                    callback(entry.is_intersecting());
                }
            }
        });
        let options = IntersectionObserverInit::new();
        options.set_root_margin(MARGIN);
        let observer =
            IntersectionObserver::new_with_options(on_entries.as_ref().unchecked_ref(), &options)
                .ok()?;
        Some(Self {
            observer,
            places: WeakMap::new(),
            callbacks: Slab::new(),
            _on_entries: on_entries,
        })
    }
}

fn callback_of(element: &Element) -> Option<Callback> {
    SHARED.with_borrow(|slot| {
        let shared = slot.as_ref()?;
        let place = shared.places.get(element).as_f64()?;
        shared.callbacks.get(place as usize).cloned()
    })
}
