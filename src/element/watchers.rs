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
use zulip_presence_widget::{Cause, Label, PresenceClient, PresenceNow, Subscription, View};

use super::page_api;

#[wasm_bindgen]
extern "C" {
    /// The JavaScript side of the watchers, in `watchers.js`.
    pub type Page;

    /// The empty root for the badge of a watcher, which is shown once something is drawn in it;
    /// `None` for a callback.
    #[wasm_bindgen(method, js_name = rootOf)]
    fn root_of(this: &Page, id: u32) -> Option<Element>;

    /// Reports views: for each the watcher, the status as its index in `Status::ALL`, and the last
    /// activity in milliseconds since 1970 (NaN if it is not known); and the messages, each followed
    /// by NUL.
    #[wasm_bindgen(method, js_name = onViews)]
    fn on_views(this: &Page, views: &[f64], messages: &str);
}

/// The badge of a watcher.
enum WatcherBadge {
    /// Not drawn yet. The watcher holds the subscription, which the badge takes over.
    Waiting(BadgeProps, Option<Subscription>),
    Drawn(AppHandle<Badge>),
}

thread_local! {
    static PAGE: RefCell<Option<Page>> = const { RefCell::new(None) };
    /// By their IDs, sorted.
    static WATCHERS: RefCell<Vec<(u32, WatcherBadge)>> = const { RefCell::new(Vec::new()) };
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
/// each, separated by NUL: its ID, its flags (`v`isible, with `d`etails), its attributes user, name,
/// label and endpoint, and the nearest `lang`.
#[wasm_bindgen(js_name = updateWatchers)]
pub fn update(values: &str) {
    let values: Vec<&str> = values.split(SEPARATOR).collect();
    for values in values.chunks_exact(VALUES) {
        if let [id, flags, user, name, label, endpoint, lang] = *values
            && let Ok(id) = id.parse()
        {
            // What may warn comes before the borrow: a page's own console may call this module again.
            let props = BadgeProps {
                client: page_api::client(endpoint),
                user: parse_user(user),
                subscription: Handover::default(),
                name: name.to_owned().into(),
                label: Label::from_attribute(label),
                details: flags.contains('d'),
                is_visible: flags.contains('v'),
                lang: lang.to_owned().into(),
                on_view: Callback::from(move |view| report(id, &view)),
            };
            WATCHERS.with_borrow_mut(|watchers| match position(watchers, id) {
                Ok(at) => watchers[at].1.update(id, props),
                Err(at) => {
                    let subscription = subscribe(id, &props);
                    watchers.insert(at, (id, WatcherBadge::Waiting(props, subscription)));
                }
            });
            draw_soon(id);
        }
    }
}

/// Ends the subscription of a watcher that the page removed.
#[wasm_bindgen(js_name = freeWatcher)]
pub fn free(id: u32) {
    // Dropped outside of the borrow: a subscription's end may call this module again.
    let freed = WATCHERS
        .with_borrow_mut(|watchers| position(watchers, id).ok().map(|at| watchers.remove(at).1));
    if let Some(WatcherBadge::Drawn(badge)) = freed {
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
    with(id, |badge| match badge {
        WatcherBadge::Waiting(_, subscription) => {
            subscription.iter().for_each(Subscription::refresh);
        }
        WatcherBadge::Drawn(badge) => badge.send_message(Msg::Refresh),
    });
}

fn position(watchers: &[(u32, WatcherBadge)], id: u32) -> Result<usize, usize> {
    watchers.binary_search_by_key(&id, |(id, _)| *id)
}

fn with<T>(id: u32, act: impl FnOnce(&mut WatcherBadge) -> T) -> Option<T> {
    WATCHERS.with_borrow_mut(|watchers| {
        let at = position(watchers, id).ok()?;
        watchers.get_mut(at).map(|(_, badge)| act(badge))
    })
}

impl WatcherBadge {
    fn update(&mut self, id: u32, new: BadgeProps) {
        match self {
            Self::Drawn(badge) => badge.update(new),
            Self::Waiting(props, subscription) => {
                let is_other = (&new.client, &new.user) != (&props.client, &props.user);
                *props = new;
                if is_other {
                    // The old subscription ends after the new one has started, so that the same
                    // person stays watched.
                    *subscription = subscribe(id, props);
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

/// Subscribes to the person of a watcher whose badge is not drawn yet.
fn subscribe(id: u32, props: &BadgeProps) -> Option<Subscription> {
    let subscription = props.client.as_ref().zip(props.user.as_ref()).map(|(client, user)| {
        let on_presence = Rc::new(move |presence: PresenceNow, cause| {
            if cause == Cause::Change {
                report(id, &presence.view);
            }
            draw_soon(id);
        });
        let subscription = client.subscribe(user, on_presence);
        subscription.set_visible(props.is_visible);
        subscription
    });
    report(id, &subscription.as_ref().map(Subscription::view).unwrap_or_default());
    subscription
}

/// Draws the badge of a watcher soon, if it wants one: together with those of other watchers.
fn draw_soon(id: u32) {
    if with(id, |badge| badge.wants_root()) == Some(true) {
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
    if with(id, |badge| badge.wants_root()) != Some(true) {
        return;
    }
    let Some(root) = PAGE.with_borrow(|page| page.as_ref()?.root_of(id)) else {
        return;
    };
    with(id, |badge| {
        if let WatcherBadge::Waiting(props, subscription) = badge {
            let subscription = Handover::new(subscription.take());
            let props = BadgeProps { subscription, ..props.clone() };
            *badge = WatcherBadge::Drawn(Renderer::with_root_and_props(root, props).render());
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
