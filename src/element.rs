//! Rust's side of `<zulip-presence>`. The class itself is in `element.js`, for WebAssembly cannot make one; it calls these functions.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slab::Slab;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CustomEvent, Element};
use yew::{AppHandle, Callback, Renderer};
use zulip_presence_widget::__private::object;
use zulip_presence_widget::{Badge, BadgeProps, Driver, Label, View};

use crate::page_api;

thread_local! {
    static MOUNTED: RefCell<Slab<Mounted>> = const { RefCell::new(Slab::new()) };
}

/// An element in the document.
struct Mounted {
    host: Host,
    badge: AppHandle<Badge>,
    on_view: Callback<View>,
}

/// The element as its page sees it.
#[derive(Clone)]
struct Host(Rc<HostState>);

struct HostState {
    element: Element,
    view: Cell<View>,
}

/// Puts a badge into `root`, inside of the shadow of `host`. Returns its number.
#[wasm_bindgen]
pub fn mount(host: Element, root: Element) -> usize {
    let host = Host(Rc::new(HostState { element: host, view: Cell::default() }));
    let on_view = Callback::from({
        let host = host.clone();
        move |view| host.show(view)
    });
    let badge = Renderer::<Badge>::with_root_and_props(root, host.props(&on_view)).render();
    MOUNTED.with_borrow_mut(|mounted| mounted.insert(Mounted { host, badge, on_view }))
}

/// Reads the attributes again.
#[wasm_bindgen]
pub fn update(number: usize) {
    let found = MOUNTED.with_borrow(|mounted| mounted.get(number).map(|Mounted { host, on_view, .. }| (host.clone(), on_view.clone())));
    if let Some((host, on_view)) = found {
        let props = host.props(&on_view);
        MOUNTED.with_borrow_mut(|mounted| mounted.get_mut(number).map(|mounted| mounted.badge.update(props)));
    }
}

/// Takes the badge away.
#[wasm_bindgen]
pub fn unmount(number: usize) {
    if let Some(Mounted { badge, .. }) = MOUNTED.with_borrow_mut(|mounted| mounted.try_remove(number)) {
        // Yew forgets to destroy what it has not created yet, and it may be late: it gets our word only after that.
        yew::scheduler::push(Box::new(Destroy(badge)));
    }
}

struct Destroy(AppHandle<Badge>);

impl yew::scheduler::Runnable for Destroy {
    fn run(self: Box<Self>) {
        self.0.destroy();
    }
}

/// When the person was last active, in milliseconds since 1970.
#[wasm_bindgen]
pub fn last_active(number: usize) -> Option<f64> {
    let view = MOUNTED.with_borrow(|mounted| mounted.get(number).map(|mounted| mounted.host.0.view.get()));
    Some(view?.last_active?.as_ms() as f64)
}

/// Asks about the person at once, but not more often than every 10 s.
#[wasm_bindgen]
pub fn refresh(number: usize) {
    let host = MOUNTED.with_borrow(|mounted| mounted.get(number).map(|mounted| mounted.host.clone()));
    if let Some(host) = host
        && let (Some(driver), Ok(user)) = (host.driver(), host.attribute("user").parse())
    {
        driver.refresh(&user);
    }
}

impl Host {
    fn props(&self, on_view: &Callback<View>) -> BadgeProps {
        BadgeProps {
            driver: self.driver(),
            user: self.attribute("user").into(),
            name: self.attribute("name").into(),
            label: Label::from_attribute(&self.attribute("label")),
            on_view: on_view.clone(),
        }
    }

    /// The page's driver, or that of the attribute `endpoint`.
    fn driver(&self) -> Option<Driver> {
        page_api::driver(self.0.element.get_attribute("endpoint").filter(|endpoint| !endpoint.is_empty()))
    }

    fn attribute(&self, name: &str) -> String {
        self.0.element.get_attribute(name).unwrap_or_default()
    }

    /// Reflects the status, and tells the page if it is another one.
    fn show(&self, view: View) {
        let HostState { element, view: shown } = &*self.0;
        shown.set(view);
        let previous = self.attribute("status");
        let status = view.status.as_str();
        if previous == status {
            return;
        }
        // Fails for invalid names only.
        let _ = element.set_attribute("status", status);
        let detail = page_api::detail(&self.attribute("user"), view, Some(&previous));
        let init = object(&[("bubbles", &JsValue::TRUE), ("composed", &JsValue::TRUE), ("detail", &detail)]);
        if let Ok(event) = CustomEvent::new_with_event_init_dict("presence-change", init.unchecked_ref()) {
            // Listeners that throw are the browser's to report.
            let _ = element.dispatch_event(&event);
        }
    }
}
