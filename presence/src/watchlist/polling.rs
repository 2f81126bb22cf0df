//! Requests from start to end: which start now, and when the next one is due after a reply or a
//! failure.

use core::time::Duration;

use super::backoff;
use super::jitter::Jitter;
use super::limits::Limits;
use super::people::People;
use super::poll::PollTarget;
use super::query::Query;
use super::request::{Request, RequestId, TIMEOUT};
use super::schedule::{self, GroupDemand};
use super::settings::PollSettings;
use super::stream::{LIVE_INTERVAL, Stream};
use crate::UserRef;
use crate::reply::RequestError;
use crate::time::EngineInstant;

/// Minimum time between two requests by `refresh()`.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Polling {
    pub(super) people: People,
    pub(super) limits: Limits,
    pub(super) interval: Duration,
    in_flight: Vec<InFlight>,
    next_id: u64,
    pub(super) jitter: Jitter,
    /// The page's one stream.
    pub(super) stream: Stream,
}

/// A request in flight.
#[derive(Debug)]
pub(super) struct InFlight {
    id: RequestId,
    pub(super) target: PollTarget,
    pub(super) query: Query,
    pub(super) started: EngineInstant,
    /// The computer slept meanwhile, so the connection is gone; or the account changed.
    stale: bool,
}

impl Polling {
    pub(super) fn new(settings: &PollSettings) -> Self {
        Self {
            people: People::new(settings.endpoint),
            limits: Limits::new(settings.budget),
            interval: settings.interval,
            in_flight: Vec::new(),
            next_id: 0,
            jitter: Jitter::new(settings.seed),
            stream: Stream::new(settings),
        }
    }

    pub(super) fn in_flight(&self) -> &[InFlight] {
        &self.in_flight
    }

    /// When the request `id` started, if it is in flight.
    pub(super) fn started(&self, id: RequestId) -> Option<EngineInstant> {
        self.in_flight.iter().find(|request| request.id == id).map(|request| request.started)
    }

    /// When the first request in flight times out.
    pub(super) fn next_timeout(&self) -> Option<EngineInstant> {
        self.in_flight.iter().map(|request| request.started + TIMEOUT).min()
    }

    /// Starts the requests that are due and that the limits allow.
    pub(super) fn start_requests(
        &mut self,
        demands: &[GroupDemand],
        now: EngineInstant,
    ) -> Vec<Request> {
        let mut due_targets = self.due_targets(demands, now);
        due_targets.retain(|(due, _)| *due <= now);
        let mut requests = Vec::new();
        // Groups first, as they include most users; then the longest overdue.
        let order = |(due, target): &(EngineInstant, PollTarget)| (target.is_single(), *due);
        while let Some(first) =
            (0..due_targets.len()).min_by_key(|&index| order(&due_targets[index]))
        {
            let (_, target) = due_targets.remove(first);
            if self.earliest_start(&target, now) != Some(now) {
                // What holds back a group holds back everything, and all single users alike.
                break;
            }
            self.limits.acquire(&target, now);
            if self.people.poll(&target).is_some_and(|poll| poll.hinted && poll.due > now) {
                self.limits.hinted.acquire(now);
            }
            let query = self.people.start(&target, now);
            let id = self.new_id();
            requests.push(Request { id, query: query.clone() });
            self.in_flight.push(InFlight { id, target, query, started: now, stale: false });
        }
        requests
    }

    /// When the next request may start, or the stream needs a step; `None`: not before the next
    /// event.
    pub(super) fn next_start(&self, now: EngineInstant) -> Option<EngineInstant> {
        let demands = self.demands(now);
        let next_request = self.next_request(&demands, now);
        next_request.into_iter().chain(self.next_stream(&demands, now)).min()
    }

    fn next_request(&self, demands: &[GroupDemand], now: EngineInstant) -> Option<EngineInstant> {
        self.due_targets(demands, now)
            .into_iter()
            .filter_map(|(due, target)| Some(due.max(self.earliest_start(&target, now)?)))
            .min()
    }

    fn due_targets(
        &self,
        demands: &[GroupDemand],
        now: EngineInstant,
    ) -> Vec<(EngineInstant, PollTarget)> {
        let hints_at = self.limits.hinted.next_available(now).unwrap_or(now);
        let postponed = self.stream.postponed(self.interval);
        let (groups, entries) = (self.people.strategy.groups(), &self.people.entries);
        schedule::due_targets(groups, demands, entries, hints_at, postponed)
    }

    /// The demand of each group, in the groups' order: looks at everybody, so twice a step at most.
    pub(super) fn demands(&self, now: EngineInstant) -> Vec<GroupDemand> {
        let interval =
            self.stream.postponed(self.interval).map_or(self.interval, |_| LIVE_INTERVAL);
        schedule::demands(self.people.strategy.groups(), &self.people.entries, interval, now)
    }

