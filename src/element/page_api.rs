//! The Rust side of `window.zulipPresence`, and the page's clients.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::console;
use zulip_presence_widget::__private::ScriptSettings;
use zulip_presence_widget::{
    PresenceClient, Settings, Status, Subscription, Timestamp, UserRef, View,
};

thread_local! {
    static PAGE: RefCell<Option<(Settings, PresenceClient)>> = const { RefCell::new(None) };
    static SUBSCRIPTIONS: RefCell<Vec<Weak<Inner>>> = const { RefCell::new(Vec::new()) };
}

/// A callback of the page, until `free()`.
#[wasm_bindgen]
pub struct PageSubscription(
    /// Ends with this.
    #[allow(dead_code, reason = "kept for its drop")]
    Rc<Inner>,
);

struct Inner {
    user: UserRef,
    on_presence: Rc<dyn Fn(View)>,
    subscription: RefCell<Option<Subscription>>,
}

/// Takes the settings of the page: the attributes of its script tag, and the endpoint where none is
/// named. Every element must be updated then.
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
    // The old client ends outside of the borrow, unless somebody still has it.
    drop(PAGE.replace(page));
    // Callbacks of the page may do anything, so nothing is borrowed while they run.
    let subscriptions: Vec<_> =
        SUBSCRIPTIONS.with_borrow(|all| all.iter().filter_map(Weak::upgrade).collect());
    for subscription in subscriptions {
        subscription.start();
    }
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

/// What is known of the status of `user` now.
#[wasm_bindgen(js_name = statusOf)]
#[must_use]
pub fn status_of(user: &str) -> String {
    view(user).status.as_str().to_owned()
}

/// When `user` was last active, in milliseconds since 1970.
#[wasm_bindgen(js_name = lastActiveOf)]
#[must_use]
pub fn last_active_of(user: &str) -> Option<f64> {
    view(user).last_active.map(milliseconds)
}

fn view(user: &str) -> View {
    let user: Option<UserRef> = user.parse().ok();
    client(None).zip(user).map_or_else(View::default, |(client, user)| client.view(&user))
}

/// Requests the presence of `user`, whom the page follows, at once, but not more often than every
/// 10 s.
#[wasm_bindgen]
pub fn refresh(user: &str) {
    if let Some((client, user)) = client(None).zip(user.parse().ok()) {
        client.refresh(&user);
    }
}

/// Calls `on_change` with status, last activity (ms since 1970) and previous status upon every
/// change of the status or the last activity of `user`. `None` where `user` names nobody.
#[wasm_bindgen]
pub fn subscribe(user: &str, on_change: Function) -> Option<PageSubscription> {
    let user: UserRef = user.parse().ok()?;
    let known = client(None).map_or_else(View::default, |client| client.view(&user));
    let told = Cell::new(known);
    let on_presence = move |view: View| {
        let previous = told.replace(view);
        if previous != view {
            call(&on_change, view, previous.status);
        }
    };
    let inner = Rc::new(Inner {
        user,
        on_presence: Rc::new(on_presence),
        subscription: RefCell::default(),
    });
    inner.start();
    SUBSCRIPTIONS.with_borrow_mut(|all| {
        all.retain(|other| other.strong_count() > 0);
        all.push(Rc::downgrade(&inner));
    });
    Some(PageSubscription(inner))
}

impl Inner {
    /// Follows by the page's client of now, which may know something else than the one before.
    fn start(&self) {
        let subscription =
            client(None).map(|client| client.subscribe(&self.user, self.on_presence.clone()));
        let view = subscription.as_ref().map_or_else(View::default, |subscription| {
            subscription.set_visible(true);
            subscription.view()
        });
        drop(self.subscription.replace(subscription));
        (self.on_presence)(view);
    }
}

fn call(callback: &Function, view: View, previous: Status) {
    let last_active: Option<f64> = view.last_active.map(milliseconds);
    let called = callback.call3(
        &JsValue::UNDEFINED,
        &view.status.as_str().into(),
        &last_active.into(),
        &previous.as_str().into(),
    );
    if let Err(thrown) = called {
        console::error_1(&thrown);
    }
}

/// Since 1970, as JavaScript counts.
pub(super) fn milliseconds(at: Timestamp) -> f64 {
    at.as_ms() as f64
}
