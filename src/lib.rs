//! Live Zulip presence badges for Yew apps, and the parts of which the custom element
//! `<zulip-presence>` is made.
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

mod badge;
mod console;
mod details;
mod dom;
mod driver;
mod label;
mod object;
#[cfg(feature = "yew")]
mod presence_badge;
#[cfg(feature = "yew")]
mod provider;
mod settings;
#[cfg(feature = "yew")]
mod style;
mod words;

pub use driver::{Driver, Watch};
pub use label::Label;
#[cfg(feature = "yew")]
pub use presence_badge::{PresenceBadge, PresenceBadgeProps};
#[cfg(feature = "yew")]
pub use provider::{PresenceProvider, PresenceProviderProps};
pub use settings::{Credentials, InvalidEndpoint, Settings};
#[doc(hidden)]
pub mod __private {
    //! For the bundle of this package only.
    pub use crate::badge::{Badge, Wanted};
    pub use crate::words::{fetch_by, learn};
}
pub use zulip_presence_core::watchlist::View;
pub use zulip_presence_core::{Status, Timestamp, UserRef};
