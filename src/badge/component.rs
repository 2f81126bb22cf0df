//! The component that fetches and shows a person's presence, for the script tag and for Yew apps.

use std::rc::Rc;

use web_sys::Element;
use yew::prelude::*;
use zulip_presence_core::LastActive;
use zulip_presence_core::watchlist::View;

use super::appearance::{Appearance, Options};
use super::details_popover::DetailsPopover;
use super::icon::icon;
use super::label::Label;
use super::user::parse_user;
use crate::client::{PresenceClient, Subscription};
use crate::i18n::{self, RerenderListener};

/// A person's badge, drawn into the element in which it is rendered: the shape, and optionally a
/// label beside it and a popover.
pub struct Badge {
    subscription: Option<Subscription>,
    /// The last view passed to `on_view`.
    view: Option<View>,
    appearance: Appearance,
    _rerender: RerenderListener,
}

/// Props of [`Badge`].
#[derive(Clone, PartialEq, Properties)]
pub struct BadgeProps {
    /// The client to use. `None`: no requests are made, and the badge is unknown.
    pub client: Option<PresenceClient>,
    /// The person: Zulip user ID or Zulip email.
    pub user: AttrValue,
    /// The person's name, used by screen readers.
    pub name: AttrValue,
    /// The text beside the badge.
    pub label: Label,
    /// Whether the badge is a button with a popover.
    pub details: bool,
    /// Whether the badge is on screen or close to it.
    pub is_visible: bool,
    /// Called with the person's presence: once at first, and on every change.
    #[prop_or_default]
    pub on_view: Callback<View>,
    /// The element whose nearest `[lang]` gives the badge's language.
    pub host: Host,
}

/// The element that contains a badge.
#[derive(Clone, PartialEq)]
pub enum Host {
    /// An element of the page.
    Element(Element),
    /// An element of a Yew app, which exists once the app is rendered.
    Rendered(NodeRef),
}

impl Host {
    /// The nearest `lang`; empty if there is none.
    fn lang(&self) -> String {
        match self {
            Self::Element(element) => i18n::lang_of(element),
            Self::Rendered(node) => {
                node.cast().map(|element: Element| i18n::lang_of(&element)).unwrap_or_default()
            }
        }
    }
}

/// What makes a [`Badge`] render again.
pub enum Msg {
    /// Presence, time or language changed.
    Rerender,
}

impl Component for Badge {
    type Message = Msg;
    type Properties = BadgeProps;

    fn create(ctx: &Context<Self>) -> Self {
        let link = ctx.link().clone();
        let mut badge = Self {
            subscription: subscribe(ctx),
            view: None,
            appearance: Appearance::default(),
            _rerender: i18n::on_rerender(move || link.send_message(Msg::Rerender)),
        };
        badge.recompute(ctx.props());
        badge
    }

    fn update(&mut self, ctx: &Context<Self>, Msg::Rerender: Msg) -> bool {
        self.recompute(ctx.props())
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &BadgeProps) -> bool {
        let props = ctx.props();
        if (&props.client, &props.user) != (&old.client, &old.user) {
            // The new subscription starts before the old one ends, so that the same person stays
            // watched.
            self.subscription = subscribe(ctx);
        } else if let Some(subscription) = &self.subscription {
            subscription.set_visible(props.is_visible);
        }
        self.recompute(props)
    }

    fn view(&self, _ctx: &Context<Self>) -> Html {
        let Appearance { label, details, lang, .. } = &self.appearance;
        html! {
            <>
                if let Some(details) = details {
                    <DetailsPopover
                        status={self.appearance.status}
                        name={self.appearance.accessible_name.clone()}
                        text={details.clone()}
                        lang={lang.clone()}
                    />
                } else {
                    { icon(self.appearance.status, Some(&self.appearance.accessible_name), lang) }
                }
                if let Some(label) = label {
                    // Month names and numbers may have another text direction.
                    <span part="label" dir="auto" lang={lang.clone()} aria-hidden={label.is_hidden.then_some("true")}>
                        { &label.text }
                    </span>
                }
            </>
        }
    }
}

impl Badge {
    /// Returns whether the appearance changed.
    fn recompute(&mut self, props: &BadgeProps) -> bool {
        let messages = i18n::messages(&props.host.lang());
        let subscription = self.subscription.as_ref();
        let options = Options {
            name: &props.name,
            label: props.label,
            details: props.details,
            message_url: subscription.filter(|_| props.details).and_then(Subscription::message_url),
        };
        let view = subscription.map(Subscription::view).unwrap_or_default();
        if self.view.replace(view) != Some(view) {
            props.on_view.emit(view);
        }
        let last_active = subscription.and_then(|subscription| {
            if !options.show_last_active() {
                return None;
            }
            if !subscription.has_result() {
                subscription.rerender_on_result();
                return None;
            }
            let now = subscription.server_now();
            let last_active = LastActive::from_view(view, now, &i18n::utc_offset);
            subscription.rerender_after(last_active.valid_for(view, now, &i18n::utc_offset));
            Some(last_active)
        });
        let appearance = Appearance::new(&options, view.status, last_active, &messages);
        let is_different = appearance != self.appearance;
        self.appearance = appearance;
        is_different
    }
}

fn subscribe(ctx: &Context<Badge>) -> Option<Subscription> {
    let props = ctx.props();
    let user = parse_user(&props.user);
    let (client, user) = props.client.as_ref().zip(user)?;
    let link = ctx.link().clone();
    let subscription = client.subscribe(&user, Rc::new(move |_| link.send_message(Msg::Rerender)));
    subscription.set_visible(props.is_visible);
    Some(subscription)
}
