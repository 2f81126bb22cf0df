//! How Zulip itself is polled: one organisation-wide request for all users named by email, and a
//! single request for each ID, which that reply does not have (docs/zulip-wire.md §7).

use core::time::Duration;

use super::entry::{Entry, ObservationMeta};
use super::groups::Group;
use super::limits::MAX_USER_QUERIES;
use super::poll::{GroupId, PollState};
use crate::UserRef;
use crate::reply::{NoPresenceReason, RealmPresence, UserPresence};
use crate::time::EngineInstant;
use crate::user_map::UserMap;

/// Minimum time between two single requests for a user without data, who may come at any moment.
const NO_DATA_INTERVAL: Duration = Duration::from_secs(60);
/// Single requests a minute for users without data, at least: a third of [`MAX_USER_QUERIES`], so
/// that the others are still asked about.
const NO_DATA_SHARE: u32 = 10;
/// Time between two single requests for a user who does not exist, or whom the bot may not see: an
/// administrator may change that.
const NO_SUCH_USER_INTERVAL: Duration = Duration::from_secs(300);
/// Time between two single requests for a bot, which stays one, and for a user who is absent from
/// the organisation-wide reply, which tells when they come.
const ABSENT_INTERVAL: Duration = Duration::from_secs(86_400);

/// The only group: all users named by email.
const ALL_USERS: GroupId = GroupId(0);

#[derive(Debug)]
pub(super) struct ZulipStrategy {
    pub(super) all_users: [Group; 1],
    /// Who is absent from the organisation-wide reply is offline.
    verified_users: bool,
    /// Whether the organisation has presence disabled, if known.
    presence_disabled: Option<bool>,
    /// The last organisation-wide reply: users who are watched before the next one get their status
    /// from it.
    realm: Option<(RealmPresence, ObservationMeta)>,
}

impl ZulipStrategy {
    pub(super) fn new(verified_users: bool) -> Self {
        let all_users = [Group::new(ALL_USERS, EngineInstant::default())];
        Self { all_users, verified_users, presence_disabled: None, realm: None }
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
                    self.apply_entry(&mut entry, user, realm, *meta, now);
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
            self.apply_entry(entry, user, &realm, meta, now);
        }
        self.realm = Some((realm, meta));
    }

    /// A user who is absent from the organisation-wide reply gets a query of their own, once and
    /// daily after that: it tells when they were last active. A reply without any entry says
    /// nothing, if the organisation may have presence disabled.
    fn apply_entry(
        &self,
        entry: &mut Entry,
        user: &UserRef,
        realm: &RealmPresence,
        meta: ObservationMeta,
        now: EngineInstant,
    ) {
        match realm.get(user) {
            _ if self.is_disabled() => {
                entry.apply(Err(NoPresenceReason::NoData), meta);
            }
            Some(presence) => {
                entry.apply(presence, meta);
                entry.poll = None;
            }
            None if realm.is_empty() && self.presence_disabled.is_none() => {
                if entry.observed().is_none() {
                    entry.apply(Err(NoPresenceReason::NoData), meta);
                }
            }
            None => {
                entry.apply_absent(meta, self.verified_users);
                entry.poll.get_or_insert(PollState::due_at(now));
            }
        }
    }

    /// Applies the reply to the query for one user. Returns the time until the next one, if the
    /// interval is too short.
    pub(super) fn apply_user(
        &self,
        entries: &mut UserMap<Entry>,
        user: &UserRef,
        presence: UserPresence,
        meta: ObservationMeta,
        interval: Duration,
    ) -> Option<Duration> {
        let presence = if self.is_disabled() { Err(NoPresenceReason::NoData) } else { presence };
        entries.get_mut(user)?.apply(presence, meta);
        match (user, presence) {
            (UserRef::Email(_), _) | (_, Err(NoPresenceReason::Bot)) => Some(ABSENT_INTERVAL),
            (_, Err(NoPresenceReason::NoSuchUser | NoPresenceReason::NotPermitted)) => {
                Some(NO_SUCH_USER_INTERVAL)
            }
            (_, Err(NoPresenceReason::NoData | NoPresenceReason::Other)) => {
                Some(no_data_interval(entries, interval))
            }
            (_, Ok(_)) => None,
        }
    }

    /// Sets whether the organisation has presence disabled. Returns whether that is news.
    pub(super) fn set_presence_disabled(
        &mut self,
        entries: &mut UserMap<Entry>,
        is_disabled: bool,
    ) -> bool {
        let is_news = self.is_disabled() != is_disabled;
        self.presence_disabled = Some(is_disabled);
        if is_news {
            entries.values_mut().for_each(Entry::forget);
        }
        is_news
    }

    fn is_disabled(&self) -> bool {
        self.presence_disabled == Some(true)
    }

    /// Removes the users for whom `is_over`.
    pub(super) fn evict(&mut self, entries: &mut UserMap<Entry>, is_over: impl Fn(&Entry) -> bool) {
        entries.retain(|_, entry| !is_over(entry));
        if entries.is_empty() {
            self.realm = None;
        }
    }
}

/// Time between two single requests for a user without data: [`NO_DATA_INTERVAL`], or more if all of
/// them on screen would not fit into what the users with data, once per `interval`, leave of the
/// limit.
fn no_data_interval(entries: &UserMap<Entry>, interval: Duration) -> Duration {
    let (mut with_data, mut without_data) = (0, 0);
    for entry in entries.values().filter(|entry| entry.on_screen > 0 && entry.poll.is_some()) {
        match entry.observed() {
            Some(Ok(_)) => with_data += 1,
            _ => without_data += 1,
        }
    }
    let taken = NO_DATA_INTERVAL * with_data / interval.as_secs().max(1) as u32;
    let left = MAX_USER_QUERIES.saturating_sub(taken.as_secs() as u32).max(NO_DATA_SHARE);
    NO_DATA_INTERVAL.max(NO_DATA_INTERVAL * without_data / left)
}
