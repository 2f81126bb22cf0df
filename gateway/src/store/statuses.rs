//! What people say of themselves: told by the event queue, where there is one; else they are asked
//! about one by one.

use std::collections::HashMap;
use std::time::Duration;

use zulip_presence_core::reply::RequestError;
use zulip_presence_core::{ClockReading, UserRef};

use super::Store;
use crate::zulip::event_queue::wire::StatusUpdate;
use crate::zulip::user_status::UserStatus;

/// Time between two requests about the same person.
const ASK_INTERVAL: Duration = Duration::from_secs(600);
/// Time between two requests about anybody: ten a minute.
const GAP: Duration = Duration::from_secs(6);
/// Servers before feature level 262 have no such request; others may have an outage.
const FAILURE_DELAY: Duration = Duration::from_secs(300);

/// A user's ID, as Zulip has it in events.
pub(crate) type UserId = u64;

/// The status messages that are known. Those who say nothing have none.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    known: HashMap<UserId, UserStatus>,
    /// The event queue tells every change, so that `known` is complete, or it soon will.
    is_told: bool,
    /// When people were asked about, while it is not.
    asked_at: HashMap<UserId, Duration>,
    next_at: Duration,
    in_flight: bool,
}

impl Statuses {
    pub(super) fn new(has_queue: bool) -> Self {
        Self { is_told: has_queue, ..Self::default() }
    }

    fn set(&mut self, id: UserId, status: UserStatus) {
        if status.is_empty() {
            self.known.remove(&id);
        } else {
            self.known.insert(id, status);
        }
    }

    /// Whom of `watched` to ask about next, and when.
    fn next(
        &self,
        watched: impl Iterator<Item = UserId>,
        now: Duration,
    ) -> Option<(UserId, Duration)> {
        if self.is_told || self.in_flight {
            return None;
        }
        let asked_at = |id: &UserId| self.asked_at.get(id).copied();
        let oldest = watched.min_by_key(asked_at)?;
        let due = asked_at(&oldest).map_or(now, |at| at + ASK_INTERVAL);
        Some((oldest, due.max(self.next_at)))
    }
}

impl Store {
    /// Whether what people say of themselves is shown.
    #[must_use]
    pub(crate) fn shows_statuses(&self) -> bool {
        self.statuses.is_some()
    }

    /// What `user` says of themselves, if they may be seen and say anything.
    #[must_use]
    pub(crate) fn status_message(&self, user: &UserRef) -> Option<&UserStatus> {
        self.statuses.as_ref()?.known.get(&self.visible_id(user)?)
    }

    /// The ID of `user`, if they may be seen.
    fn visible_id(&self, user: &UserRef) -> Option<UserId> {
        self.find(user).ok()??;
        match self.directory.as_ref()?.find(user)?.id {
            UserRef::Id(id) => Some(id),
            UserRef::Email(_) => None,
        }
    }

    /// Whom to ask about now, and the time until somebody else is due.
    pub(super) fn step_statuses(
        &mut self,
        now: ClockReading,
    ) -> (Option<UserId>, Option<Duration>) {
        let watched = self.watched.keys().filter_map(|email| self.visible_id(email));
        let next = self.statuses.as_ref().and_then(|known| known.next(watched, now.monotonic));
        let Some((id, due)) = next else {
            return (None, None);
        };
        let wait = due.saturating_sub(now.monotonic);
        if !wait.is_zero() {
            return (None, Some(wait));
        }
        if !self.watchlist.try_acquire(now) {
            return (None, Some(GAP));
        }
        if let Some(statuses) = &mut self.statuses {
            statuses.in_flight = true;
            statuses.next_at = now.monotonic + GAP;
            statuses.asked_at.insert(id, now.monotonic);
        }
        (Some(id), None)
    }

    /// Zulip said what `id` says of themselves.
    pub(crate) fn status_fetched(
        &mut self,
        id: UserId,
        fetched: Result<UserStatus, RequestError>,
        now: ClockReading,
    ) {
        let Some(statuses) = &mut self.statuses else {
            return;
        };
        statuses.in_flight = false;
        match fetched {
            // The queue knows better.
            _ if statuses.is_told => {}
            Ok(status) => statuses.set(id, status),
            Err(error) => {
                let delay = error.imposed_delay().unwrap_or_default().max(FAILURE_DELAY);
                statuses.next_at = now.monotonic + delay;
            }
        }
    }

    /// The event queue told what everybody says.
    pub(super) fn statuses_told(&mut self, told: &HashMap<UserId, UserStatus>) {
        if let Some(statuses) = &mut self.statuses {
            statuses.known.clone_from(told);
            statuses.is_told = true;
        }
    }

    /// The event queue told what somebody says now. Returns whether that is shown.
    pub(super) fn status_told(&mut self, update: &StatusUpdate) -> bool {
        let Some(statuses) = &mut self.statuses else {
            return false;
        };
        let mut status = statuses.known.remove(&update.user_id).unwrap_or_default();
        status.update(&update.fields);
        statuses.set(update.user_id, status);
        true
    }

    /// Events no longer arrive: what was told gets old from now on.
    pub(crate) fn queue_is_down(&mut self) {
        if let Some(statuses) = &mut self.statuses {
            statuses.is_told = false;
            statuses.asked_at.clear();
        }
    }
}
