//! Which requests are due, and which may start.

use super::{
    Endpoint, Flight, GATHER, MAX_IN_FLIGHT, PollTarget, Query, Request, RequestId, Watchlist,
};
use crate::time::Moment;

/// What the members of a group want.
#[derive(Clone, Copy, Default)]
struct Wish {
    watched: bool,
    on_screen: bool,
    /// Somebody on screen whom the last requests did not ask about.
    newcomer: bool,
}

impl Watchlist {
    pub(super) fn start_requests(&mut self, now: Moment) -> Vec<Request> {
        let mut wanted = self.wanted(now);
        wanted.retain(|(due, _)| *due <= now);
        let mut requests = Vec::new();
        // Whoever waits longest first; of those that wait alike groups come first, as they bring
        // most.
        while let Some(first) = (0..wanted.len()).min_by_key(|&place| wanted[place].0) {
            let (_, subject) = wanted.remove(first);
            if self.gate(&subject, now) != Some(now) {
                // What keeps a group back keeps back everybody.
                wanted.retain(|(_, other)| {
                    matches!(subject, PollTarget::User(_)) && matches!(other, PollTarget::Group(_))
                });
                continue;
            }
            self.budget.spend(now);
            if matches!(subject, PollTarget::User(_)) {
                self.singles.spend(now);
            }
            if let Some(rhythm) = self.rhythm(&subject) {
                rhythm.start(now);
            }
            let id = RequestId(self.next_id);
            self.next_id += 1;
            requests.push(Request { id, query: self.query(&subject, id, now) });
            self.flights.push(Flight { id, subject, started: now, lost: false });
        }
        requests
    }

    /// When the next request may start; `None`: not before something happens.
    pub(super) fn next_request(&self, now: Moment) -> Option<Moment> {
        if self.asleep {
            return None;
        }
        let starts = self
            .wanted(now)
            .into_iter()
            .filter_map(|(due, subject)| Some(due.max(self.gate(&subject, now)?)));
        starts.min()
    }

    /// Marks those about whom a request about `subject` asks, and says it.
    fn query(&mut self, subject: &PollTarget, id: RequestId, now: Moment) -> Query {
        match subject {
            PollTarget::User(user) => {
                if let Some(entry) = self.entries.get_mut(user) {
                    entry.asked_at = Some(now);
                }
                Query::User(user.clone())
            }
            PollTarget::Group(group) => {
                let mut users = Vec::new();
                for (user, entry) in self.entries.iter_mut() {
                    if entry.group == Some(*group) && entry.watchers > 0 {
                        entry.asked_at = Some(now);
                        entry.asked_by = Some(id);
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

    /// What somebody waits for, and when it is due; groups first.
    fn wanted(&self, now: Moment) -> Vec<(Moment, PollTarget)> {
        let mut wanted = Vec::new();
        for ((id, rhythm), wish) in self.groups.rhythms().zip(self.wishes(now)) {
            if rhythm.in_flight || !(wish.on_screen || rhythm.forced && wish.watched) {
                continue;
            }
            let hurry = wish.newcomer && rhythm.failures == 0;
            let due = if hurry { rhythm.due.min(rhythm.earliest(GATHER)) } else { rhythm.due };
            wanted.push((due, PollTarget::Group(id)));
        }
        for (user, entry) in self.entries.iter() {
            if let Some(rhythm) = entry.single
                && !rhythm.in_flight
                && (entry.on_screen > 0 || rhythm.forced && entry.watchers > 0)
            {
                wanted.push((rhythm.due, PollTarget::User(user.clone())));
            }
        }
        wanted
    }

    /// What each group's members want, in the groups' order.
    fn wishes(&self, now: Moment) -> Vec<Wish> {
        let fresh = self.settings.interval + self.settings.interval / 10;
        let mut wishes = vec![Wish::default(); self.groups.rhythms().count()];
        for entry in self.entries.values().filter(|entry| entry.watchers > 0) {
            let Some(wish) =
                entry.group.and_then(|group| wishes.get_mut(self.groups.place(group)?))
            else {
                continue;
            };
            wish.watched = true;
            if entry.on_screen > 0 {
                wish.on_screen = true;
                wish.newcomer |= entry.asked_at.is_none_or(|at| now.since(at) > fresh);
            }
        }
        wishes
    }

    /// When a request about `subject` may start as far as the limits are concerned; `None`: once
    /// another has returned.
    fn gate(&self, subject: &PollTarget, now: Moment) -> Option<Moment> {
        // An endpoint that failed is tried with one request, not with four.
        let most = if self.backoff.failures > 0 { 1 } else { MAX_IN_FLIGHT };
        if self.flights.len() >= most {
            return None;
        }
        let singles = match subject {
            PollTarget::User(_) => self.singles.free_at(now)?,
            PollTarget::Group(_) => now,
        };
        Some(self.backoff.open_at().max(self.budget.free_at(now)?).max(singles).max(now))
    }
}
