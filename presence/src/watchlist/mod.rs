//! Decides who is requested when: a sans-I/O engine, driven alike by page and gateway.
//!
//! Tell a [`Watchlist`] what happens (people watched and on screen, sleep, replies), call
//! [`step`](Watchlist::step), and do what it says.

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

/// A request without a reply by then is cancelled (docs/design.md §5: part of the 200 s).
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Most requests under way at once (docs/design.md §4).
pub const MAX_IN_FLIGHT: usize = 4;
/// Most single requests in any 60 s (docs/design.md §4).
pub const MAX_USER_QUERIES: u32 = 30;

/// An entry is kept for so long after its last watcher: filters and routers remove and re-add rows.
const RETENTION: Duration = Duration::from_secs(300);
/// Minimum time between two requests for one group: members that are added one by one share one.
const MIN_GROUP_INTERVAL: Duration = Duration::from_secs(2);
/// Minimum time between two requests by `refresh()`.
const MIN_REFRESH_INTERVAL: Duration = Duration::from_secs(10);
/// When a user without data, asked singly, is asked again.
const NO_DATA_INTERVAL: Duration = Duration::from_secs(900);
/// When somebody who is absent from the organisation-wide reply is asked singly again.
const ABSENT_INTERVAL: Duration = Duration::from_secs(86_400);

/// How a watchlist polls its endpoint.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time between two requests for the same people, ±10 % jitter. Pages: 15–60 s; gateway: 10–45
    /// s.
    pub interval: Duration,
    /// The threshold of "offline"; `None`: what the endpoint says, else [`OFFLINE_THRESHOLD`].
    pub offline_threshold: Option<Duration>,
    /// Most requests in any 60 s.
    pub budget: u32,
    /// What the endpoint is.
    pub endpoint: Endpoint,
    /// The watched users are known to be active humans of the organisation: whoever is absent from
    /// its reply is offline. `false` on a page, which cannot know that.
    pub verified_users: bool,
    /// Seed of the jitter.
    pub seed: u64,
}

/// What answers at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// A gateway, until a reply shows that it is Zulip itself: people are asked about in groups.
    Gateway,
    /// Zulip itself: one request for everybody who is named by email, IDs singly.
    Zulip,
}

/// Names one request of one watchlist.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RequestId(u64);

/// A request to make now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// To be given back with the reply.
    pub id: RequestId,
    /// What to ask.
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

/// What can be said of one person at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// The status to show.
    pub status: Status,
    /// When they were last active, where that can be known.
    pub last_active: Option<Timestamp>,
}

/// A person of whom something else can be said than before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// Who.
    pub user: UserRef,
    /// What was said before.
    pub before: View,
    /// What is to be said now.
    pub after: View,
}

/// What to do now, and how long nothing needs doing after that.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Actions {
    /// Requests given up: abort them, their replies are ignored.
    pub cancelled: Vec<Request>,
    /// Requests to start.
    pub requests: Vec<Request>,
    /// Watched people whose view changed since the last step.
    pub changes: Vec<Change>,
    /// Call [`step`](Watchlist::step) again after this, or sooner upon any event. `None`: only
    /// upon an event.
    pub next_wakeup: Option<Duration>,
}

/// The people of one endpoint.
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
    /// The threshold that the endpoint told.
    server_offline_threshold: Option<Duration>,
    /// Zulip's last organisation-wide reply: whoever comes before the next one is answered by it.
    realm: Option<(RealmPresence, ObservationMeta)>,
}

/// A request under way.
#[derive(Debug)]
struct InFlight {
    id: RequestId,
    target: PollTarget,
    query: Query,
    started: EngineInstant,
    /// The computer slept meanwhile: its connection is gone.
    stale: bool,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum PollTarget {
    Group(GroupId),
    User(UserRef),
}

impl Watchlist {
    /// Nobody watched, awake.
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

    /// One more watcher of `user`, off screen until [`show`](Self::show). Groups are filled in the
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

    /// One watcher of `user` less; one that is on screen must [`hide`](Self::hide) first.
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

