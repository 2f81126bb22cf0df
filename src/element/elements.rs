//! The connected `<zulip-presence>` elements. Each has one subscription: the element holds it until
//! its badge is drawn, and the badge takes it over.

use std::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_sys::Element as HtmlElement;
use yew::{AppHandle, Callback, Renderer};
use zulip_presence_widget::__private::{Badge, BadgeProps, Handover, Msg, parse_user};
use zulip_presence_widget::{Cause, Label, PresenceClient, PresenceNow, Subscription, View};

use super::page_api;

#[wasm_bindgen]
extern "C" {
    /// The JavaScript side of the elements, in `element.js`.
    pub type Page;

    /// The empty root for the badge of an element, in place of what is drawn there.
    #[wasm_bindgen(method, js_name = rootOf)]
    fn root_of(this: &Page, id: u32) -> HtmlElement;

    /// Reports views: for each the element, the status as its index in `Status::ALL`, and the last
    /// activity in milliseconds since 1970 (NaN if it is not known); and the messages, separated by
    /// NUL.
    #[wasm_bindgen(method, js_name = onViews)]
    fn on_views(this: &Page, views: &[f64], messages: &str);
}

/// A connected element.
struct Element {
    /// Given by `element.js`, ascending.
    id: u32,
    badge: ElementBadge,
}

/// The badge of an element.
enum ElementBadge {
    /// Not drawn yet. The element holds the subscription, which the badge takes over.
    Waiting(BadgeProps, Option<Subscription>),
    Drawn(AppHandle<Badge>),
}

thread_local! {
    static PAGE: RefCell<Option<Page>> = const { RefCell::new(None) };
    /// Sorted by ID.
    static ELEMENTS: RefCell<Vec<Element>> = const { RefCell::new(Vec::new()) };
    /// Views to report, and their messages.
    static VIEWS: RefCell<(Vec<f64>, String)> = const { RefCell::new((Vec::new(), String::new())) };
}

/// Separates the values of elements, which contain no such character.
const SEPARATOR: char = '\0';
const VALUES: usize = 7;

/// Connects the two sides; before anything else here is called.
#[wasm_bindgen(js_name = connectElements)]
pub fn connect_elements(page: Page) {
    PAGE.set(Some(page));
}

/// Applies the attributes of elements, and the client, which the page may have configured again.
/// For each element, separated by NUL: its ID, its flags (`v`isible, with `d`etails), its
/// attributes user, name, label and endpoint, and the nearest `lang`.
#[wasm_bindgen(js_name = updateElements)]
pub fn update_elements(values: &str) {
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
            ELEMENTS.with_borrow_mut(|elements| {
                match elements.binary_search_by_key(&id, |element| element.id) {
                    Ok(at) => elements[at].badge.update(id, props),
                    Err(at) => {
                        let subscription = subscribe(id, &props);
                        let badge = ElementBadge::Waiting(props, subscription);
                        elements.insert(at, Element { id, badge });
                    }
                }
            });
            mount(id);
        }
    }
}

/// Ends the subscription of an element that the page removed.
#[wasm_bindgen(js_name = freeElement)]
pub fn free_element(id: u32) {
    // Dropped outside of the borrow: a subscription's end may call this module again.
    let freed = ELEMENTS.with_borrow_mut(|elements| {
        let at = elements.binary_search_by_key(&id, |element| element.id).ok()?;
        Some(elements.remove(at))
    });
    if let Some(Element { badge: ElementBadge::Drawn(badge), .. }) = freed {
        // Not immediately: Yew ignores it for a component that is not created yet. Yew creates it
        // in a microtask that is already scheduled.
        spawn_local(async move { badge.destroy() });
    }
}

/// Requests the presence of an element's person immediately, but at most once every 10 s.
#[wasm_bindgen(js_name = refreshElement)]
pub fn refresh_element(id: u32) {
    with(id, |element| match &element.badge {
        ElementBadge::Waiting(_, subscription) => {
            subscription.iter().for_each(Subscription::refresh);
        }
        ElementBadge::Drawn(badge) => badge.send_message(Msg::Refresh),
    });
}

fn with<T>(id: u32, act: impl FnOnce(&mut Element) -> T) -> Option<T> {
    ELEMENTS.with_borrow_mut(|elements| {
        let at = elements.binary_search_by_key(&id, |element| element.id).ok()?;
        elements.get_mut(at).map(act)
    })
}

impl ElementBadge {
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

/// Subscribes to the person of an element whose badge is not drawn yet.
fn subscribe(id: u32, props: &BadgeProps) -> Option<Subscription> {
    let subscription = props.client.as_ref().zip(props.user.as_ref()).map(|(client, user)| {
        let on_presence = Rc::new(move |presence: PresenceNow, cause| {
            if cause == Cause::Change {
                report(id, &presence.view);
            }
            mount(id);
        });
        let subscription = client.subscribe(user, on_presence);
        subscription.set_visible(props.is_visible);
        subscription
    });
    report(id, &subscription.as_ref().map(Subscription::view).unwrap_or_default());
    subscription
}

/// Draws the badge of an element if it wants one.
fn mount(id: u32) {
    if with(id, |element| element.badge.wants_root()) != Some(true) {
        return;
    }
    let Some(root) = PAGE.with_borrow(|page| page.as_ref().map(|page| page.root_of(id))) else {
        return;
    };
    with(id, |element| {
        if let ElementBadge::Waiting(props, subscription) = &mut element.badge {
            let subscription = Handover::new(subscription.take());
            let props = BadgeProps { subscription, ..props.clone() };
            let badge = Renderer::with_root_and_props(root, props).render();
            element.badge = ElementBadge::Drawn(badge);
        }
    });
}

/// Reports a view to the page soon, together with those of other elements.
fn report(id: u32, view: &View) {
    let last_active = view.last_active.map_or(f64::NAN, |at| at.as_ms() as f64);
    let is_first = VIEWS.with_borrow_mut(|(views, messages)| {
        let is_first = views.is_empty();
        views.extend([f64::from(id), f64::from(view.status as u8), last_active]);
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
