//! How an endpoint is polled: chosen once, when the watchlist is made.

use core::time::Duration;

use super::entry::{Entry, ObservationMeta};
use super::gateway::{self, GatewayStrategy};
use super::groups::Group;
use super::poll::GroupId;
use super::query::Query;
use super::settings::Endpoint;
use super::zulip::ZulipStrategy;
use crate::UserRef;
use crate::reply::{RealmPresence, Reply, UserPresence};
use crate::time::EngineInstant;
use crate::user_map::UserMap;

#[derive(Debug)]
pub(super) enum Strategy {
    Gateway(GatewayStrategy),
    Zulip(ZulipStrategy),
}

impl Strategy {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        match endpoint {
            Endpoint::Gateway => Self::Gateway(GatewayStrategy::default()),
            Endpoint::Zulip { verified_users } => Self::Zulip(ZulipStrategy::new(verified_users)),
        }
    }

    pub(super) fn groups(&self) -> &[Group] {
        match self {
            Self::Gateway(gateway) => &gateway.groups.list,
            Self::Zulip(zulip) => &zulip.all_users,
        }
    }

    pub(super) fn groups_mut(&mut self) -> &mut [Group] {
        match self {
            Self::Gateway(gateway) => &mut gateway.groups.list,
            Self::Zulip(zulip) => &mut zulip.all_users,
        }
    }

    /// The entry of a new user.
    pub(super) fn join(&mut self, user: &UserRef, interval: Duration, now: EngineInstant) -> Entry {
        match self {
            Self::Gateway(gateway) => gateway.join(user, now),
            Self::Zulip(zulip) => zulip.join(user, interval, now),
        }
    }

    /// Whether the document is being parsed.
    pub(super) fn set_parsing(&mut self, is_parsing: bool) {
        if let Self::Gateway(gateway) = self
            && gateway.groups.is_parsing != is_parsing
        {
            gateway.groups.is_parsing = is_parsing;
            if !is_parsing {
                gateway.groups.stop_waiting();
            }
        }
    }

    /// New users wait no longer for those who follow.
    pub(super) fn stop_waiting(&mut self) {
        if let Self::Gateway(gateway) = self {
            gateway.groups.stop_waiting();
        }
    }

    /// The query for the members of a group, which is requested now.
    pub(super) fn query(&mut self, id: GroupId, members: &[&UserRef]) -> Query {
        match self {
            Self::Gateway(gateway) => {
                gateway.groups.close(id);
                Query::Group(members.iter().copied().cloned().collect())
            }
            Self::Zulip(_) => Query::AllUsers,
        }
    }

    /// Applies the reply to the query for one user. Returns the time until the next one, if the
    /// interval is too short. A gateway is never asked for one.
    pub(super) fn apply_user(
        &self,
        entries: &mut UserMap<Entry>,
        user: &UserRef,
        presence: UserPresence,
        meta: ObservationMeta,
        interval: Duration,
    ) -> Option<Duration> {
        match self {
            Self::Gateway(_) => None,
            Self::Zulip(zulip) => zulip.apply_user(entries, user, presence, meta, interval),
        }
    }

    /// Applies the reply to the query for a group.
    pub(super) fn apply_realm(
        &mut self,
        entries: &mut UserMap<Entry>,
        realm: RealmPresence,
        meta: ObservationMeta,
        now: EngineInstant,
    ) {
        match self {
            Self::Gateway(_) => gateway::apply(entries, &realm, meta),
            Self::Zulip(zulip) => zulip.apply_realm(entries, realm, meta, now),
        }
    }

    /// Whether what `user` says of themselves takes a query of its own. A gateway tells it beside
    /// their presence; Zulip itself by ID only.
    pub(super) fn has_message_query(&self, user: &UserRef) -> bool {
        matches!((self, user), (Self::Zulip(_), UserRef::Id(_)))
    }

    /// Whether the endpoint of this strategy replies to `query` like this.
    pub(super) fn is_plausible(
        &self,
        query: &Query,
        realm: Option<&RealmPresence>,
        reply: &Reply<()>,
    ) -> bool {
        match self {
            Self::Gateway(_) => realm.is_none_or(|realm| gateway::is_complete(query, realm)),
            // Only a gateway sends the threshold (docs/zulip-wire.md §3).
            Self::Zulip(_) => reply.offline_threshold.is_none(),
        }
    }

    /// Sets whether the organisation has presence disabled. Returns whether that is news.
    pub(super) fn set_presence_disabled(
        &mut self,
        entries: &mut UserMap<Entry>,
        is_disabled: bool,
    ) -> bool {
        match self {
            Self::Gateway(_) => false,
            Self::Zulip(zulip) => zulip.set_presence_disabled(entries, is_disabled),
        }
    }

    /// Removes the users for whom `is_over`.
    pub(super) fn evict(&mut self, entries: &mut UserMap<Entry>, is_over: impl Fn(&Entry) -> bool) {
        match self {
            Self::Gateway(gateway) => gateway.evict(entries, is_over),
            Self::Zulip(zulip) => zulip.evict(entries, is_over),
        }
    }

    /// When the request of Zulip's last organisation-wide reply started.
    pub(super) fn realm_requested_at(&self) -> Option<EngineInstant> {
        match self {
            Self::Gateway(_) => None,
            Self::Zulip(zulip) => zulip.realm_requested_at(),
        }
    }
}
