//! What a watchlist knows: none of this changes it.

use core::time::Duration;

use super::Watchlist;
use super::entry::Now;
use super::request::RequestId;
use super::view::View;
use crate::reply::NoPresenceReason;
use crate::{ClockReading, Observation, Timestamp, UserRef};

impl Watchlist {
    /// The view of `user` now; unknown for a user without an entry.
    #[must_use]
    pub fn view(&self, user: &UserRef, now: ClockReading) -> View {
        let entry = self.polling.people.entries.get(user);
        entry.map_or_else(View::default, |entry| {
            entry.view(Now::new(&self.clock, now), self.offline_threshold.in_force())
        })
    }

    /// What the last reply about `user` said. `None` before the first.
    #[must_use]
    pub fn observation(&self, user: &UserRef) -> Option<Result<Observation, NoPresenceReason>> {
        self.polling.people.entries.get(user)?.observed()
    }

    /// The estimate of the server's now.
    #[must_use]
    pub fn server_now(&self, now: ClockReading) -> Timestamp {
        self.clock.server_now(now)
    }

    /// The threshold in force: that of the settings, else the endpoint's within the same bounds.
    #[must_use]
    pub fn offline_threshold(&self) -> Duration {
        self.offline_threshold.in_force()
    }

    /// How long ago the request of Zulip's last organisation-wide reply started. `None` before the
    /// first one, and for a gateway.
    #[must_use]
    pub fn realm_age(&self, now: ClockReading) -> Option<Duration> {
        let requested_at = self.polling.people.strategy.realm_requested_at()?;
        Some(self.clock.instant(now).since(requested_at))
    }

    /// How long ago the request `id` started. `None` if it is not in flight.
    #[must_use]
    pub fn request_age(&self, id: RequestId, now: ClockReading) -> Option<Duration> {
        Some(self.clock.instant(now).since(self.polling.started(id)?))
    }

    /// Whether a request is in flight.
    #[must_use]
    pub fn is_requesting(&self) -> bool {
        !self.polling.in_flight().is_empty()
    }

    /// How many people are watched now.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.polling.people.watched()
    }

    /// Whether there is neither an entry nor a request in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.polling.people.entries.is_empty() && !self.is_requesting()
    }
}
