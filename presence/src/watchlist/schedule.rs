//! Finds the requests that are due, and starts those that the limits allow.

use super::{
    Endpoint, InFlight, MAX_IN_FLIGHT, MIN_GROUP_INTERVAL, PollTarget, Query, Request, RequestId,
    Watchlist,
};
use crate::time::EngineInstant;

/// The demand of the members of a group.
#[derive(Clone, Copy, Default)]
struct GroupDemand {
    watched: bool,
    on_screen: bool,
    /// A member on screen whom the last requests did not include.
    has_new_member: bool,
}

impl Watchlist {
    pub(super) fn start_requests(&mut self, now: EngineInstant) -> Vec<Request> {
        let mut due_targets = self.due_targets(now);
        due_targets.retain(|(due, _)| *due <= now);
        let mut requests = Vec::new();
        // The longest overdue first; of equally overdue ones groups come first, as they include
        // most users.
        while let Some(first) = (0..due_targets.len()).min_by_key(|&place| due_targets[place].0) {
            let (_, target) = due_targets.remove(first);
            if self.earliest_start(&target, now) != Some(now) {
                // A limit that holds back a group holds back everything.
                due_targets.retain(|(_, other)| {
                    matches!(target, PollTarget::User(_)) && matches!(other, PollTarget::Group(_))
                });
                continue;
            }
            self.budget.acquire(now);
            if matches!(target, PollTarget::User(_)) {
                self.user_queries.acquire(now);
            }
            if let Some(poll) = self.poll(&target) {
                poll.start(now);
            }
            let id = RequestId(self.next_id);
            self.next_id += 1;
            let query = self.query(&target, id, now);
            requests.push(Request { id, query: query.clone() });
            self.in_flight.push(InFlight { id, target, query, started: now, stale: false });
        }
        requests
    }

    /// When the next request may start; `None`: not before the next event.
    pub(super) fn next_request(&self, now: EngineInstant) -> Option<EngineInstant> {
        if self.asleep {
            return None;
        }
        let starts = self
            .due_targets(now)
            .into_iter()
            .filter_map(|(due, target)| Some(due.max(self.earliest_start(&target, now)?)));
        starts.min()
    }

    /// Marks the users that a request to `target` includes, and returns its query.
    fn query(&mut self, target: &PollTarget, id: RequestId, now: EngineInstant) -> Query {
        match target {
            PollTarget::User(user) => {
                if let Some(entry) = self.entries.get_mut(user) {
                    entry.requested_at = Some(now);
                }
                Query::User(user.clone())
            }
            PollTarget::Group(group) => {
                let mut users = Vec::new();
                for (user, entry) in self.entries.iter_mut() {
                    if entry.group == Some(*group) && entry.watchers > 0 {
                        entry.requested_at = Some(now);
                        entry.requested_by = Some(id);
                        users.push(user);
                    }
                }
                match self.settings.endpoint {
                    Endpoint::Gateway => Query::Group(users.into_iter().cloned().collect()),
                    Endpoint::Zulip => Query::AllUsers,
                }
            }
        }
    }

    /// The targets that are needed, and when each is due; groups first.
    fn due_targets(&self, now: EngineInstant) -> Vec<(EngineInstant, PollTarget)> {
        let mut due_targets = Vec::new();
        for ((id, poll), demand) in self.groups.polls().zip(self.demands(now)) {
            if poll.in_flight || !(demand.on_screen || poll.refresh_requested && demand.watched) {
                continue;
            }
            let hurry = demand.has_new_member && poll.failures == 0;
            let due =
                if hurry { poll.due.min(poll.earliest(MIN_GROUP_INTERVAL)) } else { poll.due };
            due_targets.push((due, PollTarget::Group(id)));
        }
        for (user, entry) in self.entries.iter() {
            if let Some(poll) = entry.poll
                && !poll.in_flight
                && (entry.on_screen > 0 || poll.refresh_requested && entry.watchers > 0)
            {
                due_targets.push((poll.due, PollTarget::User(user.clone())));
            }
        }
        due_targets
    }

    /// The demand of each group, in the groups' order.
    fn demands(&self, now: EngineInstant) -> Vec<GroupDemand> {
        let fresh = self.settings.interval + self.settings.interval / 10;
        let mut demands = vec![GroupDemand::default(); self.groups.polls().count()];
        for entry in self.entries.values().filter(|entry| entry.watchers > 0) {
            let Some(demand) =
                entry.group.and_then(|group| demands.get_mut(self.groups.place(group)?))
            else {
                continue;
            };
            demand.watched = true;
            if entry.on_screen > 0 {
                demand.on_screen = true;
                demand.has_new_member |= entry.requested_at.is_none_or(|at| now.since(at) > fresh);
            }
        }
        demands
    }

    /// When a request to `target` may start within the limits; `None`: not before another one ends.
    fn earliest_start(&self, target: &PollTarget, now: EngineInstant) -> Option<EngineInstant> {
        // A failing endpoint gets one request at a time.
        let most = if self.backoff.failures > 0 { 1 } else { MAX_IN_FLIGHT };
        if self.in_flight.len() >= most {
            return None;
        }
        let user_queries = match target {
            PollTarget::User(_) => self.user_queries.next_available(now)?,
            PollTarget::Group(_) => now,
        };
        Some(
            self.backoff
                .next_attempt_at()
                .max(self.budget.next_available(now)?)
                .max(user_queries)
                .max(now),
        )
    }
}
