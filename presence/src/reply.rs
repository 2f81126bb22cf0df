//! What came back over HTTP, parsed once into types.

use core::time::Duration;

use crate::{Presence, Timestamp, UserRef};

/// One HTTP reply as the edge received it. `header` finds a reply header by its lower-case name; what cannot be read is `None`.
pub struct HttpReply<'a> {
    /// The HTTP status code.
    pub status: u16,
    /// Finds a header by its lower-case name.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    /// The body, decompressed.
    pub body: &'a [u8],
}

/// A reply that says something about presence, and when.
#[derive(Clone, PartialEq, Debug)]
pub struct Reply<T> {
    /// What was said.
    pub content: T,
    /// The body's `server_timestamp`: when it was said.
    pub server_timestamp: Option<Timestamp>,
    /// The greatest lower bound of the server's now that the headers give (`Date`, `Expires` less `max-age`).
    pub sent_after: Option<Timestamp>,
    /// The body's `server_presence_offline_threshold_seconds`.
    pub offline_after: Option<Duration>,
}

/// The answer about one person.
pub type Single = Result<Presence, NoPresence>;

/// The answer about many: sorted by user, each once; `None` where the server knows of no data (`{}`).
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Realm(Vec<(UserRef, Option<Presence>)>);

impl Realm {
    /// The entry of `user`: outer `None` where there is no entry at all.
    #[must_use]
    pub fn get(&self, user: &UserRef) -> Option<Option<Presence>> {
        let found = self.0.binary_search_by(|(key, _)| key.cmp(user));
        found.ok().map(|at| self.0[at].1)
    }
}

/// Why Zulip has no presence to give (all are HTTP 400, ZULIP.md §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoPresence {
    /// "No such user": unknown, deactivated, or named by a hidden email.
    NoSuchUser,
    /// "Presence is not supported for bot users."
    Bot,
    /// "No presence data for …".
    NoData,
    /// "Insufficient permission".
    NotPermitted,
    /// Another 400 with `BAD_REQUEST`, in another language perhaps.
    Other,
}

/// A reply that says nothing about presence, or none at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// No reply: refused, reset, blocked, CORS. In a browser these cannot be told apart.
    Unreachable,
    /// No reply in time.
    TimedOut,
    /// 401: the key or the host is wrong, or the organisation deactivated.
    Unauthorized,
    /// 429.
    RateLimited {
        /// How long to wait, from header or body, where it was given sensibly.
        retry_after: Option<Duration>,
    },
    /// 5xx, 404, a redirect or any other status.
    Status {
        /// The HTTP status code.
        code: u16,
        /// The header `Retry-After`.
        retry_after: Option<Duration>,
    },
    /// 200 with a body that is not Zulip's: a login page, cut-off JSON.
    NotZulip,
}

impl HttpReply<'_> {
    /// Reads the reply to `GET users/{user}/presence`.
    ///
    /// # Errors
    /// [`Failure`] for all that says nothing about presence.
    pub fn single(&self) -> Result<Reply<Single>, Failure> {
        unimplemented!()
    }

    /// Reads the reply to `GET realm/presence`.
    ///
    /// # Errors
    /// [`Failure`] for all that says nothing about presence.
    pub fn realm(&self) -> Result<Reply<Realm>, Failure> {
        unimplemented!()
    }
}
