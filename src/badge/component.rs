//! The component that fetches and shows a person's presence, for the script tag and for Yew apps.

use core::cell::Cell;
use std::rc::Rc;

use yew::prelude::*;
use zulip_presence_core::watchlist::View;
use zulip_presence_core::{LastActive, UserRef};

use super::appearance::{Appearance, Options};
use super::details_popover::DetailsPopover;
use super::icon::icon;
use super::label::Label;
use crate::client::{Cause, OnPresence, PresenceClient, PresenceNow, Subscription};
use crate::i18n::{self, CatalogListener};

/// A person's badge, drawn into the element in which it is rendered: the shape, and optionally a
/// label beside it and a popover.
pub struct Badge {
    subscription: Option<Subscription>,
    /// Counts subscriptions: Yew applies new props before what the former one said.
    generation: u32,
    appearance: Appearance,
    /// The popover is open.
    is_open: bool,
    /// Until the messages of the badge's language are loaded.
    catalog: Option<CatalogListener>,
}

/// Props of [`Badge`].
#[derive(Clone, PartialEq, Properties)]
pub struct BadgeProps {
    /// The client to use. `None`: no requests are made, and the badge is unknown.
    pub client: Option<PresenceClient>,
    /// The person; `None` if the page author's text names nobody.
    pub user: Option<UserRef>,
    /// The subscription to `user` to take over, if there is one already.
    #[prop_or_default]
    pub subscription: Handover,
    /// The person's name, used by screen readers.
    pub name: AttrValue,
    /// The text beside the badge.
    pub label: Label,
    /// Whether the badge is a button with a popover.
    pub details: bool,
    /// Whether the badge is on screen or close to it.
    pub is_visible: bool,
    /// The nearest `lang` around the badge; empty if there is none.
    pub lang: AttrValue,
    /// Called with the presence of each person: once at first, unless their subscription was taken
    /// over, and on every change.
    #[prop_or_default]
    pub on_view: Callback<View>,
}

impl BadgeProps {
    /// Whether any text depends on the last activity, on the message, or on whether there is a
    /// result.
    fn shows_texts(&self) -> bool {
        self.details || self.label != Label::None
    }
}

/// A subscription on its way to the [`Badge`] that takes it over.
#[derive(Clone, Default)]
pub struct Handover(Rc<Cell<Option<Subscription>>>);

impl Handover {
    /// Gives `subscription` to the badge that is created next.
    #[must_use]
    pub fn new(subscription: Option<Subscription>) -> Self {
        Self(Rc::new(Cell::new(subscription)))
    }
}

impl PartialEq for Handover {
    /// Who brings the subscription changes nothing of what is shown.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// Messages to a [`Badge`].
pub enum Msg {
    /// The subscription of a generation called.
    Presence(u32, PresenceNow, Cause),
    /// The messages of its language were loaded.
    Catalog,
    /// To request the person's presence immediately.
    Refresh,
    /// The popover was opened or closed.
    Details(bool),
}

impl Component for Badge {
    type Message = Msg;
    type Properties = BadgeProps;

