//! The badge: what it shows, its component, its popover and its style.

mod appearance;
mod component;
mod details_popover;
mod icon;
mod label;
mod presence_badge;
mod provider;
mod style;
mod use_presence;
mod user;

pub use self::component::{Badge, BadgeProps, Handover, Msg};
pub use self::label::Label;
pub use self::presence_badge::{PresenceBadge, PresenceBadgeProps};
pub use self::provider::{PresenceProvider, PresenceProviderProps};
pub use self::use_presence::use_presence;
pub use self::user::parse_user;
