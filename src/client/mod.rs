//! The page's client of one endpoint: drives the core's engine, and is the only part that uses
//! fetch, timers, visibility and the browser's clocks.

mod clock;
mod fetch;
mod page;
mod presence_client;
mod settings;
mod stream;
mod subscribers;
mod subscription;
mod visibility;

pub(crate) use self::page::document;
pub use self::presence_client::PresenceClient;
pub use self::settings::{Credentials, InvalidEndpoint, Settings};
pub use self::subscribers::{Cause, OnPresence, PresenceNow};
pub use self::subscription::Subscription;
pub(crate) use self::visibility::VisibilityObserver;
