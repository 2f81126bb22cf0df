//! Decides when a page reads a stream, and about whom (docs/design.md §9). A stream only brings
//! news sooner: whatever becomes of it, polling goes on.

use core::time::Duration;

use super::Watchlist;
use super::backoff::Backoff;
use super::groups::Group;
use super::jitter::Jitter;
use super::poll::GroupId;
use super::polling::Polling;
use super::query::{GROUP_FRAME_BYTES, MAX_GROUP, MAX_GROUP_BYTES, Query, Response};
use super::request::{Outcome, Request, RequestId};
use super::schedule::GroupDemand;
use super::settings::{Endpoint, PollSettings};
use crate::ClockReading;
use crate::reply::RequestError;
use crate::time::EngineInstant;

/// Those whom a stream is about are requested once in this time, in place of once per interval.
pub(super) const LIVE_INTERVAL: Duration = Duration::from_secs(60);
/// Nobody is postponed if the page sets a lower threshold than this, the sum of the delays of a page
/// that requests every [`LIVE_INTERVAL`], with jitter (docs/design.md §5): who is there would turn
/// unknown between two requests. A lower one of the gateway itself does no harm: its stream tells of
/// people before they exceed it.
const MIN_LIVE_THRESHOLD: Duration = Duration::from_secs(170);
/// A gateway sends something at least every 20 s. After this time without anything, people are
/// requested as without a stream: a broken one must not make anybody outdated for longer.
const QUIET_AFTER: Duration = Duration::from_secs(25);
/// After this time without anything a stream is dead.
const DEAD_AFTER: Duration = Duration::from_secs(45);
/// Minimum time between two openings: at most 6 a minute, however often a page is scrolled or
/// shown.
const MIN_OPEN_INTERVAL: Duration = Duration::from_secs(10);
/// How long nobody may be on screen before the stream is closed: filters remove rows and add them
/// again.
const UNNEEDED_AFTER: Duration = Duration::from_secs(5);
/// A stream that ends sooner has failed: gateways and proxies that are well let it live for
/// minutes.
const MIN_LIFETIME: Duration = Duration::from_secs(60);
/// After one that ended the next one opens within this time: not on all pages in the same second.
const SPREAD: Duration = Duration::from_secs(5);
/// The longest wait after failures in a row.
const MAX_DELAY: Duration = Duration::from_secs(300);
/// The wait after a reply that says that there are no streams.
const UNSUPPORTED_DELAY: Duration = Duration::from_secs(900);

/// The one stream of a page, or when the next one may open.
#[derive(Debug)]
pub(super) struct Stream {
    is_wanted: bool,
    /// Those whom it is about are requested less often.
    postpones: bool,
    open: Option<OpenStream>,
    /// When the open one, or else the last one, was opened.
    opened_at: Option<EngineInstant>,
    /// Its own: its failures delay no request.
    pub(super) backoff: Backoff,
}

#[derive(Debug)]
struct OpenStream {
    request: Request,
    /// When something last arrived; at first, when it was opened.
    heard_at: EngineInstant,
    /// A message arrived.
    is_live: bool,
    /// The computer slept meanwhile, so the connection is gone.
    is_stale: bool,
    /// Since when nobody is on screen.
    unneeded_since: Option<EngineInstant>,
}

impl OpenStream {
    /// When it is dead, or no longer needed, if nothing happens.
    fn closes_at(&self) -> EngineInstant {
        let dead_at = self.heard_at + DEAD_AFTER;
        self.unneeded_since.map_or(dead_at, |since| dead_at.min(since + UNNEEDED_AFTER))
    }
}

/// How much later those are requested whom the stream is about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Postponed {
    by: Duration,
    until: EngineInstant,
}

impl Postponed {
    /// When they are requested who are otherwise `due` then.
    pub(super) fn due(self, due: EngineInstant) -> EngineInstant {
        due.max(self.until.min(due + self.by))
    }
}

