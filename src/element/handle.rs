//! The subscription of a connected `<zulip-presence>`, or of a callback of the page.

use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::Function;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Element, console};
use yew::{AppHandle, AttrValue, Renderer};
use zulip_presence_widget::__private::{Badge, BadgeProps, Host, Msg};
use zulip_presence_widget::{Label, Subscription, UserRef, View};

use super::page_api;

/// The Rust side of an element or a callback: subscribes to the person's presence, and shows the
/// badge once the element is close to the screen. Ends with `free()`.
#[wasm_bindgen]
pub struct PresenceHandle(Rc<Inner>);

struct Inner {
    /// The element into which the badge is drawn, once it exists.
    root: RefCell<Option<Element>>,
    /// Called with the status and the last activity (ms since 1970): once at first, and whenever
    /// one of them changes.
    on_change: Function,
    props: RefCell<BadgeProps>,
    subscription: RefCell<Option<Subscription>>,
    /// The view last passed to `on_change`.
    told: Cell<Option<View>>,
    badge: RefCell<Option<AppHandle<Badge>>>,
}

#[wasm_bindgen]
impl PresenceHandle {
    /// Has no subscription before [`update`](Self::update). The nearest `lang` of `element` is the
    /// language of the badge.
    #[wasm_bindgen(constructor)]
    #[must_use]
    pub fn new(element: Element, on_change: Function) -> Self {
        let props = BadgeProps {
            client: None,
            user: AttrValue::default(),
            name: AttrValue::default(),
            label: Label::None,
            details: false,
            is_visible: false,
            on_view: yew::Callback::noop(),
            host: Host::Element(element),
        };
        Self(Rc::new(Inner {
            root: RefCell::default(),
            on_change,
            props: RefCell::new(props),
            subscription: RefCell::default(),
            told: Cell::default(),
            badge: RefCell::default(),
        }))
    }

    /// Applies the element's attributes, and the client, which the page may have configured again.
    #[allow(clippy::needless_pass_by_value, reason = "wasm-bindgen hands out owned strings")]
    pub fn update(
        &self,
        user: Option<String>,
        name: Option<String>,
        label: Option<String>,
        details: bool,
        endpoint: Option<String>,
    ) {
        let client = page_api::client(endpoint.as_deref());
        let user: AttrValue = user.unwrap_or_default().into();
        let mut props = self.0.props.borrow_mut();
        let is_other = self.0.subscription.borrow().is_none()
            || (&props.client, &props.user) != (&client, &user);
        props.client = client;
        props.user = user;
        props.name = name.unwrap_or_default().into();
        props.label = Label::from_attribute(&label.unwrap_or_default());
        props.details = details;
        drop(props);
        if is_other {
            self.0.subscribe();
        }
        self.0.render();
    }

    /// Sets whether the element is on screen or close to it, and the root of its badge. The badge
    /// is created when the element first is. A callback has no root, and counts as on screen.
    #[wasm_bindgen(js_name = setVisible)]
    pub fn set_visible(&self, is_visible: bool, root: Option<Element>) {
        self.0.root.replace(root);
        self.0.props.borrow_mut().is_visible = is_visible;
        if let Some(subscription) = &*self.0.subscription.borrow() {
            subscription.set_visible(is_visible);
        }
        self.0.render();
    }

    /// Requests the person's presence immediately, but at most once every 10 s.
    pub fn refresh(&self) {
        if let Some(subscription) = &*self.0.subscription.borrow() {
            subscription.refresh();
        }
    }

    /// When the person was last active, in milliseconds since 1970.
    #[wasm_bindgen(getter, js_name = lastActive)]
    #[must_use]
    pub fn last_active(&self) -> JsValue {
        page_api::milliseconds(self.0.view().last_active)
    }
}

impl Drop for PresenceHandle {
    fn drop(&mut self) {
        if let Some(badge) = self.0.badge.take() {
            // Not immediately: Yew ignores it for a component that is not created yet. Yew creates
            // it in a microtask that is already scheduled.
            spawn_local(async move { badge.destroy() });
        }
    }
}

impl Inner {
    /// Subscribes to the person, in place of the previous one.
    fn subscribe(self: &Rc<Self>) {
        let subscription = {
            let props = self.props.borrow();
            let user = props.user.parse::<UserRef>().ok();
            props.client.as_ref().zip(user).map(|(client, user)| {
                let inner = Rc::downgrade(self);
                let on_presence = Rc::new(move |view| on_presence(&inner, view));
                let subscription = client.subscribe(&user, on_presence);
                subscription.set_visible(props.is_visible);
                subscription
            })
        };
        // The old subscription ends after the new one has started, so that the same person stays
        // watched.
        drop(self.subscription.replace(subscription));
        self.report(self.view());
    }

    /// Creates the badge once it is close to the screen and there is something to show; until then
    /// the loader's unknown badge is shown.
    fn render(&self) {
        let props = self.props.borrow().clone();
        let mut badge = self.badge.borrow_mut();
        if let Some(badge) = &mut *badge {
            badge.update(props);
            // The language around the element may have changed.
            badge.send_message(Msg::Rerender);
        } else if props.is_visible
            && self.has_settled(&props)
            && let Some(root) = self.root.borrow().clone()
        {
            *badge = Some(Renderer::with_root_and_props(root, props).render());
        }
    }

    fn has_settled(&self, props: &BadgeProps) -> bool {
        let client = props.client.as_ref().filter(|_| self.subscription.borrow().is_some());
        client.is_none_or(zulip_presence_widget::PresenceClient::has_settled)
    }

    fn view(&self) -> View {
        self.subscription.borrow().as_ref().map(Subscription::view).unwrap_or_default()
    }

    /// Reports the view, unless it was already reported.
    fn report(&self, view: View) {
        if self.told.replace(Some(view)) == Some(view) {
            return;
        }
        let last_active = page_api::milliseconds(view.last_active);
        let status = view.status.as_str().into();
        // The browser reports errors of listeners; this error is from a page's own wrapper of the
        // element's methods.
        if let Err(thrown) = self.on_change.call2(&JsValue::UNDEFINED, &status, &last_active) {
            console::error_1(&thrown);
        }
    }
}

fn on_presence(inner: &Weak<Inner>, view: View) {
    if let Some(inner) = inner.upgrade() {
        // Runs the page's own code: no borrow may be held.
        inner.report(view);
        if inner.badge.borrow().is_none() {
            inner.render();
        }
    }
}
