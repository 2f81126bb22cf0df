//! Live Zulip presence badges for Yew apps, and the parts of which the custom element `<zulip-presence>` is made.
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
mod driver;
mod label;
mod object;
mod presence_badge;
mod provider;
mod settings;
mod style;
mod words;

pub use badge::{Badge, BadgeProps};
pub use driver::{Driver, Watch};
pub use label::Label;
pub use presence_badge::{PresenceBadge, PresenceBadgeProps};
pub use provider::{PresenceProvider, PresenceProviderProps};
pub use settings::{Credentials, InvalidEndpoint, Settings};
#[doc(hidden)]
pub mod __private {
    //! For the bundle of this package only.
    pub use crate::object::object;
}
pub use zulip_presence_core::watchlist::View;
pub use zulip_presence_core::{Status, Timestamp, UserRef};
