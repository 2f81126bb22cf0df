//! What Zulip's events make due. An event is a hint to ask, not data (docs/zulip-wire.md §11): it
//! may be lost, repeated, late or wrong, and polling is enough without any.

use std::time::Duration;

use zulip_presence_core::{ClockReading, MAX_OFFLINE_THRESHOLD, MIN_OFFLINE_THRESHOLD, UserRef};

use super::Store;
use crate::zulip::event_queue::wire::{Event, Registered};

/// Minimum time between two fetches of the directory because of events.
const DIRECTORY_GAP: Duration = Duration::from_secs(10);
/// Zulip spends at most 5 % of the time sending the directory.
const BUSY_DIVISOR: u32 = 20;

impl Store {
    /// Zulip registered an event queue, and told how the organisation is set. What happened before
    /// is not in the queue. `is_again`: nor is what happened since the last queue.
    pub(crate) fn queue_registered(
        &mut self,
        registered: &Registered,
        is_again: bool,
        now: ClockReading,
    ) {
        let threshold = registered
            .offline_threshold
            .map(|threshold| threshold.clamp(MIN_OFFLINE_THRESHOLD, MAX_OFFLINE_THRESHOLD));
        if self.told_threshold != threshold {
            self.told_threshold = threshold;
            self.news.resend();
        }
        self.told_disabled = registered.presence_disabled;
        self.statuses_told(&registered.statuses);
        self.hint(now);
        if is_again {
            self.directory_hint(now);
        }
    }

    /// Zulip told that something happened. Returns whether replies differ already.
    pub(crate) fn event(&mut self, event: &Event, now: ClockReading) -> bool {
        match event {
            Event::Presence(people) => {
                if people.iter().any(|user| self.may_be_watched(user)) {
                    self.hint(now);
                }
                false
            }
            Event::Directory => {
                self.directory_hint(now);
                false
            }
            Event::Status(update) => self.status_told(update),
            Event::PresenceDisabled(is_disabled) => {
                self.told_disabled = *is_disabled;
                self.hint(now);
                true
            }
        }
    }

    /// Whether a page asked for `user` recently. Whoever is new may be known by another name.
    fn may_be_watched(&self, user: &UserRef) -> bool {
        match self.find(user) {
            Ok(Some(email)) => self.watched.contains_key(email),
            Ok(None) => true,
            Err(_) => false,
        }
    }

    /// The organisation-wide request is due. A slow Zulip is asked less often, not more often.
    pub(super) fn hint(&mut self, now: ClockReading) {
        if self.refresh == self.policy.refresh {
            self.watchlist.hint(now);
            self.needs_step = true;
        }
    }

    /// The directory is due, as soon as its size allows.
    fn directory_hint(&mut self, now: ClockReading) {
        let gap = DIRECTORY_GAP.max(self.directory_refresh.took * BUSY_DIVISOR);
        // What is in flight may be older than the event.
        self.directory_refresh.again |= self.directory_refresh.in_flight;
        self.refresh_directory_within(gap, now);
    }
}
