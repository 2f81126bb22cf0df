//! What replies bring.

use super::entry::{Entry, Origin};
use super::groups::{GroupId, Groups, Rhythm};
use super::{
    ABSENT_INTERVAL, Endpoint, Flight, NO_DATA_INTERVAL, PollTarget, RequestId, Watchlist, backoff,
};
use crate::reply::{RealmPresence, Reply, RequestError, UserPresence};
use crate::time::Moment;
use crate::{ClockReading, Presence, UserRef};

impl Watchlist {
    pub(super) fn enrol_with_zulip(&mut self, user: &UserRef, entry: &mut Entry, now: Moment) {
        match user {
            UserRef::Id(_) => entry.single = Some(Rhythm::due_at(now)),
            UserRef::Email(_) => {
                entry.group = Some(GroupId::EVERYBODY);
                if let Some((realm, origin)) = &self.realm
                    && now.since(origin.asked_at) <= self.settings.interval
                {
                    entry.asked_at = Some(origin.asked_at);
                    apply(entry, realm.get(user), *origin, now);
                }
            }
        }
    }

    pub(super) fn land(&mut self, id: RequestId) -> Option<Flight> {
        let at = self.flights.iter().position(|flight| flight.id == id)?;
        let flight = self.flights.swap_remove(at);
        if let Some(rhythm) = self.rhythm(&flight.subject) {
            rhythm.in_flight = false;
        }
        Some(flight)
    }

    pub(super) fn rhythm(&mut self, subject: &PollTarget) -> Option<&mut Rhythm> {
        match subject {
            PollTarget::Group(id) => self.groups.rhythm(*id),
            PollTarget::User(user) => self.entries.get_mut(user)?.single.as_mut(),
        }
    }

    pub(super) fn succeeded(
        &mut self,
        flight: &Flight,
        reply: &Reply<()>,
        now: ClockReading,
    ) -> Origin {
        self.backoff.succeeded();
        self.server_offline_threshold = reply.offline_threshold.or(self.server_offline_threshold);
        if let Some(bound) = reply.lower_bound() {
            self.clock.observe(bound, now);
        }
        let due = flight.started + self.jitter.of(self.settings.interval, 900, 1100);
        if let Some(rhythm) = self.rhythm(&flight.subject) {
            rhythm.failures = 0;
            rhythm.due = due;
        }
        Origin {
            stamp: reply.observed_at(),
            asked_at: flight.started,
            arrived: self.clock.moment(now),
            server_now: self.clock.server_now(now),
        }
    }

    pub(super) fn single_answered(
        &mut self,
        user: &UserRef,
        answer: UserPresence,
        origin: Origin,
        started: Moment,
    ) {
        let Some(entry) = self.entries.get_mut(user) else {
            return;
        };
        entry.learn(answer.ok(), origin);
        let pause = match (user, answer) {
            (UserRef::Email(_), _) => ABSENT_INTERVAL,
            (UserRef::Id(_), Err(_)) => NO_DATA_INTERVAL,
            (UserRef::Id(_), Ok(_)) => return,
        };
        let due = started + self.jitter.of(pause, 1000, 1100);
        if let Some(rhythm) = &mut entry.single {
            rhythm.due = due;
        }
    }

    pub(super) fn realm_answered(
        &mut self,
        id: RequestId,
        group: GroupId,
        realm: RealmPresence,
        origin: Origin,
        now: Moment,
    ) {
        if self.settings.endpoint == Endpoint::Gateway {
            // A gateway has an entry for everyone who was asked, Zulip itself has none for IDs
            // (DESIGN.md §2).
            let asked = self
                .entries
                .iter()
                .filter(|(_, entry)| entry.group == Some(group) && entry.asked_by == Some(id));
            if asked.into_iter().any(|(user, _)| realm.get(user).is_none()) {
                self.turn_to_zulip(origin.asked_at, now);
            }
        }
        let everybody = self.settings.endpoint == Endpoint::Zulip;
        for (user, entry) in self.entries.iter_mut() {
            let is_asked = entry.group == Some(group) || everybody && entry.group.is_some();
            match realm.get(user) {
                found if everybody && is_asked => apply(entry, found, origin, now),
                Some(presence) if is_asked => entry.learn(presence, origin),
                _ => {}
            }
        }
        if everybody {
            self.realm = Some((realm, origin));
        }
    }

    /// The endpoint turned out to be Zulip itself.
    fn turn_to_zulip(&mut self, asked_at: Moment, now: Moment) {
        self.settings.endpoint = Endpoint::Zulip;
        self.groups = Groups::everybody(asked_at + self.settings.interval);
        // What else is under way asks the same endpoint in groups, to which it would answer for
        // everybody again.
        for flight in &mut self.flights {
            if let PollTarget::Group(group) = &mut flight.subject {
                *group = GroupId::EVERYBODY;
            }
        }
        for (user, entry) in self.entries.iter_mut() {
            match user {
                UserRef::Id(_) => (entry.group, entry.single) = (None, Some(Rhythm::due_at(now))),
                UserRef::Email(_) => {
                    (entry.group, entry.asked_at) = (Some(GroupId::EVERYBODY), Some(asked_at))
                }
            }
        }
    }

    pub(super) fn failed_flight(
        &mut self,
        flight: &Flight,
        failure: RequestError,
        now: ClockReading,
    ) {
        let now = self.tick(now);
        self.backoff.failed(failure, flight.started, now, &mut self.jitter);
        let failures = self.rhythm(&flight.subject).map_or(0, |rhythm| {
            rhythm.failures = rhythm.failures.saturating_add(1);
            rhythm.failures
        });
        // Each request backs off by itself too, so that one that always fails does not keep the
        // others from being asked.
        let due = now + backoff::wait(failures, &mut self.jitter);
        if let Some(rhythm) = self.rhythm(&flight.subject) {
            rhythm.due = due;
        }
    }
}

/// Applies Zulip's organisation-wide reply to somebody named by email. Whoever is absent from it is
/// asked singly once, and daily after that.
fn apply(entry: &mut Entry, found: Option<Option<Presence>>, origin: Origin, now: Moment) {
    entry.asked_at = entry.asked_at.max(Some(origin.asked_at));
    match found {
        Some(presence) => {
            entry.learn(presence, origin);
            entry.single = None;
        }
        None => {
            entry.confirm_absent(origin);
            entry.single.get_or_insert(Rhythm::due_at(now));
        }
    }
}
