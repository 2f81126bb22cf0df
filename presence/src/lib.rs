//! What a Zulip presence badge decides: whose status is what at which instant, and who is asked
//! when.
//!
//! Pure: `now` is an argument everywhere. No browser, no clock, no I/O, no async, no randomness.

mod by_user;
mod clock;
mod http_date;
mod last_active;
mod presence;
pub mod reply;
mod shape;
mod status;
mod time;
mod user_ref;
pub mod watchlist;

pub use clock::Clock;
pub use last_active::LastActive;
pub use presence::{MAX_OFFLINE_AFTER, MIN_OFFLINE_AFTER, OFFLINE_AFTER, Observed, Presence};
pub use shape::SIDE;
pub use status::Status;
pub use time::{Reading, Timestamp};
pub use user_ref::{InvalidUser, UserRef};
pub use watchlist::Watchlist;
