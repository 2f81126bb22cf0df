//! What is on screen: one IntersectionObserver for the whole page.

use std::cell::RefCell;
use std::rc::Rc;

use slab::Slab;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, IntersectionObserver, IntersectionObserverEntry};

use crate::object::object;

/// What is this close to the screen is asked about already, so that scrolling finds it answered.
const MARGIN: &str = "200px";

type Callback = Rc<dyn Fn(bool)>;

thread_local! {
    static SCREEN: RefCell<Option<Screen>> = const { RefCell::new(None) };
}

struct Screen {
    observer: IntersectionObserver,
    /// From element to its place in `callbacks`.
    places: js_sys::WeakMap,
    callbacks: Slab<Callback>,
    _on_entries: Closure<dyn Fn(js_sys::Array)>,
}

/// An element under observation, until dropped.
pub(crate) struct OnScreen {
    element: Element,
    place: usize,
}

impl OnScreen {
    /// Calls `callback` when `element` comes on screen or leaves it, and once soon to tell where it
    /// is.
    pub(crate) fn observe(element: Element, callback: impl Fn(bool) + 'static) -> Option<Self> {
        SCREEN.with_borrow_mut(|slot| {
            if slot.is_none() {
                *slot = Screen::new();
            }
            let screen = slot.as_mut()?;
            let place = screen.callbacks.insert(Rc::new(callback));
            screen.places.set(&element, &(place as u32).into());
            screen.observer.observe(&element);
            Some(Self { element, place })
        })
    }
}

impl Drop for OnScreen {
    fn drop(&mut self) {
        SCREEN.with_borrow_mut(|slot| {
            let Some(screen) = slot else {
                return;
            };
            screen.observer.unobserve(&self.element);
            screen.places.delete(&self.element);
            screen.callbacks.try_remove(self.place);
            if screen.callbacks.is_empty() {
                screen.observer.disconnect();
                *slot = None;
            }
        });
    }
}

impl Screen {
    fn new() -> Option<Self> {
        let on_entries = Closure::<dyn Fn(js_sys::Array)>::new(|entries: js_sys::Array| {
            for entry in entries.iter() {
                let entry: IntersectionObserverEntry = entry.unchecked_into();
                if let Some(callback) = callback_of(&entry.target()) {
                    callback(entry.is_intersecting());
                }
            }
        });
        let options = object(&[("rootMargin", &MARGIN.into())]);
        let observer = IntersectionObserver::new_with_options(
            on_entries.as_ref().unchecked_ref(),
            options.unchecked_ref(),
        )
        .ok()?;
        Some(Self {
            observer,
            places: js_sys::WeakMap::new(),
            callbacks: Slab::new(),
            _on_entries: on_entries,
        })
    }
}

fn callback_of(element: &Element) -> Option<Callback> {
    SCREEN.with_borrow(|slot| {
        let screen = slot.as_ref()?;
        let place = screen.places.get(element).as_f64()?;
        screen.callbacks.get(place as usize).cloned()
    })
}