impl Stream {
    pub(super) fn new(settings: &PollSettings) -> Self {
        let threshold = settings.offline_threshold;
        Self {
            is_wanted: settings.live && settings.endpoint == Endpoint::Gateway,
            postpones: threshold.is_none_or(|threshold| threshold >= MIN_LIVE_THRESHOLD),
            open: None,
            opened_at: None,
            backoff: Backoff::default(),
        }
    }

    /// How requests are postponed; `None`: not at all, without a stream that lives.
    pub(super) fn postponed(&self, interval: Duration) -> Option<Postponed> {
        let open =
            self.open.as_ref().filter(|open| self.postpones && open.is_live && !open.is_stale)?;
        let by = LIVE_INTERVAL.saturating_sub(interval);
        Some(Postponed { by, until: open.heard_at + QUIET_AFTER.min(interval) })
    }

    /// The connection is lost.
    pub(super) fn lose(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_stale = true;
        }
    }

    fn open(&mut self, id: RequestId) -> Option<&mut OpenStream> {
        self.open.as_mut().filter(|open| open.request.id == id)
    }

    /// Closes a stream that is lost, silent or not needed.
    fn close(
        &mut self,
        is_asleep: bool,
        is_needed: bool,
        now: EngineInstant,
        jitter: &mut Jitter,
    ) -> Option<Request> {
        let open = self.open.as_mut()?;
        if is_needed {
            open.unneeded_since = None;
        } else {
            open.unneeded_since.get_or_insert(now);
        }
        if !(is_asleep || open.is_stale || open.closes_at() <= now) {
            return None;
        }
        let is_dead = now.since(open.heard_at) >= DEAD_AFTER && !open.is_stale;
        if is_dead {
            self.failed(RequestError::TimedOut, now, jitter);
        }
        self.open.take().map(|open| open.request)
    }

    /// When one may open; `None`: none is needed, or the open one will do.
    fn opens_at(&self, wanted: &[WantedGroup]) -> Option<EngineInstant> {
        let is_needed = wanted.iter().any(|group| self.open.is_none() || !group.has_stream);
        is_needed.then(|| {
            let spaced =
                self.opened_at.map_or(EngineInstant::default(), |at| at + MIN_OPEN_INTERVAL);
            spaced.max(self.backoff.next_attempt_at())
        })
    }

    /// It ended by itself.
    fn ended(&mut self, error: Option<RequestError>, now: EngineInstant, jitter: &mut Jitter) {
        let lived = self.open.take().is_some_and(|open| open.is_live)
            && self.opened_at.is_some_and(|at| now.since(at) >= MIN_LIFETIME);
        if lived {
            self.backoff.succeeded();
            self.backoff.wait_until(now + jitter.of(SPREAD, 0, 1000));
        } else {
            self.failed(error.unwrap_or(RequestError::Unreachable), now, jitter);
        }
    }

    fn failed(&mut self, error: RequestError, now: EngineInstant, jitter: &mut Jitter) {
        let error = match error {
            // Switched off; an older gateway.
            RequestError::Status { code: code @ (204 | 404 | 405), .. } => {
                RequestError::Status { code, retry_after: Some(UNSUPPORTED_DELAY) }
            }
            _ => error,
        };
        let opened_at = self.opened_at.unwrap_or_default();
        self.backoff.failed(error, opened_at, now, MAX_DELAY, jitter);
    }
}

struct WantedGroup {
    id: GroupId,
    has_stream: bool,
}

/// The groups in view, in document order, that fit into one stream; none while a reply about
/// others in view is awaited: they join. All were requested before, so that the endpoint is known
/// to answer.
fn wanted(groups: &[Group], demands: &[GroupDemand]) -> Vec<WantedGroup> {
    let (mut members, mut bytes) = (0, GROUP_FRAME_BYTES);
    let mut wanted = Vec::new();
    for (group, demand) in groups.iter().zip(demands) {
        let has_stream = demand.has_stream();
        if demand.on_screen && group.poll.in_flight && !has_stream {
            return Vec::new();
        }
        let is_ready = group.poll.requested_at.is_some() && group.poll.failures == 0;
        let (with, size) =
            (members + group.members, bytes + group.bytes.saturating_sub(GROUP_FRAME_BYTES));
        if demand.on_screen && is_ready && with <= MAX_GROUP && size <= MAX_GROUP_BYTES {
            (members, bytes) = (with, size);
            wanted.push(WantedGroup { id: group.id, has_stream });
        }
    }
    wanted
}

