//! Decides which status each user has at an instant, and which users to request when.
//!
//! Pure: `now` is an argument everywhere. No browser, no clock, no I/O, no async, no randomness.

mod clock;
mod http_date;
mod icon;
mod last_active;
mod presence;
pub mod reply;
mod status;
mod time;
mod user_map;
mod user_ref;
pub mod watchlist;

pub use clock::ServerClock;
pub use icon::VIEWBOX_SIZE;
pub use last_active::LastActive;
pub use presence::{
    LegacyStatus, MAX_OFFLINE_THRESHOLD, MIN_OFFLINE_THRESHOLD, OFFLINE_THRESHOLD, Observation,
    Presence, WireFields,
};
pub use status::Status;
pub use time::{ClockReading, Timestamp};
pub use user_ref::{InvalidUser, UserRef};
pub use watchlist::Watchlist;