    pub(super) fn new_id(&mut self) -> RequestId {
        let id = RequestId(self.next_id);
        self.next_id += 1;
        id
    }

    fn earliest_start(&self, target: &PollTarget, now: EngineInstant) -> Option<EngineInstant> {
        self.limits.earliest_start(target, self.in_flight.len(), now)
    }

    /// Makes all groups due soon.
    pub(super) fn hint(&mut self) {
        for group in self.people.strategy.groups_mut() {
            group.poll.hinted = true;
        }
    }

    /// Makes `user` due, on screen or not.
    pub(super) fn refresh(&mut self, user: &UserRef, now: EngineInstant) {
        let target = self.people.target_of(user);
        let Some(poll) = target.and_then(|target| self.people.poll(&target)) else {
            return;
        };
        let at = poll.earliest(MIN_REFRESH_INTERVAL).max(now);
        poll.due = poll.due.min(at);
        poll.refresh_requested = true;
        self.limits.backoff.end_by(at);
    }

    /// Removes a request that ended.
    pub(super) fn complete(&mut self, id: RequestId) -> Option<InFlight> {
        let index = self.in_flight.iter().position(|request| request.id == id)?;
        let request = self.in_flight.swap_remove(index);
        if let Some(poll) = self.people.poll(&request.target) {
            poll.in_flight = false;
        }
        Some(request)
    }

    /// Schedules the next request after a reply.
    pub(super) fn succeeded(&mut self, request: &InFlight) {
        self.limits.backoff.succeeded();
        let due = request.started + self.jitter.of(self.interval, 900, 1100);
        if let Some(poll) = self.people.poll(&request.target) {
            poll.failures = 0;
            poll.due = due;
            if poll.refresh_requested {
                poll.due = due.min(poll.earliest(MIN_REFRESH_INTERVAL));
            }
        }
    }

    /// Those whom the stream is about were told by it just now.
    pub(super) fn postpone_groups_with_stream(&mut self, now: EngineInstant) {
        let demands = self.demands(now);
        for (group, demand) in self.people.strategy.groups_mut().iter_mut().zip(demands) {
            if demand.has_stream() && !group.poll.in_flight {
                group.poll.due = now + self.jitter.of(self.interval, 900, 1100);
            }
        }
    }

    /// Delays the next request for a user by `pause` or a little more.
    pub(super) fn pause(&mut self, request: &InFlight, pause: Duration) {
        let due = request.started + self.jitter.of(pause, 1000, 1100);
        if let Some(poll) = self.people.poll(&request.target) {
            poll.due = due;
        }
    }

    /// Schedules the next request after a failure.
    pub(super) fn failed(&mut self, request: &InFlight, error: RequestError, now: EngineInstant) {
        let max_delay = self.interval;
        self.limits.backoff.failed(error, request.started, now, max_delay, &mut self.jitter);
        let failures = self.people.poll(&request.target).map_or(0, |poll| {
            poll.failures = poll.failures.saturating_add(1);
            poll.failures
        });
        // Each request also backs off by itself, so that one that always fails does not block the
        // others.
        let due = now + backoff::jittered_retry_delay(failures, max_delay, &mut self.jitter);
        if let Some(poll) = self.people.poll(&request.target) {
            poll.due = due;
        }
    }

    /// The computer slept, or the account changed: requests in flight are lost, and waits end.
    pub(super) fn lose_requests(&mut self, now: EngineInstant) {
        for request in &mut self.in_flight {
            request.stale = true;
        }
        self.stream.lose();
        self.end_backoff(now);
    }

    /// Ends every wait but those that the server imposed.
    pub(super) fn end_backoff(&mut self, now: EngineInstant) {
        self.limits.backoff.end();
        self.stream.backoff.end();
        for poll in self.people.polls().filter(|poll| poll.failures > 0) {
            poll.due = poll.due.min(now);
        }
    }

    /// Gives up the requests that are lost or that time out.
    pub(super) fn cancel_late(&mut self, now: EngineInstant) -> Vec<Request> {
        let is_late = |request: &&InFlight| request.stale || now.since(request.started) >= TIMEOUT;
        let late: Vec<_> =
            self.in_flight.iter().filter(is_late).map(|request| request.id).collect();
        let mut cancelled = Vec::new();
        for id in late {
            let Some(request) = self.complete(id) else {
                continue;
            };
            if !request.stale {
                self.failed(&request, RequestError::TimedOut, now);
            } else if let Some(poll) = self.people.poll(&request.target) {
                poll.due = now;
            }
            cancelled.push(Request { id, query: request.query });
        }
        cancelled
    }
}
