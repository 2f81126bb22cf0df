//! The Rust side of `window.zulipPresence`, and the page's clients.

use std::cell::RefCell;
use std::rc::Rc;

use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::console;
use zulip_presence_widget::__private::{ScriptSettings, parse_user};
use zulip_presence_widget::{
    Cause, PresenceClient, PresenceNow, Settings, Subscription, Timestamp, UserRef, View,
};

thread_local! {
    static PAGE: RefCell<Option<(Settings, PresenceClient)>> = const { RefCell::new(None) };
}

/// Applies the settings of the page: the attributes of its script tag, and the endpoint to use if
/// they name none. Every element must be updated, and every callback subscribed again, afterwards.
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
    live: Option<String>,
) {
    let script = ScriptSettings {
        endpoint,
        interval,
        offline_after,
        credentials,
        email,
        api_key,
        zulip,
        live,
    };
    let page = Settings::from_script(script, default_endpoint).map(|settings| {
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

/// A callback of the page: subscribes to a person as an element does, but has no badge. Ends with
/// `free()`.
#[wasm_bindgen]
pub struct PageSubscription {
    _subscription: Option<Subscription>,
}

#[wasm_bindgen]
impl PageSubscription {
    /// Calls `callback` with the status of `user`, their last activity (milliseconds since 1970;
    /// undefined if it is not known) and their message: once at first, and whenever one of them
    /// changes.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(user: &str, callback: Function) -> Self {
        let callback = Rc::new(callback);
        let subscription = client("").zip(parse_user(user)).map(|(client, user)| {
            let callback = callback.clone();
            let on_presence = Rc::new(move |presence: PresenceNow, cause| {
                if cause == Cause::Change {
                    call(&callback, &presence.view);
                }
            });
            let subscription = client.subscribe(&user, on_presence);
            subscription.set_visible(true);
            subscription
        });
        call(&callback, &subscription.as_ref().map(Subscription::view).unwrap_or_default());
        Self { _subscription: subscription }
    }
}

/// Runs the page's own code: no borrow may be held.
fn call(callback: &Function, view: &View) {
    let (status, last_active) = (view.status.as_str().into(), milliseconds(view.last_active));
    let message = message(view);
    if let Err(thrown) = callback.call3(&JsValue::UNDEFINED, &status, &last_active, &message) {
        console::error_1(&thrown);
    }
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

/// What `user` says of themselves; empty if nothing.
#[wasm_bindgen(js_name = messageOf)]
#[must_use]
pub fn message_of(user: &str) -> JsValue {
    message(&view(user))
}

fn message(view: &View) -> JsValue {
    view.message.as_deref().unwrap_or_default().into()
}

fn view(user: &str) -> View {
    let user: Option<UserRef> = user.parse().ok();
    client("").zip(user).map_or_else(View::default, |(client, user)| client.view(&user))
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

/// Milliseconds since 1970, as in JavaScript; undefined if there is no instant.
fn milliseconds(at: Option<Timestamp>) -> JsValue {
    at.map(|at| at.as_ms() as f64).into()
}
