//! What people say of themselves: told by the event queue, where there is one; else they are asked
//! about one by one.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use zulip_presence_core::reply::RequestError;
use zulip_presence_core::{ClockReading, UserRef};

use super::status_messages::UserId;
use super::{Account, Store};
use crate::zulip::event_queue::wire::StatusUpdate;
use crate::zulip::user_status::UserStatus;

/// Time between two requests about anybody: ten a minute.
const GAP: Duration = Duration::from_secs(6);
/// Servers before feature level 262 have no such request; others may have an outage.
const FAILURE_DELAY: Duration = Duration::from_secs(300);

impl Store {
    /// Whether what people say of themselves is shown.
    #[must_use]
    pub(crate) fn shows_statuses(&self) -> bool {
        self.statuses.is_some()
    }

    /// What `user` says of themselves, if they may be seen and say anything.
    #[must_use]
    pub(crate) fn status_message(&self, user: &UserRef) -> Option<&UserStatus> {
        self.statuses.as_ref()?.current(self.visible_id(user)?)
    }

    /// Whom pages requested recently.
    fn watched_ids(&self) -> HashSet<UserId> {
        self.watched.keys().filter_map(|email| self.visible_id(email)).collect()
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
        if self.statuses.as_ref().is_none_or(|statuses| statuses.is_told) {
            return (None, None);
        }
        let watched = self.watched_ids();
        let Some(statuses) = &mut self.statuses else {
            return (None, None);
        };
        statuses.release_others(&watched);
        let Some((id, due)) = statuses.next(watched, now.monotonic) else {
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
            (statuses.in_flight, statuses.is_overtaken) = (true, false);
            statuses.next_at = now.monotonic + GAP;
            statuses.asked_at.insert(id, now.monotonic);
        }
        (Some(id), None)
    }

    /// Zulip said to `account` what `id` says of themselves.
    pub(crate) fn status_fetched(
        &mut self,
        id: UserId,
        fetched: Result<UserStatus, RequestError>,
        account: Account,
        now: ClockReading,
    ) {
        let Some(statuses) = self.statuses.as_mut().filter(|_| account == self.account) else {
            return;
        };
        statuses.in_flight = false;
        match fetched {
            // The queue knows better.
            _ if statuses.is_overtaken => {}
            Ok(status) => {
                statuses.set(id, status);
                statuses.current.insert(id);
            }
            Err(error) => {
                let delay = error.imposed_delay().unwrap_or_default().max(FAILURE_DELAY);
                statuses.next_at = now.monotonic + delay;
            }
        }
    }

    /// The event queue told what everybody says.
    pub(super) fn statuses_told(&mut self, told: &HashMap<UserId, UserStatus>) {
        let watched = self.watched_ids();
        if let Some(statuses) = &mut self.statuses {
            statuses.known.clone_from(told);
            statuses.current = watched;
            statuses.is_overtaken = true;
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

    /// Whether the queue tells what people say from now on. If not, what it told gets old.
    pub(crate) fn set_told(&mut self, is_told: bool) {
        let was_told = self.statuses.as_ref().is_some_and(|statuses| statuses.is_told);
        // After each reply about events: who is watched is looked up only when it matters.
        let watched = (was_told && !is_told).then(|| self.watched_ids());
        let Some(statuses) = &mut self.statuses else {
            return;
        };
        if let Some(watched) = watched {
            statuses.asked_at.clear();
            statuses.current = watched;
        }
        statuses.is_told = is_told;
        statuses.is_overtaken |= is_told;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::store::StoreConfig;
    use crate::zulip::allow_list::AllowList;
    use crate::zulip::directory::Directory;

    const ADA: UserRef = UserRef::Id(12);

    /// Ada is watched, and no queue tells what she says.
    fn store(now: ClockReading) -> Store {
        let config = StoreConfig { show_statuses: true, ..StoreConfig::default() };
        let mut store = Store::new(config, AllowList::default(), now);
        let account = store.step(now).directory.expect("it is due");
        let body = br#"{"result":"success","members":[{"user_id":12,"email":"ada@x"}]}"#;
        store.directory_fetched(Directory::parse(body).expect("a directory"), account, now);
        store.watch(&ADA, now);
        store
    }

    fn says(text: &str) -> UserStatus {
        UserStatus::from(&serde_json::json!({"status_text": text}))
    }

    #[test]
    fn late_reply_changes_nothing_that_a_queue_told_since() {
        let now = clock::now();
        for is_live in [false, true] {
            let mut store = store(now);
            let (id, account) = store.step(now).status.expect("nobody tells it");
            store.statuses_told(&HashMap::from([(id, says("Back"))]));
            store.set_told(is_live);
            store.status_fetched(id, Ok(says("Out sick")), account, now);
            assert_eq!(store.status_message(&ADA), Some(&says("Back")), "live: {is_live}");
        }
    }

    fn later(now: ClockReading, span: Duration) -> ClockReading {
        ClockReading { wall: now.wall + span, monotonic: now.monotonic + span }
    }

    /// Six minutes later, in which no page asked for anybody.
    fn released(store: &mut Store, now: ClockReading) -> ClockReading {
        let now = later(now, Duration::from_secs(360));
        store.step(now);
        assert_eq!(store.watched(), 0);
        now
    }

    #[test]
    fn who_was_released_says_nothing_until_they_were_asked_again() {
        let mut now = clock::now();
        let mut store = store(now);
        let (id, account) = store.step(now).status.expect("nobody tells it");
        store.status_fetched(id, Ok(says("Out sick")), account, now);
        store.watch(&ADA, now);
        assert_eq!(store.status_message(&ADA), Some(&says("Out sick")));
        now = released(&mut store, now);
        now = later(now, Duration::from_secs(60));
        store.watch(&ADA, now);
        assert_eq!(store.status_message(&ADA), None);
        let (id, account) = store.step(now).status.expect("at once");
        store.status_fetched(id, Ok(says("Back")), account, now);
        assert_eq!(store.status_message(&ADA), Some(&says("Back")));
    }

    #[test]
    fn what_a_queue_told_holds_after_it_for_whom_is_watched_since() {
        let mut now = clock::now();
        let mut store = store(now);
        store.statuses_told(&HashMap::from([(12, says("Out sick"))]));
        store.set_told(true);
        store.set_told(false);
        store.step(now);
        assert_eq!(store.status_message(&ADA), Some(&says("Out sick")));
        now = released(&mut store, now);
        store.watch(&ADA, now);
        assert_eq!(store.status_message(&ADA), None);
        store.set_told(true);
        assert_eq!(store.status_message(&ADA), Some(&says("Out sick")), "it is the same queue");
        released(&mut store, now);
        store.set_told(false);
        assert_eq!(store.status_message(&ADA), None, "nobody asked for them meanwhile");
    }

    #[test]
    fn refusal_of_a_former_account_delays_nothing() {
        let now = clock::now();
        let mut store = store(now);
        let (id, former) = store.step(now).status.expect("nobody tells it");
        store.credentials_changed(now);
        store.status_fetched(id, Err(RequestError::Unauthorized), former, now);
        let (again, account) = store.step(now).status.expect("at once");
        assert_eq!(again, id);
        store.status_fetched(id, Err(RequestError::Unauthorized), account, now);
        assert_eq!(store.step(now).status, None, "but not after one of its own");
    }
}