    fn create(ctx: &Context<Self>) -> Self {
        let mut badge = Self {
            subscription: None,
            generation: 0,
            appearance: Appearance::default(),
            is_open: false,
            catalog: None,
        };
        match ctx.props().subscription.0.take() {
            Some(subscription) => {
                subscription.set_on_presence(badge.on_presence(ctx));
                badge.subscription = Some(subscription);
            }
            None => badge.subscribe(ctx),
        }
        badge.recompute(ctx, badge.presence().as_ref());
        badge
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Presence(generation, ..) if generation != self.generation => false,
            Msg::Presence(_, presence, cause) => {
                if cause == Cause::Change {
                    ctx.props().on_view.emit(presence.view.clone());
                }
                // Most replies only have newer timestamps.
                let is_shown_already =
                    presence.view.status == self.appearance.status && !ctx.props().shows_texts();
                !is_shown_already && self.recompute(ctx, Some(&presence))
            }
            Msg::Catalog => self.recompute(ctx, self.presence().as_ref()),
            Msg::Details(is_open) => {
                self.is_open = is_open;
                self.recompute(ctx, self.presence().as_ref())
            }
            Msg::Refresh => {
                self.subscription.iter().for_each(Subscription::refresh);
                false
            }
        }
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &BadgeProps) -> bool {
        let props = ctx.props();
        if (&props.client, &props.user) != (&old.client, &old.user) {
            self.subscribe(ctx);
        } else if let Some(subscription) = &self.subscription {
            subscription.set_visible(props.is_visible);
        }
        // Without details there is no popover, and the next one is closed.
        self.is_open &= props.details;
        self.recompute(ctx, self.presence().as_ref())
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let Appearance { label, details, lang, .. } = &self.appearance;
        html! {
            <>
                if let Some(details) = details {
                    <DetailsPopover
                        status={self.appearance.status}
                        name={self.appearance.accessible_name.clone()}
                        text={details.clone()}
                        lang={lang.clone()}
                        on_toggle={ctx.link().callback(Msg::Details)}
                    />
                } else {
                    { icon(self.appearance.status, Some(&self.appearance.accessible_name), lang) }
                }
                if let Some(label) = label {
                    // Month names and numbers may have another text direction.
                    <span part="label" dir="auto" lang={lang.clone().filter(|_| !label.is_message)} aria-hidden={label.is_hidden.then_some("true")}>
                        { &label.text }
                    </span>
                }
            </>
        }
    }
}

impl Badge {
    /// Subscribes to the person of the props, in place of the previous one.
    fn subscribe(&mut self, ctx: &Context<Self>) {
        let props = ctx.props();
        self.generation += 1;
        let subscription = props.client.as_ref().zip(props.user.as_ref()).map(|(client, user)| {
            let subscription = client.subscribe(user, self.on_presence(ctx));
            subscription.set_visible(props.is_visible);
            subscription
        });
        // The old subscription ends after the new one has started, so that the same person stays
        // watched.
        drop(core::mem::replace(&mut self.subscription, subscription));
        props.on_view.emit(self.presence().map_or_else(View::default, |presence| presence.view));
    }

    /// What the present subscription calls.
    fn on_presence(&self, ctx: &Context<Self>) -> OnPresence {
        let (link, generation) = (ctx.link().clone(), self.generation);
        Rc::new(move |presence, cause| {
            link.send_message(Msg::Presence(generation, presence, cause));
        })
    }

    fn presence(&self) -> Option<PresenceNow> {
        self.subscription.as_ref().map(Subscription::now)
    }

    /// Returns whether the appearance changed.
    fn recompute(&mut self, ctx: &Context<Self>, presence: Option<&PresenceNow>) -> bool {
        let props = ctx.props();
        let messages = i18n::messages(&props.lang);
        self.catalog = messages.fallback_lang().map(|_| {
            let link = ctx.link().clone();
            i18n::on_catalog(move || link.send_message(Msg::Catalog))
        });
        let subscription = self.subscription.as_ref();
        if let Some(subscription) = subscription {
            subscription.set_shows_message(self.is_open || props.label == Label::Message);
        }
        let options = Options {
            name: &props.name,
            label: props.label,
            details: props.details,
            message_url: subscription.filter(|_| props.details).and_then(Subscription::message_url),
        };
        let no_view = View::default();
        let view = presence.map_or(&no_view, |presence| &presence.view);
        let last_active = presence.zip(subscription).and_then(|(presence, subscription)| {
            if !props.shows_texts() {
                return None;
            }
            if !presence.has_result {
                subscription.rerender_on_result();
                return None;
            }
            let last_active = LastActive::from_view(view, presence.server_now, &i18n::utc_offset);
            let valid_for = last_active.valid_for(view, presence.server_now, &i18n::utc_offset);
            subscription.rerender_at(valid_for.map(|wait| presence.clocks.monotonic + wait));
            Some(last_active)
        });
        let appearance = Appearance::new(&options, view, last_active, &messages);
        let is_different = appearance != self.appearance;
        self.appearance = appearance;
        is_different
    }
}
