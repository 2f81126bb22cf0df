//! How Zulip itself is polled: one organisation-wide request for all users named by email, and a
//! single request for each ID, which that reply does not have (docs/zulip-wire.md §7).

use core::time::Duration;

use super::entry::{Entry, ObservationMeta};
use super::groups::Group;
use super::poll::{GroupId, PollState};
use crate::UserRef;
use crate::reply::{RealmPresence, UserPresence};
use crate::time::EngineInstant;
use crate::user_map::UserMap;

/// Time between two single requests for a user without data.
const NO_DATA_INTERVAL: Duration = Duration::from_secs(900);
/// Time between two single requests for a user who is absent from the organisation-wide reply.
const ABSENT_INTERVAL: Duration = Duration::from_secs(86_400);

/// The only group: all users named by email.
const ALL_USERS: GroupId = GroupId(0);

#[derive(Debug)]
pub(super) struct ZulipStrategy {
    pub(super) all_users: [Group; 1],
    /// Who is absent from the organisation-wide reply is offline.
    verified_users: bool,
    /// The last organisation-wide reply: users who are watched before the next one get their status
    /// from it.
    realm: Option<(RealmPresence, ObservationMeta)>,
}

impl ZulipStrategy {
    pub(super) fn new(verified_users: bool) -> Self {
        let all_users = [Group::new(ALL_USERS, EngineInstant::default())];
        Self { all_users, verified_users, realm: None }
    }

    /// When the request of the last organisation-wide reply started.
    pub(super) fn realm_requested_at(&self) -> Option<EngineInstant> {
        self.realm.as_ref().map(|(_, meta)| meta.requested_at)
    }

    /// A new user: an ID is due, an email gets its status from the last organisation-wide reply,
    /// unless that is older than `interval`.
    pub(super) fn join(&self, user: &UserRef, interval: Duration, now: EngineInstant) -> Entry {
        let mut entry = Entry::watched();
        match user {
            UserRef::Id(_) => entry.poll = Some(PollState::due_at(now)),
            UserRef::Email(_) => {
                entry.group = Some(ALL_USERS);
                if let Some((realm, meta)) = &self.realm
                    && now.since(meta.requested_at) <= interval
                {
                    entry.requested_at = Some(meta.requested_at);
                    self.apply_entry(&mut entry, realm.get(user), *meta, now);
                }
            }
        }
        entry
    }

    /// Applies an organisation-wide reply.
    pub(super) fn apply_realm(
        &mut self,
        entries: &mut UserMap<Entry>,
        realm: RealmPresence,
        meta: ObservationMeta,
        now: EngineInstant,
    ) {
        for (user, entry) in entries.iter_mut().filter(|(_, entry)| entry.group.is_some()) {
            entry.requested_at = entry.requested_at.max(Some(meta.requested_at));
            self.apply_entry(entry, realm.get(user), meta, now);
        }
        self.realm = Some((realm, meta));
    }

    /// A user who is absent from the organisation-wide reply gets a query of their own, once and
    /// daily after that: it tells when they were last active.
    fn apply_entry(
        &self,
        entry: &mut Entry,
        found: Option<UserPresence>,
        meta: ObservationMeta,
        now: EngineInstant,
    ) {
        match found {
            Some(presence) => {
                entry.apply(presence, meta);
                entry.poll = None;
            }
            None => {
                entry.apply_absent(meta, self.verified_users);
                entry.poll.get_or_insert(PollState::due_at(now));
            }
        }
    }

    /// Removes the users for whom `is_over`.
    pub(super) fn evict(&mut self, entries: &mut UserMap<Entry>, is_over: impl Fn(&Entry) -> bool) {
        entries.retain(|_, entry| !is_over(entry));
        if entries.is_empty() {
            self.realm = None;
        }
    }
}

/// Time until the next single request for `user`, if the interval is too short.
pub(super) fn pause_after(user: &UserRef, reply: UserPresence) -> Option<Duration> {
    match (user, reply) {
        (UserRef::Email(_), _) => Some(ABSENT_INTERVAL),
        (UserRef::Id(_), Err(_)) => Some(NO_DATA_INTERVAL),
        (UserRef::Id(_), Ok(_)) => None,
    }
}
