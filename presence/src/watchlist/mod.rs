//! Decides who is requested when: a sans-I/O engine, used by both page and gateway.
//!
//! Tell a [`Watchlist`] what happens (people watched and on screen, sleep, replies), call
//! [`step`](Watchlist::step), and carry out the [`Actions`] that it returns.

mod backoff;
mod entry;
mod groups;
mod jitter;
mod query;
mod rate_limiter;
mod responses;
mod schedule;

use core::time::Duration;

use self::backoff::Backoff;
pub use self::backoff::retry_delay;
use self::entry::{Entry, Now, ObservationMeta};
use self::groups::{GroupId, Groups};
use self::jitter::Jitter;
pub use self::query::{MAX_GROUP, MAX_GROUP_BYTES, Query};
use self::rate_limiter::RateLimiter;
use crate::reply::{NoPresenceReason, RealmPresence, Reply, RequestError, UserPresence};
use crate::time::EngineInstant;
use crate::user_map::UserMap;
use crate::{
    ClockReading, MAX_OFFLINE_THRESHOLD, MIN_OFFLINE_THRESHOLD, OFFLINE_THRESHOLD, Observation,
    ServerClock, Status, Timestamp, UserRef,
};

/// A request without a reply after this time is cancelled (docs/design.md §5: part of the 200 s).
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum requests in flight (docs/design.md §4).
pub const MAX_IN_FLIGHT: usize = 4;
/// Maximum single requests in any 60 s (docs/design.md §4).
pub const MAX_USER_QUERIES: u32 = 30;

/// How long an entry is kept after its last watcher left: filters and routers remove and re-add
/// rows.
const RETENTION: Duration = Duration::from_secs(300);
/// Minimum time between two requests for one group: members that are added one by one share a
/// request.
const MIN_GROUP_INTERVAL: Duration = Duration::from_secs(2);
/// Minimum time between two requests by `refresh()`.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(10);
/// Time between two single requests for a user without data.
const NO_DATA_INTERVAL: Duration = Duration::from_secs(900);
/// Time between two single requests for a user who is absent from the organisation-wide reply.
const ABSENT_INTERVAL: Duration = Duration::from_secs(86_400);

/// How a watchlist polls its endpoint.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time between two requests for the same people, ±10 % jitter. Pages: 15–60 s; gateway: 10–45
    /// s.
    pub interval: Duration,
    /// The threshold of "offline"; `None`: the endpoint's, else [`OFFLINE_THRESHOLD`].
    pub offline_threshold: Option<Duration>,
    /// Maximum requests in any 60 s.
    pub budget: u32,
    /// The kind of endpoint.
    pub endpoint: Endpoint,
    /// The watched users are known to be active humans of the organisation: a user who is absent
    /// from its reply is offline. `false` on a page, which cannot know that.
    pub verified_users: bool,
    /// Seed of the jitter.
    pub seed: u64,
}

/// The kind of server that is polled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// A gateway, until a reply shows that it is Zulip itself: users are requested in groups.
    Gateway,
    /// Zulip itself: one request for all users named by email, and a single request for each ID.
    Zulip,
}

/// Identifies a request of one watchlist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(u64);

/// A request to make now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// To be passed back with the reply.
    pub id: RequestId,
    /// What to request.
    pub query: Query,
}

/// The parsed reply to a [`Query`]: [`Query::User`] gets `User`, the others get `Realm`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Response {
    /// About one person.
    User(Reply<UserPresence>),
    /// About many.
    Realm(Reply<RealmPresence>),
}

/// A person's presence at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// The status to show.
    pub status: Status,
    /// When they were last active, if known.
    pub last_active: Option<Timestamp>,
}

/// A person whose view changed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Who.
    pub user: UserRef,
    /// The view before.
    pub before: View,
    /// The view now.
    pub after: View,
}

/// What to do now, and when to call again.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Actions {
    /// Requests given up: abort them; their replies are ignored.
    pub cancelled: Vec<Request>,
    /// Requests to start.
    pub requests: Vec<Request>,
    /// Watched people whose view changed since the last step.
    pub changes: Vec<Change>,
    /// Call [`step`](Watchlist::step) again after this time, or sooner after an event. `None`: only
    /// after an event.
    pub next_wakeup: Option<Duration>,
}

