//! What a simulated person does.

use std::time::Duration;

use super::schedule::ReportedTimestamps;

/// Where a simulated person is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SimulatedState {
    /// Comes and goes as seed and time have it.
    Scheduled,
    /// Is there all the time.
    AtTheDesk,
    /// Is connected all the time, and was never seen to do anything within the last hour.
    AwayFromTheDesk,
    /// Was last there so long ago, whenever one asks: at least some minutes.
    Left(Duration),
    /// Reported this, and nothing since.
    Reported(ReportedTimestamps),
    /// Never reported anything.
    NeverSeen,
    /// A guest may not see them.
    NotPermitted,
}
