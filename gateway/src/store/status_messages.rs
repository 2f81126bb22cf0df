//! What people say of themselves, as far as it is known.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use crate::zulip::user_status::UserStatus;

/// Time between two requests about the same person.
const ASK_INTERVAL: Duration = Duration::from_secs(600);

/// A user's ID, as Zulip has it in events.
pub(crate) type UserId = u64;

/// The status messages that are known, and whom to ask next. Those who say nothing have none.
#[derive(Debug, Default)]
pub(super) struct Statuses {
    pub(super) known: HashMap<UserId, UserStatus>,
    /// The queue that told `known` tells every change, or the first queue soon will.
    pub(super) is_told: bool,
    /// Those of whom `known` holds while it is not: they are watched since they were told or asked
    /// about. What others said may be long over.
    pub(super) current: HashSet<UserId>,
    /// When people were asked about, while it is not.
    pub(super) asked_at: HashMap<UserId, Duration>,
    pub(super) next_at: Duration,
    pub(super) in_flight: bool,
    /// A queue told more than the reply in flight may know.
    pub(super) is_overtaken: bool,
}

impl Statuses {
    pub(super) fn new(has_queue: bool) -> Self {
        Self { is_told: has_queue, ..Self::default() }
    }

    /// What somebody says, as far as that is known to hold.
    pub(super) fn current(&self, id: UserId) -> Option<&UserStatus> {
        self.known.get(&id).filter(|_| self.is_told || self.current.contains(&id))
    }

    /// Nobody but `watched` is watched any more. `known` stays: it is complete again when the queue
    /// that told it comes back.
    pub(super) fn release_others(&mut self, watched: &HashSet<UserId>) {
        self.current.retain(|id| watched.contains(id));
        self.asked_at.retain(|id, _| watched.contains(id));
    }

    pub(super) fn set(&mut self, id: UserId, status: UserStatus) {
        if status.is_empty() {
            self.known.remove(&id);
        } else {
            self.known.insert(id, status);
        }
    }

    /// Everybody is to be asked about again: nothing is in flight any more.
    pub(super) fn ask_again(&mut self, now: Duration) {
        self.asked_at.clear();
        (self.in_flight, self.next_at) = (false, now);
    }

    /// Whom of `watched` to ask about next, and when.
    pub(super) fn next(
        &self,
        watched: HashSet<UserId>,
        now: Duration,
    ) -> Option<(UserId, Duration)> {
        if self.in_flight {
            return None;
        }
        let asked_at = |id: &UserId| self.asked_at.get(id).copied();
        let oldest = watched.into_iter().min_by_key(asked_at)?;
        let due = asked_at(&oldest).map_or(now, |at| at + ASK_INTERVAL);
        Some((oldest, due.max(self.next_at)))
    }
}
