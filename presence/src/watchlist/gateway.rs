//! How a gateway is polled: in fixed groups of users, in document order.

use super::entry::{Entry, ObservationMeta};
use super::groups::Groups;
use super::query::Query;
use crate::UserRef;
use crate::reply::RealmPresence;
use crate::time::EngineInstant;
use crate::user_map::UserMap;

#[derive(Debug, Default)]
pub(super) struct GatewayStrategy {
    pub(super) groups: Groups,
}

impl GatewayStrategy {
    /// Puts a new user into a group.
    pub(super) fn join(&mut self, user: &UserRef, now: EngineInstant) -> Entry {
        let mut entry = Entry::watched();
        entry.group = Some(self.groups.join(user, now));
        entry
    }

    /// Removes the users for whom `is_over`.
    pub(super) fn evict(&mut self, entries: &mut UserMap<Entry>, is_over: impl Fn(&Entry) -> bool) {
        entries.retain(|user, entry| {
            let is_over = is_over(entry);
            if let (true, Some(group)) = (is_over, entry.group) {
                self.groups.leave(user, group);
            }
            !is_over
        });
        self.groups.compact(|from, to| {
            for entry in entries.values_mut().filter(|entry| entry.group == Some(from)) {
                entry.group = Some(to);
            }
        });
    }
}

/// Applies a reply about any users.
pub(super) fn apply(entries: &mut UserMap<Entry>, realm: &RealmPresence, meta: ObservationMeta) {
    for (user, presence, message) in realm.iter_with_messages() {
        if let Some(entry) = entries.get_mut(user) {
            entry.apply_with_message(presence, message, meta);
        }
    }
}

/// Whether the reply to `query` is complete. A gateway sends an entry for every requested user;
/// Zulip itself sends none for IDs, and leaves out whoever was not connected for 14 days
/// (docs/zulip-wire.md §7).
pub(super) fn is_complete(query: &Query, realm: &RealmPresence) -> bool {
    match query {
        Query::Group(users) => users.iter().all(|user| realm.get(user).is_some()),
        Query::AllUsers | Query::User(_) | Query::Message(_) | Query::Stream(_) => true,
    }
}
