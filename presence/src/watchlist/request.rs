//! What a watchlist wants to be done, and what comes of it.

use core::time::Duration;

use super::query::Query;
use super::view::Change;

/// A request without a reply after this time is cancelled (docs/design.md §5: part of the 200 s).
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Identifies a request of one watchlist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(pub(super) u64);

/// A request to make now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// To be passed back with the reply.
    pub id: RequestId,
    /// What to request.
    pub query: Query,
}

/// What to do now, and when to call again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Actions {
    /// Requests and streams given up: abort them; their replies are ignored.
    pub cancelled: Vec<Request>,
    /// Requests to start.
    pub requests: Vec<Request>,
    /// The stream to open. Pass on what arrives to
    /// [`handle_stream_message`](super::Watchlist::handle_stream_message) and its siblings.
    pub stream: Option<Request>,
    /// Watched people whose view changed since the last step.
    pub changes: Vec<Change>,
    /// Call [`step`](super::Watchlist::step) again after this time, or sooner after an event.
    /// `None`: only after an event.
    pub next_wakeup: Option<Duration>,
}

/// What a reply or an error was taken for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// Without effect: the request was cancelled before.
    Ignored,
    /// Applied.
    Applied,
    /// Applied as far as possible: it is not a reply of the [`Endpoint`](super::Endpoint) in the
    /// settings but of the other one. Somebody gave a gateway's address as Zulip's, or the reverse.
    WrongEndpoint,
}