    /// The page is hidden: nothing is asked until [`wake`](Self::wake).
    pub fn sleep(&mut self) {
        self.asleep = true;
    }

    /// The page is visible again: what is due is asked at once, and a back-off ends.
    pub fn wake(&mut self, now: ClockReading) {
        self.asleep = false;
        self.online(now);
    }

    /// The network is back: a back-off ends. A wait that the server imposed does not.
    pub fn online(&mut self, now: ClockReading) {
        let now = self.tick(now);
        self.end_backoff(now);
    }

    /// The endpoint is asked by another account from now on: every wait that was for the former one
    /// ends, the imposed ones too.
    pub fn account_changed(&mut self, now: ClockReading) {
        let now = self.tick(now);
        self.backoff = Backoff::default();
        self.end_backoff(now);
    }

    /// Asks about `user`, on screen or not, but not more often than every 10 s, and within all
    /// limits.
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

    /// A request was answered. `false`, without effect, for a request that was cancelled.
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

    /// A request failed. `false`, without effect, for a request that was cancelled.
    pub fn handle_error(&mut self, id: RequestId, error: RequestError, now: ClockReading) -> bool {
        let Some(request) = self.complete(id) else {
            return false;
        };
        self.record_error(&request, error, now);
        true
    }

    /// Counts a request that the caller makes on its own against the budget; `false`: not now.
    #[must_use]
    pub fn try_acquire(&mut self, now: ClockReading) -> bool {
        let now = self.tick(now);
        let free = self.budget.next_available(now) == Some(now);
        if free {
            self.budget.acquire(now);
        }
        free
    }

    /// What is to be done now. Call it after any of the events above (once for many), and when the
    /// last step's wait is over.
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
        // A wait of nothing would spin.
        let next_wakeup =
            wakes.into_iter().flatten().min().map(|wait| wait.max(Duration::from_millis(1)));
        Actions { cancelled, requests, changes, next_wakeup }
    }

    /// What can be said of `user` now. Unknown for whoever is not watched.
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

    /// The server's now, as well as it can be known.
    #[must_use]
    pub fn server_now(&self, now: ClockReading) -> Timestamp {
        self.clock.server_now(now)
    }

    /// The threshold in force. What the endpoint tells is kept within the bounds of what can be
    /// configured.
    #[must_use]
    pub fn offline_threshold(&self) -> Duration {
        let told = self
            .server_offline_threshold
            .map(|told| told.clamp(MIN_OFFLINE_THRESHOLD, MAX_OFFLINE_THRESHOLD));
        self.settings.offline_threshold.or(told).unwrap_or(OFFLINE_THRESHOLD)
    }

    /// Polls at another interval from the next request on.
    pub fn set_interval(&mut self, interval: Duration) {
        self.settings.interval = interval;
    }

    /// How long ago the request started that brought Zulip's last organisation-wide reply. `None`
    /// before the first one, and for a gateway.
    #[must_use]
    pub fn realm_age(&self, now: ClockReading) -> Option<Duration> {
        let (_, meta) = self.realm.as_ref()?;
        Some(self.clock.instant(now).since(meta.requested_at))
    }

    /// How long ago the request `id` started. `None` for one that is not under way.
    #[must_use]
    pub fn request_age(&self, id: RequestId, now: ClockReading) -> Option<Duration> {
        let request = self.in_flight.iter().find(|request| request.id == id)?;
        Some(self.clock.instant(now).since(request.started))
    }

    /// Whether a request is under way.
    #[must_use]
    pub fn is_requesting(&self) -> bool {
        !self.in_flight.is_empty()
    }

    /// How many people are watched now.
    #[must_use]
    pub fn watched(&self) -> usize {
        self.entries.values().filter(|entry| entry.watchers > 0).count()
    }

    /// Whether nothing at all is remembered of anybody.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.in_flight.is_empty()
    }

    /// Moves the clock on. After a jump (a sleep mostly) what was under way is lost and what was
    /// waited for is over.
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

    /// The changes since the last step, and in how long the next status changes by age alone.
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
