//! What is known of one person, and who wants to know.

use core::time::Duration;

use super::View;
use super::groups::{GroupId, Rhythm};
use crate::time::Moment;
use crate::{Observed, Presence, Timestamp};

/// An answer further ahead of the server's now than this was dated by a clock that was wrong: anything newer replaces it.
const MAX_AHEAD: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) watchers: u32,
    pub(super) on_screen: u32,
    /// Since when nobody watches.
    pub(super) released_at: Option<Moment>,
    pub(super) group: Option<GroupId>,
    /// When a request about this person, of whatever kind, last started.
    pub(super) asked_at: Option<Moment>,
    /// For those who are asked singly.
    pub(super) single: Option<Rhythm>,
    answer: Option<Answered>,
    /// What the last step left behind.
    pub(super) reported: View,
}

#[derive(Clone, Copy, Debug)]
struct Answered {
    /// `None`: no data.
    observed: Option<Observed>,
    origin: Origin,
}

/// When an answer was observed, as far as it can be known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    /// By the server's own word.
    pub(super) stamp: Option<Timestamp>,
    /// When its request started.
    pub(super) asked_at: Moment,
    /// When it arrived.
    pub(super) arrived: Moment,
    /// The server's now upon its arrival.
    pub(super) server_now: Timestamp,
}

/// An instant on both time lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) server: Timestamp,
    pub(super) moment: Moment,
}

impl Entry {
    /// Somebody whom one badge watches, and of whom nothing is known.
    pub(super) fn watched() -> Self {
        Self { watchers: 1, ..Self::default() }
    }

    /// The answer: the outer `None` where there is none yet.
    pub(super) fn observed(&self) -> Option<Option<Observed>> {
        self.answer.map(|answer| answer.observed)
    }

    pub(super) fn view(&self, now: Now, offline_after: Duration) -> View {
        self.judged(now).map_or_else(View::default, |(observed, now)| View {
            status: observed.status(now, offline_after),
            last_active: observed.last_active(now, offline_after),
        })
    }

    /// In how long that changes by age alone; `None`: never.
    pub(super) fn next_change(&self, now: Now, offline_after: Duration) -> Option<Duration> {
        let (observed, now) = self.judged(now)?;
        Some(now.age(observed.next_change(now, offline_after)?))
    }

    /// The claims, and the server's now to judge them by. That may go back when a clock is put right, but an answer never grows younger.
    fn judged(&self, now: Now) -> Option<(Observed, Timestamp)> {
        let Answered { observed, origin } = self.answer?;
        let at_least = origin.server_now + now.moment.since(origin.arrived);
        Some((observed?, now.server.max(at_least)))
    }

    /// Takes in an answer, unless a newer one is there.
    pub(super) fn learn(&mut self, presence: Option<Presence>, origin: Origin) {
        if self.answer.is_some_and(|answer| answer.is_newer_than(origin)) {
            return;
        }
        let at = origin.stamp.unwrap_or(origin.server_now);
        let observed = presence.and_then(|presence| presence.believed(at)).map(|presence| Observed { presence, at });
        self.answer = Some(Answered { observed, origin });
    }

    /// An organisation-wide reply of `origin` had no entry for this person, which says of somebody with old claims that nothing newer
    /// is known: Zulip leaves out whoever was not connected for 14 days.
    pub(super) fn confirm_absent(&mut self, origin: Origin) {
        if let Some(Answered { observed: Some(observed), .. }) = self.answer {
            self.learn(Some(observed.presence), origin);
        }
    }
}

impl Answered {
    fn is_newer_than(&self, origin: Origin) -> bool {
        match (self.origin.stamp, origin.stamp) {
            (Some(ours), Some(theirs)) => ours > theirs && ours <= origin.server_now + MAX_AHEAD,
            _ => self.origin.asked_at > origin.asked_at,
        }
    }
}
