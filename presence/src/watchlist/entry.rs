//! The state of one user: watchers, polling and the latest observation.

use core::time::Duration;
use std::sync::Arc;

use super::poll::{GroupId, PollState};
use super::view::View;
use crate::reply::{NoPresenceReason, UserPresence};
use crate::time::EngineInstant;
use crate::{ClockReading, Observation, Presence, ServerClock, Status, Timestamp};

/// A reply further ahead of the server's now than this was dated by a wrong clock: the next one
/// replaces it.
const MAX_FUTURE_SKEW: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Entry {
    pub(super) watchers: u32,
    pub(super) on_screen: u32,
    /// When the last watcher left.
    pub(super) unwatched_at: Option<EngineInstant>,
    pub(super) group: Option<GroupId>,
    /// When a request of any kind for this person last started.
    pub(super) requested_at: Option<EngineInstant>,
    /// How many watchers show what this person says of themselves.
    pub(super) message_shown: u32,
    /// For users of Zulip itself, where it takes a request of its own.
    pub(super) message_poll: Option<PollState>,
    /// The page's last stream is or was about this person.
    pub(super) has_stream: bool,
    /// For users who are requested singly.
    pub(super) poll: Option<PollState>,
    latest: Option<LatestObservation>,
    /// What they say of themselves, by the reply of the latest observation.
    message: Option<Arc<str>>,
    /// The view at the last step.
    shown: View,
    /// How long it holds; `None`: it must be computed again.
    holds: Option<Validity>,
}

#[derive(Clone, Copy, Debug)]
struct LatestObservation {
    observed: Result<Observation, NoPresenceReason>,
    meta: ObservationMeta,
}

/// From when until when a view holds by the server's clock, if nothing new is observed: computing
/// all views anew would dominate the cost of a step.
#[derive(Clone, Copy, Debug)]
struct Validity {
    offline_threshold: Duration,
    from: Timestamp,
    /// `None`: never expires.
    until: Option<Timestamp>,
}

/// When an observation was made, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct ObservationMeta {
    /// As dated by the server itself.
    pub(super) server_timestamp: Option<Timestamp>,
    /// When its request started.
    pub(super) requested_at: EngineInstant,
    /// When the reply arrived.
    pub(super) arrived: EngineInstant,
    /// The server's now when it arrived.
    pub(super) server_now: Timestamp,
}

/// An instant on both time lines.
#[derive(Clone, Copy, Debug)]
pub(super) struct Now {
    pub(super) server: Timestamp,
    pub(super) instant: EngineInstant,
}

impl Now {
    pub(super) fn new(clock: &ServerClock, now: ClockReading) -> Self {
        Self { server: clock.server_now(now), instant: clock.instant(now) }
    }
}

impl Entry {
    /// A user with one watcher and no observation yet.
    pub(super) fn watched() -> Self {
        Self { watchers: 1, ..Self::default() }
    }

    /// The latest observation; the outer `None` before the first.
    pub(super) fn observed(&self) -> Option<Result<Observation, NoPresenceReason>> {
        self.latest.map(|latest| latest.observed)
    }

    pub(super) fn view(&self, now: Now, offline_threshold: Duration) -> View {
        let Some((observed, now)) = self.effective_now(now) else {
            // Who has no presence may say something all the same.
            return View { message: self.message.clone(), ..View::default() };
        };
        let status = observed.status(now, offline_threshold);
        View {
            status,
            last_active: observed.last_active(now, offline_threshold),
            // What was said before an outage may no longer be so.
            message: self.message.clone().filter(|_| status != Status::Unknown),
        }
    }

    /// Computes the view at a step. Returns the one before, if that was another one, and the time
    /// until it changes by age alone; `None`: never.
    pub(super) fn step(
        &mut self,
        now: Now,
        offline_threshold: Duration,
    ) -> (Option<View>, Option<Duration>) {
        let effective = self.effective_now(now);
        let still_holds = self.holds.zip(effective).is_some_and(|(holds, (_, server_now))| {
            holds.offline_threshold == offline_threshold
                && holds.from <= server_now
                && holds.until.is_none_or(|until| server_now < until)
        });
        let mut before = None;
        if !still_holds {
            let view = self.view(now, offline_threshold);
            if view != self.shown {
                before = Some(core::mem::replace(&mut self.shown, view));
            }
            self.holds = effective.map(|(observed, server_now)| Validity {
                offline_threshold,
                from: server_now,
                until: observed.next_change(server_now, offline_threshold),
            });
        }
        let until = self.holds.and_then(|holds| holds.until);
        (before, effective.zip(until).map(|((_, server_now), until)| server_now.age(until)))
    }

    /// The view at the last step.
    pub(super) fn shown(&self) -> &View {
        &self.shown
    }

    /// The last watcher left: the next one is told everything.
    pub(super) fn unwatched(&mut self, now: EngineInstant) {
        self.unwatched_at.get_or_insert(now);
        self.shown = View::default();
        self.holds = None;
    }

