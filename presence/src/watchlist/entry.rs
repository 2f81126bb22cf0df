//! What is known of one person, and who wants to know.

use core::time::Duration;

use super::RequestId;
use super::View;
use super::groups::{GroupId, Rhythm};
use crate::time::Moment;
use crate::{Observation, Presence, Timestamp};

/// An answer further ahead of the server's now than this was dated by a clock that was wrong:
/// anything newer replaces it.
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
    /// The last group's request that asked about this person.
    pub(super) asked_by: Option<RequestId>,
    /// For those who are asked singly.
    pub(super) single: Option<Rhythm>,
    answer: Option<Answered>,
    held: Option<Held>,
    /// What the last step left behind.
    pub(super) reported: View,
}

#[derive(Clone, Copy, Debug)]
struct Answered {
    /// `None`: no data.
    observed: Option<Observation>,
    origin: Origin,
}

/// A view, and how long it holds by the server's clock unless something is heard. Most steps find
/// that it does, and to judge anew is what costs most of a step.
#[derive(Clone, Copy, Debug)]
struct Held {
    view: View,
    offline_threshold: Duration,
    from: Timestamp,
    /// `None`: for good.
    until: Option<Timestamp>,
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
    pub(super) fn observed(&self) -> Option<Option<Observation>> {
        self.answer.map(|answer| answer.observed)
    }

    pub(super) fn view(&self, now: Now, offline_threshold: Duration) -> View {
        self.judged(now).map_or_else(View::default, |(observed, now)| View {
            status: observed.status(now, offline_threshold),
            last_active: observed.last_active(now, offline_threshold),
        })
    }

    /// The same, and in how long it changes by age alone; `None`: never.
    pub(super) fn hold(
        &mut self,
        now: Now,
        offline_threshold: Duration,
    ) -> (View, Option<Duration>) {
        let Some((observed, server_now)) = self.judged(now) else {
            return (View::default(), None);
        };
        let holds = |held: &Held| {
            held.offline_threshold == offline_threshold
                && held.from <= server_now
                && held.until.is_none_or(|until| server_now < until)
        };
        let held = self.held.filter(holds).unwrap_or_else(|| Held {
            view: self.view(now, offline_threshold),
            offline_threshold,
            from: server_now,
            until: observed.next_change(server_now, offline_threshold),
        });
        self.held = Some(held);
        (held.view, held.until.map(|until| server_now.age(until)))
    }

    /// The claims, and the server's now to judge them by. That may go back when a clock is put
    /// right, but an answer never grows younger.
    fn judged(&self, now: Now) -> Option<(Observation, Timestamp)> {
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
        let observed = presence
            .and_then(|presence| presence.without_future_timestamps(at))
            .map(|presence| Observation { presence, at });
        self.answer = Some(Answered { observed, origin });
        self.held = None;
    }

    /// An organisation-wide reply of `origin` had no entry for this person, which says of somebody
    /// with old claims that nothing newer is known: Zulip leaves out whoever was not connected
    /// for 14 days.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    proptest! {
        /// Whatever is heard and however the server's clock moves, what is held is what judging anew would say.
        #[test]
        fn what_is_held_is_what_holds(
            steps in prop::collection::vec(
                (0..300_000_i64, -400_000..400_000_i64, prop::option::of((0..500_000_i64, 0..500_000_i64, any::<bool>())), any::<bool>()),
                1..30,
            ),
        ) {
            let mut entry = Entry::watched();
            let (mut moment, mut offline_threshold) = (Moment::default(), Duration::from_secs(200));
            for (passed_ms, ahead_ms, heard, is_told) in steps {
                moment = moment + Duration::from_millis(passed_ms.unsigned_abs());
                let server = Timestamp::from_ms(HOUR_MS + moment.since(Moment::default()).as_millis() as i64 + ahead_ms);
                if is_told {
                    offline_threshold = Duration::from_secs(340) - offline_threshold;
                }
                if let Some((active_ms, connected_ms, offline)) = heard {
                    let claim = |ago_ms| Some(Timestamp::from_ms(server.as_ms() - ago_ms));
                    let presence = Presence { last_active: claim(active_ms), last_connected: claim(connected_ms), offline };
                    entry.learn(Some(presence), Origin { stamp: Some(server), asked_at: moment, arrived: moment, server_now: server });
                }
                let now = Now { server, moment };
                let (view, holds_for) = entry.hold(now, offline_threshold);
                prop_assert_eq!(view, entry.view(now, offline_threshold));
                // And it holds as long as it says, and not longer.
                if let Some(holds_for) = holds_for {
                    let at = |later: Duration| Now { server: server + later, moment: moment + later };
                    prop_assert!(holds_for > Duration::ZERO);
                    prop_assert_eq!(view, entry.view(at(holds_for - Duration::from_millis(1)), offline_threshold));
                    let changed = entry.view(at(holds_for), offline_threshold);
                    prop_assert!(view.status < changed.status, "{:?} {:?} after {:?}", view, changed, holds_for);
                }
            }
        }
    }
}
