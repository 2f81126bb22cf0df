//! The subscribers of a client, and when to call them.

use core::time::Duration;
use std::rc::Rc;

use slab::Slab;
use zulip_presence_core::watchlist::{Change, View};
use zulip_presence_core::{UserRef, Watchlist};

/// How late labels with a time may be updated, so that many of them are rendered together.
const LABEL_GRANULARITY: Duration = Duration::from_secs(1);

pub(super) type OnPresence = Rc<dyn Fn(View)>;

pub(super) struct Subscriber {
    pub(super) user: UserRef,
    pub(super) on_presence: OnPresence,
    /// The view differs from the one last passed to the subscriber.
    pub(super) is_dirty: bool,
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

/// All subscribers of a client.
#[derive(Default)]
pub(super) struct Subscribers {
    pub(super) all: Slab<Subscriber>,
    /// Since when any subscriber is dirty, on the monotonic clock.
    dirty_since: Option<Duration>,
}

impl Subscribers {
    /// Marks the subscribers to call for `changes`, which are sorted by user.
    pub(super) fn mark_dirty(&mut self, changes: &[Change], now: Duration) {
        if changes.is_empty() {
            return;
        }
        self.dirty_since.get_or_insert(now);
        for (_, subscriber) in &mut self.all {
            subscriber.is_dirty |=
                changes.binary_search_by(|change| change.user.cmp(&subscriber.user)).is_ok();
        }
    }

    pub(super) fn mark_all_dirty(&mut self, now: Duration) {
        self.dirty_since.get_or_insert(now);
        for (_, subscriber) in &mut self.all {
            subscriber.is_dirty = true;
        }
    }

    /// How long any subscriber has been dirty.
    pub(super) fn dirty_for(&self, now: Duration) -> Option<Duration> {
        Some(now.saturating_sub(self.dirty_since?))
    }

    /// Returns the keys of all subscribers to call now, and marks them as called.
    pub(super) fn take_due(&mut self, now: Duration, watchlist: &Watchlist) -> Vec<usize> {
        self.dirty_since = None;
        let mut due = Vec::new();
        for (place, subscriber) in &mut self.all {
            let rerenders = subscriber.rerender.is_some_and(|rerender| match rerender {
                RerenderAt::Result => watchlist.observation(&subscriber.user).is_some(),
                RerenderAt::Monotonic(at) => at <= now,
            });
            if rerenders {
                subscriber.rerender = None;
            }
            if core::mem::take(&mut subscriber.is_dirty) || rerenders {
                due.push(place);
            }
        }
        due
    }

    pub(super) fn get(&self, place: usize) -> Option<(UserRef, OnPresence)> {
        let subscriber = self.all.get(place)?;
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
