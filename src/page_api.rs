//! Rust's side of `window.zulipPresence`, and the page's drivers.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use js_sys::{Function, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::{Closure, wasm_bindgen};
use zulip_presence_widget::__private::object;
use zulip_presence_widget::{Driver, Settings, UserRef, View};

thread_local! {
    static PAGE: RefCell<Option<(Settings, Driver)>> = const { RefCell::new(None) };
}

/// Takes the settings of the page: the `dataset` of its script tag, and the endpoint where none is named. Badges must be updated then.
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
    // The old driver ends outside of the borrow.
    drop(PAGE.replace(page));
}

/// The page's driver, or that of another endpoint.
pub(crate) fn driver(endpoint: Option<String>) -> Option<Driver> {
    PAGE.with_borrow(|page| {
        let (settings, driver) = page.as_ref()?;
        match endpoint {
            None => Some(driver.clone()),
            Some(endpoint) => Some(Driver::new(&settings.elsewhere(&endpoint)?)),
        }
    })
}

/// What can be said of `user` now.
#[wasm_bindgen]
pub fn get(user: &str) -> JsValue {
    let view = driver(None).zip(user.parse().ok()).map_or_else(View::default, |(driver, user): (Driver, UserRef)| driver.view(&user));
    detail(user, view, None)
}

/// Calls `callback` upon every change of the status of `user`. Returns what ends that.
#[wasm_bindgen]
pub fn subscribe(user: &str, callback: Function) -> JsValue {
    let Some((driver, parsed)) = driver(None).zip(user.parse::<UserRef>().ok()) else {
        return JsValue::UNDEFINED;
    };
    let (written, status) = (user.to_owned(), Cell::new(driver.view(&parsed).status));
    let on_view = move |view: View| {
        let previous = status.replace(view.status);
        if previous != view.status
            && let Err(thrown) = callback.call1(&JsValue::UNDEFINED, &detail(&written, view, Some(previous.as_str())))
        {
            web_sys::console::error_1(&thrown);
        }
    };
    let watch = driver.watch(&parsed, Rc::new(on_view));
    watch.set_on_screen(true);
    Closure::once_into_js(move || drop(watch))
}

/// `{user, status, previous, lastActive}`.
pub(crate) fn detail(user: &str, view: View, previous: Option<&str>) -> JsValue {
    let last_active = view.last_active.map_or(JsValue::NULL, |at| js_sys::Date::new(&(at.as_ms() as f64).into()).into());
    let previous = previous.map_or(JsValue::UNDEFINED, JsValue::from_str);
    object(&[("user", &user.into()), ("status", &view.status.as_str().into()), ("previous", &previous), ("lastActive", &last_active)])
        .into()
}
