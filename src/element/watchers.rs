//! The watchers of the page: its connected `<zulip-presence>` elements, and its callbacks. Each has
//! one subscription: the watcher holds it until a badge is drawn, and the badge takes it over.

use std::cell::RefCell;
use std::rc::Rc;

use gloo_timers::callback::Timeout;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_sys::Element;
use yew::{AppHandle, Callback, Renderer};
use zulip_presence_widget::__private::{Badge, BadgeProps, Handover, Msg, parse_user};
use zulip_presence_widget::{
    Cause, Label, PresenceClient, PresenceNow, Subscription, UserRef, View,
};

use super::page_api;

#[wasm_bindgen]
extern "C" {
    /// The JavaScript side of the watchers, in `watchers.js`.
    pub type Page;

    /// The empty root for the badge of a watcher, which is shown once something is drawn in it;
    /// `None` if the watcher is gone.
    #[wasm_bindgen(method, js_name = rootOf)]
    fn root_of(this: &Page, id: u32) -> Option<Element>;

    /// Reports views: for each the watcher, the status as its index in `Status::ALL`, and the last
    /// activity in milliseconds since 1970 (NaN if it is not known); and the messages, each followed
    /// by NUL.
    #[wasm_bindgen(method, js_name = onViews)]
    fn on_views(this: &Page, views: &[f64], messages: &str);
}

/// Whom a watcher watches, and what shows it.
enum Watcher {
    /// A callback of the page: shows nothing.
    Callback(Option<Subscription>),
    /// A badge that is not drawn yet, and the subscription, which it takes over.
    Waiting(BadgeProps, Option<Subscription>),
    /// A badge.
    Drawn(AppHandle<Badge>),
}