    /// The observation, and the server's now at which to evaluate it. That may go back when a clock
    /// is corrected, but an observation never becomes younger.
    fn effective_now(&self, now: Now) -> Option<(Observation, Timestamp)> {
        let LatestObservation { observed, meta } = self.latest?;
        let at_least = meta.server_now + now.instant.since(meta.arrived);
        Some((observed.ok()?, now.server.max(at_least)))
    }

    /// Applies the reply of a gateway, unless a newer one was applied before.
    pub(super) fn apply_with_message(
        &mut self,
        presence: UserPresence,
        message: Option<&Arc<str>>,
        meta: ObservationMeta,
    ) {
        if self.apply(presence, meta) {
            self.message = message.cloned();
        }
    }

    /// Applies a reply, unless a newer one was applied before. Returns whether it was applied.
    pub(super) fn apply(&mut self, presence: UserPresence, meta: ObservationMeta) -> bool {
        if self.latest.is_some_and(|latest| latest.is_newer_than(meta)) {
            return false;
        }
        let at = meta.server_timestamp.unwrap_or(meta.server_now);
        let observed = presence
            .and_then(|presence| {
                presence.without_future_timestamps(at).ok_or(NoPresenceReason::NoData)
            })
            .map(|presence| Observation { presence, at });
        self.latest = Some(LatestObservation { observed, meta });
        self.holds = None;
        true
    }

    /// Applies a reply about what this person says of themselves.
    pub(super) fn apply_message(&mut self, message: Option<Arc<str>>) {
        self.message = message;
        self.holds = None;
    }

    /// Drops the latest observation.
    pub(super) fn forget(&mut self) {
        self.latest = None;
        self.holds = None;
    }

    /// An organisation-wide reply had no entry for this user: Zulip leaves out whoever was not
    /// connected for 14 days. A `verified` user, an active human of the organisation, is then
    /// offline. For others (a bot, a deactivated user, a hidden email) it only confirms an older
    /// reply.
    pub(super) fn apply_absent(&mut self, meta: ObservationMeta, verified: bool) {
        let presence = match self.latest {
            Some(LatestObservation { observed: Ok(observed), .. }) => observed.presence,
            None if verified => Presence::default(),
            _ => return,
        };
        let offline = presence.offline || verified;
        // Without the timestamp: a reply about this user alone may be dated in whole seconds, and
        // must not count as older.
        let meta = ObservationMeta { server_timestamp: None, ..meta };
        self.apply(Ok(Presence { offline, ..presence }), meta);
    }
}

impl LatestObservation {
    fn is_newer_than(&self, meta: ObservationMeta) -> bool {
        match (self.meta.server_timestamp, meta.server_timestamp) {
            (Some(ours), Some(theirs)) => {
                ours > theirs && ours <= meta.server_now + MAX_FUTURE_SKEW
            }
            _ => self.meta.requested_at > meta.requested_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    proptest! {
        /// Whatever is observed and however the server's clock moves, a step finds the view that
        /// is computed anew.
        #[test]
        fn the_shown_view_is_the_recomputed_one(
            steps in prop::collection::vec(
                (0..300_000_i64, -400_000..400_000_i64, prop::option::of((0..500_000_i64, 0..500_000_i64, any::<bool>())), any::<bool>()),
                1..30,
            ),
        ) {
            let mut entry = Entry::watched();
            let (mut instant, mut offline_threshold) = (EngineInstant::default(), Duration::from_secs(200));
            for (passed_ms, ahead_ms, heard, is_told) in steps {
                instant = instant + Duration::from_millis(passed_ms.unsigned_abs());
                let server = Timestamp::from_ms(HOUR_MS + instant.since(EngineInstant::default()).as_millis() as i64 + ahead_ms);
                if is_told {
                    offline_threshold = Duration::from_secs(340) - offline_threshold;
                }
                if let Some((active_ms, connected_ms, offline)) = heard {
                    let reported = |ago_ms| Some(Timestamp::from_ms(server.as_ms() - ago_ms));
                    let presence = Presence { last_active: reported(active_ms), last_connected: reported(connected_ms), offline, ..Presence::default() };
                    entry.apply(Ok(presence), ObservationMeta { server_timestamp: Some(server), requested_at: instant, arrived: instant, server_now: server });
                }
                let now = Now { server, instant };
                let before = entry.shown().clone();
                let (changed_from, holds_for) = entry.step(now, offline_threshold);
                let view = entry.shown().clone();
                prop_assert_eq!(&view, &entry.view(now, offline_threshold));
                prop_assert_eq!(changed_from, (before != view).then_some(before));
                // The view holds exactly as long as it says.
                if let Some(holds_for) = holds_for {
                    let at = |later: Duration| Now { server: server + later, instant: instant + later };
                    prop_assert!(holds_for > Duration::ZERO);
                    prop_assert_eq!(&view, &entry.view(at(holds_for - Duration::from_millis(1)), offline_threshold));
                    let changed = entry.view(at(holds_for), offline_threshold);
                    prop_assert!(view.status < changed.status, "{:?} {:?} after {:?}", view, changed, holds_for);
                }
            }
        }
    }
}