/// The watched people of one endpoint.
#[derive(Debug)]
pub struct Watchlist {
    settings: Settings,
    clock: ServerClock,
    jitter: Jitter,
    asleep: bool,
    entries: UserMap<Entry>,
    groups: Groups,
    in_flight: Vec<InFlight>,
    next_id: u64,
    backoff: Backoff,
    budget: RateLimiter,
    user_queries: RateLimiter,
    /// The threshold that the endpoint sent.
    server_offline_threshold: Option<Duration>,
    /// Zulip's last organisation-wide reply: users who are watched before the next one get their
    /// status from it.
    realm: Option<(RealmPresence, ObservationMeta)>,
}

/// A request in flight.
#[derive(Debug)]
struct InFlight {
    id: RequestId,
    target: PollTarget,
    query: Query,
    started: EngineInstant,
    /// The computer slept meanwhile, so the connection is gone.
    stale: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum PollTarget {
    Group(GroupId),
    User(UserRef),
}

impl Watchlist {
    /// An empty watchlist, awake.
    #[must_use]
    pub fn new(settings: Settings, now: ClockReading) -> Self {
        Self {
            clock: ServerClock::new(now),
            jitter: Jitter::new(settings.seed),
            asleep: false,
            entries: UserMap::new(),
            groups: match settings.endpoint {
                Endpoint::Gateway => Groups::new(),
                Endpoint::Zulip => Groups::all_users(EngineInstant::default()),
            },
            in_flight: Vec::new(),
            next_id: 0,
            backoff: Backoff::default(),
            budget: RateLimiter::new(settings.budget),
            user_queries: RateLimiter::new(MAX_USER_QUERIES),
            server_offline_threshold: None,
            realm: None,
            settings,
        }
    }

    /// Adds a watcher of `user`, off screen until [`show`](Self::show). Groups are filled in the
    /// order of these calls.
    pub fn watch(&mut self, user: &UserRef, now: ClockReading) {
        let now = self.tick(now);
        if let Some(entry) = self.entries.get_mut(user) {
            entry.watchers += 1;
            entry.unwatched_at = None;
            return;
        }
        let mut entry = Entry::watched();
        match self.settings.endpoint {
            Endpoint::Gateway => entry.group = Some(self.groups.join(user, now)),
            Endpoint::Zulip => self.watch_directly(user, &mut entry, now),
        }
        self.entries.insert(user.clone(), entry);
    }

    /// Removes a watcher of `user`; one that is on screen must [`hide`](Self::hide) first.
    pub fn unwatch(&mut self, user: &UserRef, now: ClockReading) {
        let now = self.tick(now);
        if let Some(entry) = self.entries.get_mut(user) {
            entry.watchers = entry.watchers.saturating_sub(1);
            entry.on_screen = entry.on_screen.min(entry.watchers);
            if entry.watchers == 0 {
                entry.unwatched_at.get_or_insert(now);
                entry.last_emitted = View::default();
            }
        }
    }

    /// One watcher of `user` came on screen.
    pub fn show(&mut self, user: &UserRef) {
        if let Some(entry) = self.entries.get_mut(user) {
            entry.on_screen = (entry.on_screen + 1).min(entry.watchers);
        }
    }

    /// One watcher of `user` left the screen.
    pub fn hide(&mut self, user: &UserRef) {
        if let Some(entry) = self.entries.get_mut(user) {
            entry.on_screen = entry.on_screen.saturating_sub(1);
        }
    }

    /// The page is hidden: nothing is requested until [`wake`](Self::wake).
    pub fn sleep(&mut self) {
        self.asleep = true;
    }

    /// The page is visible again: due requests start at once, and a back-off ends.
    pub fn wake(&mut self, now: ClockReading) {
        self.asleep = false;
        self.online(now);
    }

    /// The network is back: a back-off ends. A wait that the server imposed does not.
    pub fn online(&mut self, now: ClockReading) {
        let now = self.tick(now);
        self.end_backoff(now);
    }

    /// The endpoint is requested with another account from now on: every wait of the former one
    /// ends, the imposed ones too.
    pub fn account_changed(&mut self, now: ClockReading) {
        let now = self.tick(now);
        self.backoff = Backoff::default();
        self.end_backoff(now);
    }