thread_local! {
    static PAGE: RefCell<Option<Page>> = const { RefCell::new(None) };
    /// By their IDs, sorted.
    static WATCHERS: RefCell<Vec<(u32, Watcher)>> = const { RefCell::new(Vec::new()) };
    /// Views to report, and their messages.
    static VIEWS: RefCell<(Vec<f64>, String)> = const { RefCell::new((Vec::new(), String::new())) };
    /// Watchers whose badges are to be drawn, in this order.
    static UNDRAWN: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Separates the values of watchers, which contain no such character.
const SEPARATOR: char = '\0';
const VALUES: usize = 7;
/// Maximum number of badges that are drawn in one task: as many as one reply is about.
const MAX_DRAWN: usize = 500;
/// How long after Yew was found not to have created a badge it is looked for again.
const DESTROY_AGAIN_MS: u32 = 100;

/// Connects the two sides; before anything else here is called.
#[wasm_bindgen(js_name = connectPage)]
pub fn connect(page: Page) {
    PAGE.set(Some(page));
}

/// Applies the values of watchers, and the client, which the page may have configured again. For
/// each, separated by NUL: its ID, its flags (`v`isible, has a `b`adge, with `d`etails), its
/// attributes user, name, label and endpoint, and the nearest `lang`.
#[wasm_bindgen(js_name = updateWatchers)]
pub fn update(values: &str) {
    let values: Vec<&str> = values.split(SEPARATOR).collect();
    for values in values.chunks_exact(VALUES) {
        if let [id, flags, user, name, label, endpoint, lang] = *values
            && let Ok(id) = id.parse()
        {
            // What may warn comes before the borrow: a page's own console may call this module again.
            let (client, user) = (page_api::client(endpoint), parse_user(user));
            let is_visible = flags.contains('v');
            if flags.contains('b') {
                let props = BadgeProps {
                    client,
                    user,
                    subscription: Handover::default(),
                    name: name.to_owned().into(),
                    label: Label::from_attribute(label),
                    details: flags.contains('d'),
                    is_visible,
                    lang: lang.to_owned().into(),
                    on_view: Callback::from(move |view| report(id, &view)),
                };
                WATCHERS.with_borrow_mut(|watchers| match position(watchers, id) {
                    Ok(at) => watchers[at].1.update(id, props),
                    Err(at) => {
                        let subscription = subscribe(id, &props.client, &props.user, is_visible);
                        watchers.insert(at, (id, Watcher::Waiting(props, subscription)));
                    }
                });
                draw_soon(id);
            } else {
                // Anew each time: only pages that are configured again update their callbacks.
                let watcher = Watcher::Callback(subscribe(id, &client, &user, is_visible));
                WATCHERS.with_borrow_mut(|watchers| match position(watchers, id) {
                    Ok(at) => watchers[at].1 = watcher,
                    Err(at) => watchers.insert(at, (id, watcher)),
                });
            }
        }
    }
}

/// Ends the subscription of a watcher that the page removed.
#[wasm_bindgen(js_name = freeWatcher)]
pub fn free(id: u32) {
    // Dropped outside of the borrow: a subscription's end may call this module again.
    let freed = WATCHERS
        .with_borrow_mut(|watchers| position(watchers, id).ok().map(|at| watchers.remove(at).1));
    if let Some(Watcher::Drawn(badge)) = freed {
        destroy(badge);
    }
}

/// Destroys a badge, once Yew has created it, which may be in a later task: until then Yew ignores
/// this, and creates it all the same.
fn destroy(badge: AppHandle<Badge>) {
    if badge.get_component().is_some() {
        badge.destroy();
    } else {
        Timeout::new(DESTROY_AGAIN_MS, move || destroy(badge)).forget();
    }
}

/// Requests the presence of a watcher's person immediately, but at most once every 10 s.
#[wasm_bindgen(js_name = refreshWatcher)]
pub fn refresh(id: u32) {
    with(id, |watcher| match watcher {
        Watcher::Callback(subscription) | Watcher::Waiting(_, subscription) => {
            subscription.iter().for_each(Subscription::refresh);
        }
        Watcher::Drawn(badge) => badge.send_message(Msg::Refresh),
    });
}

fn position(watchers: &[(u32, Watcher)], id: u32) -> Result<usize, usize> {
    watchers.binary_search_by_key(&id, |(id, _)| *id)
}

fn with<T>(id: u32, act: impl FnOnce(&mut Watcher) -> T) -> Option<T> {
    WATCHERS.with_borrow_mut(|watchers| {
        let at = position(watchers, id).ok()?;
        watchers.get_mut(at).map(|(_, watcher)| act(watcher))
    })
}

impl Watcher {
    /// Applies the props of a badge.
    fn update(&mut self, id: u32, new: BadgeProps) {
        match self {
            Self::Callback(_) => {}
            Self::Drawn(badge) => badge.update(new),
            Self::Waiting(props, subscription) => {
                let is_other = (&new.client, &new.user) != (&props.client, &props.user);
                *props = new;
                if is_other {
                    // The old subscription ends after the new one has started, so that the same
                    // person stays watched.
                    *subscription = subscribe(id, &props.client, &props.user, props.is_visible);
                } else if let Some(subscription) = subscription {
                    subscription.set_visible(props.is_visible);
                }
            }
        }
    }

    /// Whether there is something to show close to the screen; until then the loader's unknown
    /// badge is shown.
    fn wants_root(&self) -> bool {
        let Self::Waiting(props, subscription) = self else {
            return false;
        };
        let client = props.client.as_ref().filter(|_| subscription.is_some());
        props.is_visible && client.is_none_or(PresenceClient::has_settled)
    }
}

/// Subscribes to the person of a watcher that has no badge, or none yet.
fn subscribe(
    id: u32,
    client: &Option<PresenceClient>,
    user: &Option<UserRef>,
    is_visible: bool,
) -> Option<Subscription> {
    let subscription = client.as_ref().zip(user.as_ref()).map(|(client, user)| {
        let on_presence = Rc::new(move |presence: PresenceNow, cause| {
            if cause == Cause::Change {
                report(id, &presence.view);
            }
            draw_soon(id);
        });
        let subscription = client.subscribe(user, on_presence);
        subscription.set_visible(is_visible);
        subscription
    });
    report(id, &subscription.as_ref().map(Subscription::view).unwrap_or_default());
    subscription
}

/// Draws the badge of a watcher soon, if it wants one: together with those of other watchers.
fn draw_soon(id: u32) {
    if with(id, |watcher| watcher.wants_root()) == Some(true) {
        let is_first = UNDRAWN.with_borrow_mut(|undrawn| {
            undrawn.push(id);
            undrawn.len() == 1
        });
        if is_first {
            spawn_local(async { draw_next() });
        }
    }
}

/// Draws badges in the order in which they came, and the rest of them in other tasks.
fn draw_next() {
    let next: Vec<u32> = UNDRAWN.with_borrow_mut(|undrawn| {
        let count = undrawn.len().min(MAX_DRAWN);
        undrawn.drain(..count).collect()
    });
    for id in next {
        draw(id);
    }
    if UNDRAWN.with_borrow(|undrawn| !undrawn.is_empty()) {
        Timeout::new(0, draw_next).forget();
    }
}

fn draw(id: u32) {
    if with(id, |watcher| watcher.wants_root()) != Some(true) {
        return;
    }
    let Some(root) = PAGE.with_borrow(|page| page.as_ref()?.root_of(id)) else {
        return;
    };
    with(id, |watcher| {
        if let Watcher::Waiting(props, subscription) = watcher {
            let subscription = Handover::new(subscription.take());
            let props = BadgeProps { subscription, ..props.clone() };
            *watcher = Watcher::Drawn(Renderer::with_root_and_props(root, props).render());
        }
    });
}

/// Reports a view to the page soon, together with those of other watchers.
fn report(id: u32, view: &View) {
    let is_first = VIEWS.with_borrow_mut(|(views, messages)| {
        let is_first = views.is_empty();
        let [status, last_active] = page_api::numbers(view);
        views.extend([f64::from(id), status, last_active]);
        messages.push_str(view.message.as_deref().unwrap_or_default());
        messages.push(SEPARATOR);
        is_first
    });
    if is_first {
        spawn_local(async {
            let (views, messages) = VIEWS.take();
            // The page's own code runs: no other borrow is held.
            PAGE.with_borrow(|page| page.as_ref().map(|page| page.on_views(&views, &messages)));
        });
    }
}
