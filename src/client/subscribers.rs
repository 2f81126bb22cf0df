//! The subscribers of a client, and when to call them.

use core::time::Duration;
use std::rc::Rc;

use slab::Slab;
use zulip_presence_core::watchlist::{Change, View};
use zulip_presence_core::{ClockReading, Timestamp, UserRef, Watchlist};

/// How late labels with a time may be updated, so that many of them are rendered together.
const LABEL_GRANULARITY: Duration = Duration::from_secs(1);

/// A person's presence at one instant, with what is needed to put it into words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PresenceNow {
    /// Status, last activity and message.
    pub view: View,
    /// Whether there is a result yet, even if it is "unknown".
    pub has_result: bool,
    /// The server's now.
    pub server_now: Timestamp,
    pub(crate) clocks: ClockReading,
}

impl PresenceNow {
    pub(super) fn of(user: &UserRef, watchlist: &Watchlist, now: ClockReading) -> Self {
        Self {
            view: watchlist.view(user, now),
            has_result: watchlist.observation(user).is_some(),
            server_now: watchlist.server_now(now),
            clocks: now,
        }
    }
}

/// Why a subscriber is called.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// Nothing changed but the time, or whether there is a result.
    Rerender,
    /// The view changed.
    Change,
}

/// What a subscriber is called with.
pub type OnPresence = Rc<dyn Fn(PresenceNow, Cause)>;

pub(super) struct Subscriber {
    pub(super) user: UserRef,
    pub(super) on_presence: OnPresence,
    /// Why the subscriber is to be called next.
    due: Option<Cause>,
    /// When to call again although the view did not change.
    pub(super) rerender: Option<RerenderAt>,
}

/// When a label must be rendered again although the view is the same.
#[derive(Clone, Copy)]
pub(super) enum RerenderAt {
    /// Once there is a result, even if it is "unknown".
    Result,
    /// At this reading of the monotonic clock.
    Monotonic(Duration),
}

impl Subscriber {
    pub(super) fn new(user: UserRef, on_presence: OnPresence) -> Self {
        Self { user, on_presence, due: None, rerender: None }
    }
}

/// All subscribers of a client.
#[derive(Default)]
pub(super) struct Subscribers {
    pub(super) all: Slab<Subscriber>,
    /// Since when any subscriber is due, on the monotonic clock.
    due_since: Option<Duration>,
}

impl Subscribers {
    /// Marks the subscribers to call for `changes`, which are sorted by user.
    pub(super) fn mark_changed(&mut self, changes: &[Change], now: Duration) {
        if changes.is_empty() {
            return;
        }
        self.due_since.get_or_insert(now);
        for (_, subscriber) in &mut self.all {
            if changes.binary_search_by(|change| change.user.cmp(&subscriber.user)).is_ok() {
                subscriber.due = Some(Cause::Change);
            }
        }
    }

    pub(super) fn rerender_all(&mut self, now: Duration) {
        self.due_since.get_or_insert(now);
        for (_, subscriber) in &mut self.all {
            subscriber.due = subscriber.due.max(Some(Cause::Rerender));
        }
    }

    /// How long any subscriber has been due.
    pub(super) fn due_for(&self, now: Duration) -> Option<Duration> {
        Some(now.saturating_sub(self.due_since?))
    }

    /// Returns the keys of all subscribers to call now, and marks them as called.
    pub(super) fn take_due(&mut self, now: Duration, watchlist: &Watchlist) -> Vec<(usize, Cause)> {
        self.due_since = None;
        let mut due = Vec::new();
        for (key, subscriber) in &mut self.all {
            let rerenders = subscriber.rerender.is_some_and(|rerender| match rerender {
                RerenderAt::Result => watchlist.observation(&subscriber.user).is_some(),
                RerenderAt::Monotonic(at) => at <= now,
            });
            if rerenders {
                subscriber.rerender = None;
            }
            let cause = subscriber.due.take().or(rerenders.then_some(Cause::Rerender));
            due.extend(cause.map(|cause| (key, cause)));
        }
        due
    }

    pub(super) fn get(&self, key: usize) -> Option<(UserRef, OnPresence)> {
        let subscriber = self.all.get(key)?;
        Some((subscriber.user.clone(), subscriber.on_presence.clone()))
    }

    /// Time until the next label must be rendered again.
    pub(super) fn next_rerender(&self, now: Duration) -> Option<Duration> {
        let times = self.all.iter().filter_map(|(_, subscriber)| match subscriber.rerender? {
            RerenderAt::Monotonic(at) => Some(at.saturating_sub(now).max(LABEL_GRANULARITY)),
            RerenderAt::Result => None,
        });
        times.min()
    }
}
