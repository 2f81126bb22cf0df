//! Rust's side of `<zulip-presence>`. The class itself is in `element.js`, for WebAssembly cannot
//! make one; it calls these functions.

use std::cell::RefCell;
use std::rc::Rc;

use slab::Slab;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Element;
use zulip_presence_widget::__private::{Badge, Wanted};
use zulip_presence_widget::Label;

use crate::page_api;

#[wasm_bindgen]
extern "C" {
    /// See `tell.js`.
    fn read(element: &Element) -> String;

    /// See `tell.js`.
    fn reflect(element: &Element, status: &str, last_active_ms: Option<f64>);
}

thread_local! {
    static MOUNTED: RefCell<Slab<Rc<Mounted>>> = const { RefCell::new(Slab::new()) };
}

/// An element in the document.
struct Mounted {
    element: Element,
    badge: Badge,
}

/// Makes `root`, inside of the shadow of `element`, its badge. Returns its number.
#[wasm_bindgen]
pub fn mount(element: Element, root: Element, is_on_screen: bool) -> usize {
    let of_view = element.clone();
    let badge = Badge::new(root, move |view| {
        reflect(&of_view, view.status.as_str(), view.last_active.map(page_api::milliseconds))
    });
    badge.set_on_screen(is_on_screen);
    let mounted = Rc::new(Mounted { element, badge });
    let number = MOUNTED.with_borrow_mut(|all| all.insert(mounted.clone()));
    mounted.update();
    number
}

/// Reads the attributes again.
#[wasm_bindgen]
pub fn update(number: usize) {
    if let Some(mounted) = find(number) {
        mounted.update();
    }
}

/// Tells whether the element is on screen.
#[wasm_bindgen]
pub fn screen(number: usize, is_on_screen: bool) {
    if let Some(mounted) = find(number) {
        mounted.badge.set_on_screen(is_on_screen);
    }
}

/// Takes the badge away.
#[wasm_bindgen]
pub fn unmount(number: usize) {
    drop(MOUNTED.with_borrow_mut(|all| all.try_remove(number)));
}

/// When the person was last active, in milliseconds since 1970.
#[wasm_bindgen]
pub fn last_active(number: usize) -> Option<f64> {
    find(number)?.badge.view().last_active.map(page_api::milliseconds)
}

/// Asks about the person at once, but not more often than every 10 s.
#[wasm_bindgen]
pub fn refresh(number: usize) {
    if let Some(mounted) = find(number) {
        mounted.badge.refresh();
    }
}

/// Has all badges say what they say in the language that holds now.
#[wasm_bindgen]
pub fn relabel() {
    let all: Vec<_> =
        MOUNTED.with_borrow(|all| all.iter().map(|(_, mounted)| mounted.clone()).collect());
    for mounted in all {
        mounted.update();
    }
}

fn find(number: usize) -> Option<Rc<Mounted>> {
    MOUNTED.with_borrow(|all| all.get(number).cloned())
}

impl Mounted {
    fn update(&self) {
        let attributes = read(&self.element);
        let mut attributes = attributes.splitn(6, '\0');
        let mut next = || attributes.next().unwrap_or_default();
        let (user, label, endpoint, details, language, name) =
            (next(), next(), next(), next(), next(), next());
        let wanted = Wanted {
            user: user.to_owned(),
            name: name.to_owned(),
            label: Label::from_attribute(label),
            details: !details.is_empty(),
            language: language.to_owned(),
        };
        self.badge
            .set(page_api::driver(Some(endpoint).filter(|endpoint| !endpoint.is_empty())), wanted);
    }
}
