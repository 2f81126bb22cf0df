//! Presence for Yew apps that draw it themselves.

use std::rc::Rc;

use yew::prelude::*;
use zulip_presence_core::watchlist::View;

use super::provider::PresenceContext;
use super::user::parse_user;
use crate::client::Subscription;

/// The presence of `user` (a Zulip user ID or Zulip email), from the nearest
/// [`PresenceProvider`](crate::PresenceProvider). The component renders again on every change.
///
/// The person counts as on screen while the component is mounted. The status is unknown before the
/// first reply, without a provider, and if `user` is invalid.
///
/// ```
/// use yew::prelude::*;
/// use zulip_presence_widget::{Status, use_presence};
///
/// #[component]
/// fn Doorbell() -> Html {
///     let view = use_presence("12");
///     html! { if view.status == Status::Active { <button>{ "Ring" }</button> } }
/// }
/// ```
#[hook]
pub fn use_presence(user: impl Into<AttrValue>) -> View {
    let client = use_context::<PresenceContext>().and_then(|context| context.client);
    let update = use_force_update();
    let subscription = use_memo((client, user.into()), |(client, user)| {
        let (client, user) = client.as_ref().zip(parse_user(user))?;
        let subscription = client.subscribe(&user, Rc::new(move |_, _| update.force_update()));
        subscription.set_visible(true);
        Some(subscription)
    });
    subscription.as_ref().as_ref().map_or_else(View::default, Subscription::view)
}
