//! The Rust side of `window.zulipPresence`, and the page's clients.

use std::cell::RefCell;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_widget::__private::ScriptSettings;
use zulip_presence_widget::{PresenceClient, Settings, Timestamp, UserRef, View};

thread_local! {
    static PAGE: RefCell<Option<(Settings, PresenceClient)>> = const { RefCell::new(None) };
}

/// Applies the settings of the page: the attributes of its script tag, and the endpoint to use if
/// they name none. Every handle must be updated afterwards.
#[allow(clippy::too_many_arguments, reason = "an object in their place costs a getter for each")]
#[wasm_bindgen]
pub fn configure(
    default_endpoint: &str,
    endpoint: Option<String>,
    interval: Option<String>,
    offline_after: Option<String>,
    credentials: Option<String>,
    email: Option<String>,
    api_key: Option<String>,
    zulip: Option<String>,
) {
    let script =
        ScriptSettings { endpoint, interval, offline_after, credentials, email, api_key, zulip };
    let page = Settings::from_script(script, default_endpoint).map(|settings| {
        let client = PresenceClient::new(&settings);
        (settings, client)
    });
    // The old client, unless still in use, is dropped outside of the borrow.
    drop(PAGE.replace(page));
}

/// The page's client, or that of another endpoint.
pub(super) fn client(endpoint: Option<&str>) -> Option<PresenceClient> {
    PAGE.with_borrow(|page| {
        let (settings, client) = page.as_ref()?;
        match endpoint.filter(|endpoint| !endpoint.is_empty()) {
            None => Some(client.clone()),
            Some(endpoint) => Some(PresenceClient::new(&settings.with_endpoint(endpoint)?)),
        }
    })
}

/// The status of `user` now.
#[wasm_bindgen(js_name = statusOf)]
#[must_use]
pub fn status_of(user: &str) -> JsValue {
    view(user).status.as_str().into()
}

/// When `user` was last active, in milliseconds since 1970.
#[wasm_bindgen(js_name = lastActiveOf)]
#[must_use]
pub fn last_active_of(user: &str) -> JsValue {
    milliseconds(view(user).last_active)
}

fn view(user: &str) -> View {
    let user: Option<UserRef> = user.parse().ok();
    client(None).zip(user).map_or_else(View::default, |(client, user)| client.view(&user))
}

/// Requests the presence of `user` immediately, if the page subscribes to them, but at most once
/// every 10 s.
#[wasm_bindgen(js_name = refreshUser)]
pub fn refresh(user: &str) {
    if let Some((client, user)) = client(None).zip(user.parse().ok()) {
        client.refresh(&user);
    }
}

/// Milliseconds since 1970, as in JavaScript; undefined if there is no instant.
pub(super) fn milliseconds(at: Option<Timestamp>) -> JsValue {
    at.map(|at| at.as_ms() as f64).into()
}
