//! What is polled, and when.

use core::time::Duration;

use crate::UserRef;
use crate::time::EngineInstant;

/// Identifies a group for its lifetime.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct GroupId(pub(super) u32);

/// What one request is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum PollTarget {
    Group(GroupId),
    User(UserRef),
    /// What a user says of themselves.
    Message(UserRef),
}

impl PollTarget {
    /// About one user, who of many must not hold back the others.
    pub(super) fn is_single(&self) -> bool {
        matches!(self, Self::User(_) | Self::Message(_))
    }
}

/// When a target was last requested, and when the next request is due.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PollState {
    pub(super) requested_at: Option<EngineInstant>,
    pub(super) due: EngineInstant,
    pub(super) in_flight: bool,
    /// Failures in a row.
    pub(super) failures: u32,
    /// `refresh()` was called: request even if nobody is on screen.
    pub(super) refresh_requested: bool,
    /// There is news: request soon.
    pub(super) hinted: bool,
}

impl PollState {
    pub(super) fn due_at(at: EngineInstant) -> Self {
        Self { due: at, ..Self::default() }
    }

    /// The earliest time that is `gap` after the last request.
    pub(super) fn earliest(&self, gap: Duration) -> EngineInstant {
        self.requested_at.map_or(EngineInstant::default(), |at| at + gap)
    }

    pub(super) fn start(&mut self, now: EngineInstant) {
        self.requested_at = Some(now);
        self.in_flight = true;
        self.refresh_requested = false;
        self.hinted = false;
    }
}
