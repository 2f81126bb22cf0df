//! How a gateway is polled: in fixed groups of users, in document order.

use core::time::Duration;

use super::entry::{Entry, ObservationMeta};
use super::groups::{Group, Groups};
use super::poll::GroupId;
use super::query::Query;
use super::strategy::Strategy;
use crate::UserRef;
use crate::reply::{RealmPresence, Reply};
use crate::time::EngineInstant;
use crate::user_map::UserMap;

#[derive(Default)]
pub(super) struct GatewayStrategy {
    groups: Groups,
}

impl Strategy for GatewayStrategy {
    fn groups(&self) -> &[Group] {
        &self.groups.list
    }

    fn groups_mut(&mut self) -> &mut [Group] {
        &mut self.groups.list
    }

    /// Puts a new user into a group.
    fn join(&mut self, user: &UserRef, _interval: Duration, now: EngineInstant) -> Entry {
        let mut entry = Entry::watched();
        entry.group = Some(self.groups.join(user, now));
        entry
    }

    fn set_parsing(&mut self, is_parsing: bool) {
        if self.groups.is_parsing != is_parsing {
            self.groups.is_parsing = is_parsing;
            if !is_parsing {
                self.groups.stop_waiting();
            }
        }
    }

    fn stop_waiting(&mut self) {
        self.groups.stop_waiting();
    }

    fn query(&mut self, id: GroupId, members: &[&UserRef]) -> Query {
        self.groups.close(id);
        Query::Group(members.iter().copied().cloned().collect())
    }

    fn apply_realm(
        &mut self,
        entries: &mut UserMap<Entry>,
        realm: RealmPresence,
        meta: ObservationMeta,
        _now: EngineInstant,
    ) {
        for (user, presence, message) in realm.iter_with_messages() {
            if let Some(entry) = entries.get_mut(user) {
                entry.apply_with_message(presence, message, meta);
            }
        }
    }

    /// A gateway sends an entry for every requested user; Zulip itself sends none for IDs, and
    /// leaves out whoever was not connected for 14 days (docs/zulip-wire.md §7).
    fn is_plausible(&self, query: &Query, realm: Option<&RealmPresence>, _: &Reply<()>) -> bool {
        match (query, realm) {
            (Query::Group(users), Some(realm)) => {
                users.iter().all(|user| realm.get(user).is_some())
            }
            _ => true,
        }
    }

    fn evict(&mut self, entries: &mut UserMap<Entry>, is_over: &dyn Fn(&Entry) -> bool) {
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