impl Polling {
    /// Closes and opens the stream. Returns the one to open; what is closed joins `cancelled`.
    pub(super) fn update_stream(
        &mut self,
        demands: &[GroupDemand],
        is_asleep: bool,
        cancelled: &mut Vec<Request>,
        now: EngineInstant,
    ) -> Option<Request> {
        if !self.stream.is_wanted {
            return None;
        }
        let is_needed = demands.iter().any(|demand| demand.on_screen);
        cancelled.extend(self.stream.close(is_asleep, is_needed, now, &mut self.jitter));
        let wanted = wanted(self.people.strategy.groups(), demands);
        let is_due = self.stream.opens_at(&wanted).is_some_and(|at| at <= now);
        if is_asleep || !is_due || !self.limits.try_acquire(now) {
            return None;
        }
        let mut users = Vec::new();
        for (user, entry) in self.people.entries.iter_mut() {
            let is_wanted = wanted.iter().any(|group| entry.group == Some(group.id));
            entry.has_stream = entry.watchers > 0 && is_wanted;
            if entry.has_stream {
                users.push(user.clone());
            }
        }
        let request = Request { id: self.new_id(), query: Query::Stream(users) };
        self.stream.opened_at = Some(now);
        let replaced = self.stream.open.replace(OpenStream {
            request: request.clone(),
            heard_at: now,
            is_live: false,
            is_stale: false,
            unneeded_since: None,
        });
        cancelled.extend(replaced.map(|open| open.request));
        Some(request)
    }

    /// When the stream needs a step if nothing happens.
    pub(super) fn next_stream(
        &self,
        demands: &[GroupDemand],
        now: EngineInstant,
    ) -> Option<EngineInstant> {
        if !self.stream.is_wanted {
            return None;
        }
        let opens_at = self.stream.opens_at(&wanted(self.people.strategy.groups(), demands));
        let closes_at = self.stream.open.as_ref().map(OpenStream::closes_at);
        // One that the budget holds back opens with a later step.
        opens_at.filter(|at| *at > now).into_iter().chain(closes_at).min()
    }
}

impl Watchlist {
    /// Applies a message of the stream `id`.
    pub fn handle_stream_message(
        &mut self,
        id: RequestId,
        response: Response,
        now: ClockReading,
    ) -> Outcome {
        let instant = self.tick(now);
        let Response::Realm(reply) = response else {
            return Outcome::Ignored;
        };
        let Some(open) = self.polling.stream.open(id) else {
            return Outcome::Ignored;
        };
        open.heard_at = instant;
        let is_first = !core::mem::replace(&mut open.is_live, true);
        if is_first {
            // It has everybody, like the reply to a request.
            self.polling.postpone_groups_with_stream(instant);
        }
        let (realm, reply) = reply.split();
        let meta = self.observe(&reply, instant, now);
        let people = &mut self.polling.people;
        people.strategy.apply_realm(&mut people.entries, realm, meta, instant);
        Outcome::Applied
    }

    /// Something else arrived by the stream `id`, so that it lives. Needs no
    /// [`step`](Self::step).
    pub fn handle_stream_comment(&mut self, id: RequestId, now: ClockReading) {
        let now = self.tick(now);
        if let Some(open) = self.polling.stream.open(id) {
            open.heard_at = now;
        }
    }

    /// The stream `id` ended: `None`, as the server wanted it; else why.
    pub fn handle_stream_end(
        &mut self,
        id: RequestId,
        error: Option<RequestError>,
        now: ClockReading,
    ) {
        let now = self.tick(now);
        if self.polling.stream.open(id).is_some() {
            self.polling.stream.ended(error, now, &mut self.polling.jitter);
        }
    }
}
