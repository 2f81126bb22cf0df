//! How Zulip itself is polled: one organisation-wide request for all users named by email, and a
//! single request for each ID, which that reply does not have (docs/zulip-wire.md §7).

use core::time::Duration;

use super::entry::{Entry, ObservationMeta};
use super::groups::Group;
use super::limits::MAX_USER_QUERIES;
use super::poll::{GroupId, PollState};
use super::query::Query;
use super::strategy::Strategy;
use crate::UserRef;
use crate::reply::{NoPresenceReason, RealmPresence, Reply, UserPresence};
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

pub(super) struct ZulipStrategy {
    all_users: [Group; 1],
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

    fn is_disabled(&self) -> bool {
        self.presence_disabled == Some(true)
    }
}

impl Strategy for ZulipStrategy {
    fn groups(&self) -> &[Group] {
        &self.all_users
    }

    fn groups_mut(&mut self) -> &mut [Group] {
        &mut self.all_users
    }

    /// A new user: an ID is due, an email gets its status from the last organisation-wide reply,
    /// unless that is older than `interval`.
    fn join(&mut self, user: &UserRef, interval: Duration, now: EngineInstant) -> Entry {
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

    fn query(&mut self, _id: GroupId, _members: &[&UserRef]) -> Query {
        Query::AllUsers
    }

    fn apply_user(
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

    fn apply_realm(
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

    /// By ID only (docs/zulip-wire.md). A gateway tells it beside their presence.
    fn has_message_query(&self, user: &UserRef) -> bool {
        matches!(user, UserRef::Id(_))
    }

    /// Only a gateway sends the threshold (docs/zulip-wire.md §3).
    fn is_plausible(&self, _: &Query, _: Option<&RealmPresence>, reply: &Reply<()>) -> bool {
        reply.offline_threshold.is_none()
    }

    fn set_presence_disabled(&mut self, entries: &mut UserMap<Entry>, is_disabled: bool) -> bool {
        let is_news = self.is_disabled() != is_disabled;
        self.presence_disabled = Some(is_disabled);
        if is_news {
            entries.values_mut().for_each(Entry::forget);
        }
        is_news
    }

    fn evict(&mut self, entries: &mut UserMap<Entry>, is_over: &dyn Fn(&Entry) -> bool) {
        entries.retain(|_, entry| !is_over(entry));
        if entries.is_empty() {
            self.realm = None;
        }
    }

    fn realm_requested_at(&self) -> Option<EngineInstant> {
        self.realm.as_ref().map(|(_, meta)| meta.requested_at)
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
