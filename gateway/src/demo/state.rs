//! What a simulated person does.

use std::time::Duration;

/// When somebody was last active and last connected, in UNIX seconds, as their clients reported it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportedTimestamps {
    /// `active_timestamp`.
    pub active: Option<i64>,
    /// `idle_timestamp`.
    pub idle: i64,
}

/// Where a simulated person is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SimulatedState {
    /// Comes and goes as seed and time have it.
    Scheduled,
    /// Is there all the time.
    AtTheDesk,
    /// Is connected all the time, and was never seen to do anything within the last hour.
    AwayFromTheDesk,
    /// Was last active this long before now, whenever now is: at least some minutes.
    Left(Duration),
    /// Reported this, and nothing since.
    Reported(ReportedTimestamps),
    /// Never reported anything.
    NeverSeen,
    /// A guest may not see them.
    NotPermitted,
}