    /// Requests `user`, on screen or not, but at most every 10 s, and within all limits.
    pub fn refresh(&mut self, user: &UserRef, now: ClockReading) {
        let now = self.tick(now);
        let Some(entry) = self.entries.get_mut(user).filter(|entry| entry.watchers > 0) else {
            return;
        };
        let group = entry.group.and_then(|id| self.groups.poll(id));
        let Some(poll) = group.or(entry.poll.as_mut()) else {
            return;
        };
        let at = poll.earliest(MIN_REFRESH_INTERVAL).max(now);
        poll.due = poll.due.min(at);
        poll.refresh_requested = true;
        self.backoff.end_by(at);
    }

    /// Applies the response to a request. `false`, without effect, if the request was cancelled.
    pub fn handle_response(&mut self, id: RequestId, answer: Response, now: ClockReading) -> bool {
        let Some(request) = self.complete(id) else {
            return false;
        };
        match (answer, &request.target) {
            (Response::User(reply), PollTarget::User(user)) => {
                let (content, reply) = reply.split();
                let meta = self.record_success(&request, &reply, now);
                self.apply_user_reply(user, content, meta, request.started);
            }
            (Response::Realm(reply), PollTarget::Group(group)) => {
                let (content, reply) = reply.split();
                let meta = self.record_success(&request, &reply, now);
                self.apply_realm_reply(id, *group, content, meta, request.started);
            }
            _ => self.record_error(&request, RequestError::InvalidResponse, now),
        }
        true
    }

    /// Records that a request failed. `false`, without effect, if the request was cancelled.
    pub fn handle_error(&mut self, id: RequestId, error: RequestError, now: ClockReading) -> bool {
        let Some(request) = self.complete(id) else {
            return false;
        };
        self.record_error(&request, error, now);
        true
    }

    /// Counts a request of the caller itself against the budget; `false`: not now.
    #[must_use]
    pub fn try_acquire(&mut self, now: ClockReading) -> bool {
        let now = self.tick(now);
        let free = self.budget.next_available(now) == Some(now);
        if free {
            self.budget.acquire(now);
        }
        free
    }

    /// Returns what to do now. Call it after any of the events above (once for several), and after
    /// [`Actions::next_wakeup`].
    pub fn step(&mut self, now: ClockReading) -> Actions {
        let instant = self.tick(now);
        let cancelled = self.cancel_late(instant, now);
        self.evict_expired(instant);
        let requests = if self.asleep { Vec::new() } else { self.start_requests(instant) };
        let (changes, next_change) = self.changes(now);
        let wakes = [
            next_change,
            self.in_flight.iter().map(|request| (request.started + TIMEOUT).since(instant)).min(),
            self.entries
                .values()
                .filter_map(|entry| entry.unwatched_at)
                .map(|at| (at + RETENTION).since(instant))
                .min(),
            self.next_request(instant).map(|at| at.since(instant)),
        ];
        // A wait of zero would spin.
        let next_wakeup =
            wakes.into_iter().flatten().min().map(|wait| wait.max(Duration::from_millis(1)));
        Actions { cancelled, requests, changes, next_wakeup }
    }

    /// The view of `user` now; unknown for a user without an entry.
    #[must_use]
    pub fn view(&self, user: &UserRef, now: ClockReading) -> View {
        self.entries.get(user).map_or_else(View::default, |entry| {
            entry.view(self.both(now), self.offline_threshold())
        })
    }

    /// What the last reply about `user` said. `None` before the first.
    #[must_use]
    pub fn observation(&self, user: &UserRef) -> Option<Result<Observation, NoPresenceReason>> {
        self.entries.get(user)?.observed()
    }

    /// The estimate of the server's now.
    #[must_use]
    pub fn server_now(&self, now: ClockReading) -> Timestamp {
        self.clock.server_now(now)
    }

    /// The threshold in force. The endpoint's is clamped to the bounds of what can be configured.
    #[must_use]
    pub fn offline_threshold(&self) -> Duration {
        let told = self
            .server_offline_threshold
            .map(|told| told.clamp(MIN_OFFLINE_THRESHOLD, MAX_OFFLINE_THRESHOLD));
        self.settings.offline_threshold.or(told).unwrap_or(OFFLINE_THRESHOLD)
    }

