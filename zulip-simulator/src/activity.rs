//! What simulated people do.

use std::time::Duration;

/// When a person was last active and last connected, in UNIX seconds, as their clients reported it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportedTimestamps {
    /// `active_timestamp`.
    pub active: Option<i64>,
    /// `idle_timestamp`.
    pub idle: i64,
}

/// What a simulated person does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Activity {
    /// Changes as seed and time determine.
    Scheduled,
    /// Always active.
    AtTheDesk,
    /// Always connected, without activity within the last hour.
    AwayFromTheDesk,
    /// Always last active this long ago: at least some minutes.
    Left(Duration),
    /// Reported this, and nothing since.
    Reported(ReportedTimestamps),
    /// Never reported anything.
    NeverSeen,
    /// A guest may not see them.
    NotPermitted,
}
