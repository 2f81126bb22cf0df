//! Applies replies and failures.

use super::Watchlist;
use super::entry::ObservationMeta;
use super::limits::MESSAGE_INTERVAL;
use super::poll::PollTarget;
use super::polling::InFlight;
use super::query::Response;
use super::request::{Outcome, RequestId};
use crate::ClockReading;
use crate::reply::{Reply, RequestError};
use crate::time::EngineInstant;

impl Watchlist {
    /// Applies the response to a request.
    pub fn handle_response(
        &mut self,
        id: RequestId,
        response: Response,
        now: ClockReading,
    ) -> Outcome {
        let Some(request) = self.polling.complete(id) else {
            return Outcome::Ignored;
        };
        let is_plausible = match (response, &request.target) {
            (Response::User(reply), PollTarget::User(user)) => {
                let (presence, reply) = reply.split();
                let meta = self.record_success(&request, &reply, now);
                let (interval, people) = (self.polling.interval, &mut self.polling.people);
                let (strategy, entries) = (&mut people.strategy, &mut people.entries);
                if let Some(pause) = strategy.apply_user(entries, user, presence, meta, interval) {
                    self.polling.pause(&request, pause);
                }
                self.polling.people.strategy.is_plausible(&request.query, None, &reply)
            }
            (Response::Message(reply), PollTarget::Message(user)) => {
                let (message, reply) = reply.split();
                self.record_success(&request, &reply, now);
                self.polling.people.apply_message(user, message);
                self.polling.pause(&request, MESSAGE_INTERVAL);
                true
            }
            (Response::Realm(reply), PollTarget::Group(_)) => {
                let (realm, reply) = reply.split();
                let strategy = &self.polling.people.strategy;
                let is_plausible = strategy.is_plausible(&request.query, Some(&realm), &reply);
                let meta = self.record_success(&request, &reply, now);
                let people = &mut self.polling.people;
                people.strategy.apply_realm(&mut people.entries, realm, meta, request.started);
                is_plausible
            }
            _ => {
                self.record_error(&request, RequestError::InvalidResponse, now);
                true
            }
        };
        if is_plausible { Outcome::Applied } else { Outcome::WrongEndpoint }
    }

    /// Records that a request failed.
    pub fn handle_error(
        &mut self,
        id: RequestId,
        error: RequestError,
        now: ClockReading,
    ) -> Outcome {
        let Some(request) = self.polling.complete(id) else {
            return Outcome::Ignored;
        };
        self.record_error(&request, error, now);
        match error {
            RequestError::UsersMissing => Outcome::WrongEndpoint,
            _ => Outcome::Applied,
        }
    }

    fn record_success(
        &mut self,
        request: &InFlight,
        reply: &Reply<()>,
        now: ClockReading,
    ) -> ObservationMeta {
        self.polling.succeeded(request);
        self.observe(reply, request.started, now)
    }

    /// Learns what a reply says beside its content.
    pub(super) fn observe(
        &mut self,
        reply: &Reply<()>,
        requested_at: EngineInstant,
        now: ClockReading,
    ) -> ObservationMeta {
        self.offline_threshold.observe(reply.offline_threshold);
        if let Some(bound) = reply.lower_bound() {
            self.clock.observe(bound, now);
        }
        ObservationMeta {
            server_timestamp: reply.observed_at(),
            requested_at,
            arrived: self.clock.instant(now),
            server_now: self.clock.server_now(now),
        }
    }

    fn record_error(&mut self, request: &InFlight, error: RequestError, now: ClockReading) {
        let now = self.tick(now);
        self.polling.failed(request, error, now);
    }
}
