//! Applies replies and errors to the watchlist.

use super::entry::{Entry, ObservationMeta};
use super::groups::{GroupId, Groups, PollState};
use super::{
    ABSENT_INTERVAL, Endpoint, InFlight, NO_DATA_INTERVAL, PollTarget, RequestId, Watchlist,
    backoff,
};
use crate::reply::{RealmPresence, Reply, RequestError, UserPresence};
use crate::time::EngineInstant;
use crate::{ClockReading, UserRef};

impl Watchlist {
    pub(super) fn watch_directly(&mut self, user: &UserRef, entry: &mut Entry, now: EngineInstant) {
        match user {
            UserRef::Id(_) => entry.poll = Some(PollState::due_at(now)),
            UserRef::Email(_) => {
                let verified = self.settings.verified_users;
                entry.group = Some(GroupId::ALL_USERS);
                if let Some((realm, meta)) = &self.realm
                    && now.since(meta.requested_at) <= self.settings.interval
                {
                    entry.requested_at = Some(meta.requested_at);
                    apply_realm_entry(entry, realm.get(user), *meta, now, verified);
                }
            }
        }
    }

    pub(super) fn complete(&mut self, id: RequestId) -> Option<InFlight> {
        let at = self.in_flight.iter().position(|request| request.id == id)?;
        let request = self.in_flight.swap_remove(at);
        if let Some(poll) = self.poll(&request.target) {
            poll.in_flight = false;
        }
        Some(request)
    }

    pub(super) fn poll(&mut self, target: &PollTarget) -> Option<&mut PollState> {
        match target {
            PollTarget::Group(id) => self.groups.poll(*id),
            PollTarget::User(user) => self.entries.get_mut(user)?.poll.as_mut(),
        }
    }

    pub(super) fn record_success(
        &mut self,
        request: &InFlight,
        reply: &Reply<()>,
        now: ClockReading,
    ) -> ObservationMeta {
        self.backoff.succeeded();
        self.server_offline_threshold = reply.offline_threshold.or(self.server_offline_threshold);
        if let Some(bound) = reply.lower_bound() {
            self.clock.observe(bound, now);
        }
        let due = request.started + self.jitter.of(self.settings.interval, 900, 1100);
        if let Some(poll) = self.poll(&request.target) {
            poll.failures = 0;
            poll.due = due;
        }
        ObservationMeta {
            server_timestamp: reply.observed_at(),
            requested_at: request.started,
            arrived: self.clock.instant(now),
            server_now: self.clock.server_now(now),
        }
    }

    pub(super) fn apply_user_reply(
        &mut self,
        user: &UserRef,
        answer: UserPresence,
        meta: ObservationMeta,
        started: EngineInstant,
    ) {
        let Some(entry) = self.entries.get_mut(user) else {
            return;
        };
        entry.apply(answer, meta);
        let pause = match (user, answer) {
            (UserRef::Email(_), _) => ABSENT_INTERVAL,
            (UserRef::Id(_), Err(_)) => NO_DATA_INTERVAL,
            (UserRef::Id(_), Ok(_)) => return,
        };
        let due = started + self.jitter.of(pause, 1000, 1100);
        if let Some(poll) = &mut entry.poll {
            poll.due = due;
        }
    }

    pub(super) fn apply_realm_reply(
        &mut self,
        id: RequestId,
        group: GroupId,
        realm: RealmPresence,
        meta: ObservationMeta,
        now: EngineInstant,
    ) {
        if self.settings.endpoint == Endpoint::Gateway {
            // A gateway sends an entry for every requested user, Zulip itself sends none for IDs
            // (docs/design.md §4).
            let asked = self
                .entries
                .iter()
                .filter(|(_, entry)| entry.group == Some(group) && entry.requested_by == Some(id));
            if asked.into_iter().any(|(user, _)| realm.get(user).is_none()) {
                self.switch_to_direct(meta.requested_at, now);
            }
        }
        let everybody = self.settings.endpoint == Endpoint::Zulip;
        let verified = self.settings.verified_users;
        for (user, entry) in self.entries.iter_mut() {
            let is_asked = entry.group == Some(group) || everybody && entry.group.is_some();
            match realm.get(user) {
                found if everybody && is_asked => {
                    apply_realm_entry(entry, found, meta, now, verified);
                }
                Some(presence) if is_asked => entry.apply(presence, meta),
                _ => {}
            }
        }
        if everybody {
            self.realm = Some((realm, meta));
        }
    }

    /// The endpoint turned out to be Zulip itself.
    fn switch_to_direct(&mut self, requested_at: EngineInstant, now: EngineInstant) {
        self.settings.endpoint = Endpoint::Zulip;
        self.groups = Groups::all_users(requested_at + self.settings.interval);
        // The other group requests in flight go to the same endpoint, which will send everybody
        // again.
        for request in &mut self.in_flight {
            if let PollTarget::Group(group) = &mut request.target {
                *group = GroupId::ALL_USERS;
            }
        }
        for (user, entry) in self.entries.iter_mut() {
            match user {
                UserRef::Id(_) => (entry.group, entry.poll) = (None, Some(PollState::due_at(now))),
                UserRef::Email(_) => {
                    (entry.group, entry.requested_at) =
                        (Some(GroupId::ALL_USERS), Some(requested_at));
                }
            }
        }
    }

    pub(super) fn record_error(
        &mut self,
        request: &InFlight,
        failure: RequestError,
        now: ClockReading,
    ) {
        let now = self.tick(now);
        let max_delay = self.settings.interval;
        self.backoff.failed(failure, request.started, now, max_delay, &mut self.jitter);
        let failures = self.poll(&request.target).map_or(0, |poll| {
            poll.failures = poll.failures.saturating_add(1);
            poll.failures
        });
        // Each request also backs off by itself, so that one that always fails does not block the
        // others.
        let due = now + backoff::jittered_retry_delay(failures, max_delay, &mut self.jitter);
        if let Some(poll) = self.poll(&request.target) {
            poll.due = due;
        }
    }
}

/// Applies Zulip's organisation-wide reply to a user named by email. A user who is absent from it
/// gets a query of their own, once and daily after that: it tells when they were last active.
fn apply_realm_entry(
    entry: &mut Entry,
    found: Option<UserPresence>,
    meta: ObservationMeta,
    now: EngineInstant,
    verified: bool,
) {
    entry.requested_at = entry.requested_at.max(Some(meta.requested_at));
    match found {
        Some(presence) => {
            entry.apply(presence, meta);
            entry.poll = None;
        }
        None => {
            entry.apply_absent(meta, verified);
            entry.poll.get_or_insert(PollState::due_at(now));
        }
    }
}
