//! Live Zulip presence badges for Yew apps, and the component that the custom element
//! `<zulip-presence>` shows.
//!
//! ```
//! use yew::prelude::*;
//! use zulip_presence_widget::{PresenceBadge, PresenceProvider};
//!
//! #[component]
//! fn Team() -> Html {
//!     html! {
//!         <PresenceProvider endpoint="https://presence.example.com/api/v1">
//!             <PresenceBadge user="12">{ "Ada Lovelace" }</PresenceBadge>
//!         </PresenceProvider>
//!     }
//! }
//! ```
//!
//! [`use_presence`] is for apps that draw presence themselves.

mod badge;
mod client;
mod console;
mod i18n;

pub use badge::{
    Label, PresenceBadge, PresenceBadgeProps, PresenceProvider, PresenceProviderProps, use_presence,
};
pub use client::{
    Cause, Credentials, InvalidEndpoint, OnPresence, PresenceClient, PresenceNow, Settings,
    Subscription,
};
#[doc(hidden)]
pub mod __private {
    //! For the bundle of this package only.
    pub use crate::badge::{Badge, BadgeProps, Handover, Msg, parse_user};
    pub use crate::i18n::{insert_catalog, set_loader};
}
pub use zulip_presence_core::watchlist::View;
pub use zulip_presence_core::{Status, Timestamp, UserRef};
