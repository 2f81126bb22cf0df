//! How an endpoint is polled: chosen once, when the watchlist is made.

use core::fmt;
use core::time::Duration;

use super::entry::{Entry, ObservationMeta};
use super::groups::Group;
use super::poll::GroupId;
use super::query::Query;
use crate::UserRef;
use crate::reply::{RealmPresence, Reply, UserPresence};
use crate::time::EngineInstant;
use crate::user_map::UserMap;

pub(super) trait Strategy: Send + Sync {
    /// The users who are requested together.
    fn groups(&self) -> &[Group];

    fn groups_mut(&mut self) -> &mut [Group];

    /// The entry of a new user.
    fn join(&mut self, user: &UserRef, interval: Duration, now: EngineInstant) -> Entry;

    /// Whether the document is being parsed.
    fn set_parsing(&mut self, _is_parsing: bool) {}

    /// New users wait no longer for those who follow.
    fn stop_waiting(&mut self) {}

    /// The query for the members of a group, which is requested now.
    fn query(&mut self, id: GroupId, members: &[&UserRef]) -> Query;

    /// Applies the reply to the query for one user, for endpoints that are asked for one. Returns
    /// the time until the next one, if the interval is too short.
    fn apply_user(
        &self,
        _entries: &mut UserMap<Entry>,
        _user: &UserRef,
        _presence: UserPresence,
        _meta: ObservationMeta,
        _interval: Duration,
    ) -> Option<Duration> {
        None
    }

    /// Applies the reply to the query for a group, or an event of a stream.
    fn apply_realm(
        &mut self,
        entries: &mut UserMap<Entry>,
        realm: RealmPresence,
        meta: ObservationMeta,
        now: EngineInstant,
    );

    /// Whether what `user` says of themselves takes a query of its own.
    fn has_message_query(&self, _user: &UserRef) -> bool {
        false
    }

    /// Whether the endpoint of this strategy replies to `query` like this.
    fn is_plausible(&self, query: &Query, realm: Option<&RealmPresence>, reply: &Reply<()>)
    -> bool;

    /// Sets whether the organisation has presence disabled. Returns whether that is news.
    fn set_presence_disabled(&mut self, _entries: &mut UserMap<Entry>, _is_disabled: bool) -> bool {
        false
    }

    /// Removes the users for whom `is_over`.
    fn evict(&mut self, entries: &mut UserMap<Entry>, is_over: &dyn Fn(&Entry) -> bool);

    /// When the request of the last organisation-wide reply started.
    fn realm_requested_at(&self) -> Option<EngineInstant> {
        None
    }
}

/// Not of the trait: the page's bundle would contain it, 6 KB of code.
impl fmt::Debug for dyn Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.groups().fmt(f)
    }
}
