//! The watched people, and when each is requested.

use core::time::Duration;
use std::sync::Arc;

use super::entry::{Entry, Now};
use super::gateway::GatewayStrategy;
use super::groups::index_of;
use super::poll::{PollState, PollTarget};
use super::query::Query;
use super::settings::Endpoint;
use super::strategy::Strategy;
use super::view::Change;
use super::zulip::ZulipStrategy;
use crate::UserRef;
use crate::time::EngineInstant;
use crate::user_map::UserMap;

/// How long an entry is kept after its last watcher left: filters and routers remove and re-add
/// rows.
const RETENTION: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(super) struct People {
    pub(super) entries: UserMap<Entry>,
    pub(super) strategy: Box<dyn Strategy>,
}

impl People {
    pub(super) fn new(endpoint: Endpoint) -> Self {
        let strategy: Box<dyn Strategy> = match endpoint {
            Endpoint::Gateway => Box::<GatewayStrategy>::default(),
            Endpoint::Zulip { verified_users } => Box::new(ZulipStrategy::new(verified_users)),
        };
        Self { entries: UserMap::new(), strategy }
    }

    pub(super) fn watch(&mut self, user: &UserRef, interval: Duration, now: EngineInstant) {
        if let Some(entry) = self.entries.get_mut(user) {
            entry.watchers += 1;
            entry.unwatched_at = None;
        } else {
            let entry = self.strategy.join(user, interval, now);
            self.entries.insert(user.clone(), entry);
        }
    }

    pub(super) fn unwatch(&mut self, user: &UserRef, now: EngineInstant) {
        if let Some(entry) = self.entries.get_mut(user) {
            entry.watchers = entry.watchers.saturating_sub(1);
            entry.on_screen = entry.on_screen.min(entry.watchers);
            entry.message_shown = entry.message_shown.min(entry.watchers);
            if entry.watchers == 0 {
                entry.unwatched(now);
            }
        }
    }

    /// One watcher of `user` shows what they say of themselves from now on, or no longer.
    pub(super) fn show_message(&mut self, user: &UserRef, is_shown: bool, now: EngineInstant) {
        if let Some(entry) = self.entries.get_mut(user) {
            entry.message_shown = if is_shown {
                entry.message_shown + 1
            } else {
                entry.message_shown.saturating_sub(1)
            };
            if self.strategy.has_message_query(user) {
                entry.message_poll.get_or_insert(PollState::due_at(now));
            }
        }
    }

    /// How many people have a watcher.
    pub(super) fn watched(&self) -> usize {
        self.entries.values().filter(|entry| entry.watchers > 0).count()
    }

    pub(super) fn poll(&mut self, target: &PollTarget) -> Option<&mut PollState> {
        match target {
            PollTarget::Group(id) => {
                let groups = self.strategy.groups_mut();
                let index = index_of(groups, *id)?;
                Some(&mut groups.get_mut(index)?.poll)
            }
            PollTarget::User(user) => self.entries.get_mut(user)?.poll.as_mut(),
            PollTarget::Message(user) => self.entries.get_mut(user)?.message_poll.as_mut(),
        }
    }

    pub(super) fn polls(&mut self) -> impl Iterator<Item = &mut PollState> {
        let groups = self.strategy.groups_mut().iter_mut().map(|group| &mut group.poll);
        let entries = self.entries.values_mut();
        groups.chain(entries.flat_map(|entry| entry.poll.iter_mut().chain(&mut entry.message_poll)))
    }

    /// What a watched `user` is requested with.
    pub(super) fn target_of(&self, user: &UserRef) -> Option<PollTarget> {
        let entry = self.entries.get(user).filter(|entry| entry.watchers > 0)?;
        Some(entry.group.map_or_else(|| PollTarget::User(user.clone()), PollTarget::Group))
    }

    /// Marks `target` as requested now, and returns its query.
    pub(super) fn start(&mut self, target: &PollTarget, now: EngineInstant) -> Query {
        if let Some(poll) = self.poll(target) {
            poll.start(now);
        }
        match target {
            PollTarget::User(user) => {
                if let Some(entry) = self.entries.get_mut(user) {
                    entry.requested_at = Some(now);
                }
                Query::User(user.clone())
            }
            PollTarget::Message(user) => Query::Message(user.clone()),
            PollTarget::Group(group) => {
                let mut members = Vec::new();
                for (user, entry) in self.entries.iter_mut() {
                    if entry.group == Some(*group) && entry.watchers > 0 {
                        entry.requested_at = Some(now);
                        members.push(user);
                    }
                }
                self.strategy.query(*group, &members)
            }
        }
    }

    /// Applies the reply to the query for what a user says of themselves.
    pub(super) fn apply_message(&mut self, user: &UserRef, message: Option<Arc<str>>) {
        if let Some(entry) = self.entries.get_mut(user) {
            entry.apply_message(message);
        }
    }

    /// Removes those whose last watcher left long ago.
    pub(super) fn evict_expired(&mut self, now: EngineInstant) {
        let is_over =
            |entry: &Entry| entry.unwatched_at.is_some_and(|at| now.since(at) >= RETENTION);
        if self.entries.values().any(is_over) {
            self.strategy.evict(&mut self.entries, &is_over);
        }
    }

    /// When the next entry is removed.
    pub(super) fn next_eviction(&self) -> Option<EngineInstant> {
        self.entries.values().filter_map(|entry| entry.unwatched_at).map(|at| at + RETENTION).min()
    }

    /// The changes since the last call, and the time until the next status changes by age alone.
    pub(super) fn changes(
        &mut self,
        now: Now,
        offline_threshold: Duration,
    ) -> (Vec<Change>, Option<Duration>) {
        let mut changes = Vec::new();
        let mut next: Option<Duration> = None;
        for (user, entry) in self.entries.iter_mut().filter(|(_, entry)| entry.watchers > 0) {
            let (before, holds_for) = entry.step(now, offline_threshold);
            let change =
                |before| Change { user: user.clone(), before, after: entry.shown().clone() };
            changes.extend(before.map(change));
            next = [next, holds_for].into_iter().flatten().min();
        }
        (changes, next)
    }
}