    /// Changes the polling interval from the next request on.
    pub fn set_interval(&mut self, interval: Duration) {
        self.settings.interval = interval;
    }

    /// How long ago the request of Zulip's last organisation-wide reply started. `None` before the
    /// first one, and for a gateway.
    #[must_use]
    pub fn realm_age(&self, now: ClockReading) -> Option<Duration> {
        let (_, meta) = self.realm.as_ref()?;
        Some(self.clock.instant(now).since(meta.requested_at))
    }

    /// How long ago the request `id` started. `None` if it is not in flight.
    #[must_use]
    pub fn request_age(&self, id: RequestId, now: ClockReading) -> Option<Duration> {
        let request = self.in_flight.iter().find(|request| request.id == id)?;
        Some(self.clock.instant(now).since(request.started))
    }

    /// Whether a request is in flight.
    #[must_use]
    pub fn is_requesting(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// How many people are watched now.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.entries.values().filter(|entry| entry.watchers > 0).count()
    }

    /// Whether there is neither an entry nor a request in flight.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.in_flight.is_empty()
    }

    /// Advances the clock. After a clock step (mostly a sleep), requests in flight are stale and
    /// back-offs end.
    fn tick(&mut self, now: ClockReading) -> EngineInstant {
        let tick = self.clock.tick(now);
        if tick.clock_stepped {
            for request in &mut self.in_flight {
                request.stale = true;
            }
            self.end_backoff(tick.now);
        }
        tick.now
    }

    fn end_backoff(&mut self, now: EngineInstant) {
        self.backoff.end();
        let user_queries = self.entries.values_mut().filter_map(|entry| entry.poll.as_mut());
        for poll in self.groups.polls_mut().chain(user_queries) {
            if poll.failures > 0 {
                poll.due = poll.due.min(now);
            }
        }
    }

    fn cancel_late(&mut self, instant: EngineInstant, now: ClockReading) -> Vec<Request> {
        let late = |request: &&InFlight| request.stale || instant.since(request.started) >= TIMEOUT;
        let late: Vec<_> = self.in_flight.iter().filter(late).map(|request| request.id).collect();
        let mut cancelled = Vec::new();
        for id in late {
            let Some(request) = self.complete(id) else {
                continue;
            };
            if !request.stale {
                self.record_error(&request, RequestError::TimedOut, now);
            } else if let Some(poll) = self.poll(&request.target) {
                poll.due = instant;
            }
            cancelled.push(Request { id, query: request.query });
        }
        cancelled
    }

    fn evict_expired(&mut self, now: EngineInstant) {
        let over = |entry: &Entry| entry.unwatched_at.is_some_and(|at| now.since(at) >= RETENTION);
        if !self.entries.values().any(over) {
            return;
        }
        let groups = &mut self.groups;
        self.entries.retain(|user, entry| {
            if let (true, Some(group)) = (over(entry), entry.group) {
                groups.leave(user, group);
            }
            !over(entry)
        });
        let entries = &mut self.entries;
        groups.compact(|from, to| {
            for entry in entries.values_mut().filter(|entry| entry.group == Some(from)) {
                entry.group = Some(to);
            }
        });
        if self.entries.is_empty() {
            self.realm = None;
        }
    }

    /// The changes since the last step, and the time until the next status changes by age alone.
    fn changes(&mut self, now: ClockReading) -> (Vec<Change>, Option<Duration>) {
        let (now, offline_threshold) = (self.both(now), self.offline_threshold());
        let mut changes = Vec::new();
        let mut next: Option<Duration> = None;
        for (user, entry) in self.entries.iter_mut().filter(|(_, entry)| entry.watchers > 0) {
            let (after, holds_for) = entry.view_cached(now, offline_threshold);
            let before = core::mem::replace(&mut entry.last_emitted, after);
            if before != after {
                changes.push(Change { user: user.clone(), before, after });
            }
            next = [next, holds_for].into_iter().flatten().min();
        }
        (changes, next)
    }

    /// `now` by the server's clock and on the engine's own time line.
    fn both(&self, now: ClockReading) -> Now {
        Now { server: self.clock.server_now(now), instant: self.clock.instant(now) }
    }
}
