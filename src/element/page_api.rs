//! The Rust side of `window.zulipPresence`, and the page's clients.

use std::cell::RefCell;

use js_sys::{Array, Map};
use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_widget::{PresenceClient, Settings, UserRef, View};

thread_local! {
    static PAGE: RefCell<Option<(Settings, PresenceClient)>> = const { RefCell::new(None) };
}

/// Applies the settings of the page, by their names in the script tag's `dataset`, and the endpoint
/// to use if they name none. Every watcher must be updated afterwards.
#[wasm_bindgen]
pub fn configure(default_endpoint: &str, settings: &Map) {
    let written = |name: &str| settings.get(&name.into()).as_string();
    let page = Settings::from_script(&written, default_endpoint).map(|settings| {
        let client = PresenceClient::new(&settings);
        (settings, client)
    });
    // The old client, unless still in use, is dropped outside of the borrow.
    drop(PAGE.replace(page));
}

/// The page's client; that of another endpoint unless `endpoint` is empty.
pub(super) fn client(endpoint: &str) -> Option<PresenceClient> {
    let (settings, client) = PAGE.with_borrow(Clone::clone)?;
    if endpoint.is_empty() {
        return Some(client);
    }
    Some(PresenceClient::new(&settings.with_endpoint(endpoint)?))
}

/// What is known of `user` now: the status and the last activity, as in [`numbers`], and the message.
#[wasm_bindgen(js_name = presenceOf)]
#[must_use]
pub fn presence_of(user: &str) -> Array {
    let user: Option<UserRef> = user.parse().ok();
    let view = client("").zip(user).map(|(client, user)| client.view(&user)).unwrap_or_default();
    let [status, last_active] = numbers(&view);
    let message = view.message.as_deref().unwrap_or_default();
    Array::of3(&status.into(), &last_active.into(), &message.into())
}

/// The status as its index in `Status::ALL`, and the last activity in milliseconds since 1970, NaN
/// if it is not known.
pub(super) fn numbers(view: &View) -> [f64; 2] {
    let last_active_ms = view.last_active.map_or(f64::NAN, |at| at.as_ms() as f64);
    [f64::from(view.status as u8), last_active_ms]
}

/// Requests the presence of `user` immediately, if the page subscribes to them, but at most once
/// every 10 s.
#[wasm_bindgen(js_name = refreshUser)]
pub fn refresh(user: &str) {
    if let Some((client, user)) = client("").zip(user.parse().ok()) {
        client.refresh(&user);
    }
}

/// Requests those who are watched now, without waiting for others whom the parser may find.
#[wasm_bindgen(js_name = stopWaiting)]
pub fn stop_waiting() {
    if let Some(client) = client("") {
        client.stop_waiting();
    }
}
