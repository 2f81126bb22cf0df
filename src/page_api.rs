//! Rust's side of `window.zulipPresence`, and the page's drivers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Function, Reflect};
use slab::Slab;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_widget::{Driver, Settings, Timestamp, UserRef, View, Watch};

#[wasm_bindgen]
extern "C" {
    /// See `tell.js`.
    #[wasm_bindgen(js_name = detail)]
    fn js_detail(
        user: &str,
        status: &str,
        previous: Option<&str>,
        last_active_ms: Option<f64>,
    ) -> JsValue;
}

thread_local! {
    static PAGE: RefCell<Option<(Settings, Driver)>> = const { RefCell::new(None) };
    static SUBSCRIPTIONS: RefCell<Slab<Rc<Subscription>>> = const { RefCell::new(Slab::new()) };
}

/// A callback of the page.
struct Subscription {
    user: UserRef,
    on_view: Rc<dyn Fn(View)>,
    watch: RefCell<Option<Watch>>,
}

/// Takes the settings of the page: the `dataset` of its script tag, and the endpoint where none is
/// named. Badges must be updated then.
#[wasm_bindgen]
pub fn configure(dataset: &JsValue, here: &str) {
    let attribute = |name: &str| {
        let value = Reflect::get(dataset, &name.into()).ok()?;
        value.as_string().or_else(|| value.as_f64().map(|number| (number as i64).to_string()))
    };
    let page = Settings::from_script(&attribute, here).map(|settings| {
        let driver = Driver::new(&settings);
        (settings, driver)
    });
    // The old driver ends outside of the borrow, unless somebody still has it.
    drop(PAGE.replace(page));
    // Callbacks of the page may do anything, so nothing is borrowed while they run.
    let subscriptions: Vec<_> = SUBSCRIPTIONS
        .with_borrow(|all| all.iter().map(|(_, subscription)| subscription.clone()).collect());
    for subscription in subscriptions {
        subscription.start();
    }
}

/// The page's driver, or that of another endpoint.
pub(crate) fn driver(endpoint: Option<&str>) -> Option<Driver> {
    PAGE.with_borrow(|page| {
        let (settings, driver) = page.as_ref()?;
        match endpoint {
            None => Some(driver.clone()),
            Some(endpoint) => Some(Driver::new(&settings.elsewhere(endpoint)?)),
        }
    })
}

/// What can be said of `user` now.
#[wasm_bindgen]
pub fn get(user: &str) -> JsValue {
    let view = driver(None)
        .zip(user.parse().ok())
        .map_or_else(View::default, |(driver, user): (Driver, UserRef)| driver.view(&user));
    detail(user, view, None)
}

/// Calls `callback` upon every change of the status of `user`, until `unsubscribe`.
#[wasm_bindgen]
pub fn subscribe(user: &str, callback: Function) -> Option<usize> {
    let parsed: UserRef = user.parse().ok()?;
    let status =
        Cell::new(driver(None).map_or_else(View::default, |driver| driver.view(&parsed)).status);
    let written = user.to_owned();
    let on_view = move |view: View| {
        let previous = status.replace(view.status);
        if previous != view.status
            && let Err(thrown) = callback
                .call1(&JsValue::UNDEFINED, &detail(&written, view, Some(previous.as_str())))
        {
            web_sys::console::error_1(&thrown);
        }
    };
    let subscription = Rc::new(Subscription {
        user: parsed,
        on_view: Rc::new(on_view),
        watch: RefCell::new(None),
    });
    subscription.start();
    Some(SUBSCRIPTIONS.with_borrow_mut(|subscriptions| subscriptions.insert(subscription)))
}

/// Ends a subscription.
#[wasm_bindgen]
pub fn unsubscribe(number: usize) {
    drop(SUBSCRIPTIONS.with_borrow_mut(|subscriptions| subscriptions.try_remove(number)));
}

impl Subscription {
    /// Watches by the page's driver of now, which may say something else than the one before.
    fn start(&self) {
        let watch = driver(None).map(|driver| driver.watch(&self.user, self.on_view.clone()));
        let view = watch.as_ref().map_or_else(View::default, |watch| {
            watch.set_on_screen(true);
            watch.view()
        });
        self.watch.replace(watch);
        (self.on_view)(view);
    }
}

fn detail(user: &str, view: View, previous: Option<&str>) -> JsValue {
    js_detail(user, view.status.as_str(), previous, view.last_active.map(milliseconds))
}

/// Since 1970, as JavaScript counts.
pub(crate) fn milliseconds(at: Timestamp) -> f64 {
    at.as_ms() as f64
}
