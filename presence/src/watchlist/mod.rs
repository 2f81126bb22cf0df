//! Decides who is requested when: a sans-I/O engine, used by both page and gateway.
//!
//! Tell a [`Watchlist`] what happens (people watched and on screen, sleep, replies), call
//! [`step`](Watchlist::step), and carry out the [`Actions`] that it returns.

mod backoff;
mod entry;
mod gateway;
mod groups;
mod inspect;
mod jitter;
mod limits;
mod people;
mod poll;
mod polling;
mod query;
mod rate_limiter;
mod replies;
mod request;
mod schedule;
mod settings;
mod strategy;
mod stream;
mod threshold;
mod view;
mod zulip;

use core::time::Duration;

pub use self::backoff::retry_delay;
use self::entry::Now;
pub use self::limits::{MAX_HINTED, MAX_IN_FLIGHT, MAX_USER_QUERIES};
use self::polling::Polling;
pub use self::query::{MAX_GROUP, MAX_GROUP_BYTES, Query, Response};
pub use self::request::{Actions, Outcome, Request, RequestId, TIMEOUT};
use self::settings::clamp_interval;
pub use self::settings::{BUDGET_RANGE, Endpoint, INTERVAL_RANGE, PollSettings};
use self::threshold::OfflineThreshold;
pub use self::view::{Change, View};
use crate::time::EngineInstant;
use crate::{ClockReading, ServerClock, UserRef};

/// The watched people of one endpoint.
///
/// ```
/// use std::time::Duration;
/// use zulip_presence_core::reply::HttpReply;
/// use zulip_presence_core::watchlist::{Endpoint, PollSettings};
/// use zulip_presence_core::{ClockReading, Status, Timestamp, UserRef, Watchlist};
///
/// let now = ClockReading {
///     wall: Timestamp::from_unix_s(1_800_000_000.0),
///     monotonic: Duration::ZERO,
/// };
/// let mut watchlist = Watchlist::new(PollSettings::new(Endpoint::Gateway), now);
/// let ada = UserRef::Id(12);
/// watchlist.watch(&ada, now);
/// watchlist.show(&ada);
///
/// let request = watchlist.step(now).requests.remove(0);
/// assert_eq!(request.query.path(), "realm/presence?users=%5B12%5D&slim_presence=true");
///
/// // The caller sends it, and passes the reply back.
/// let body = br#"{"result": "success", "msg": "", "server_timestamp": 1800000000,
///     "presences": {"12": {"active_timestamp": 1799999990}}}"#;
/// let reply = HttpReply { status: 200, header: &|_| None, body };
/// let response = request.query.parse_reply(&reply)?;
/// watchlist.handle_response(request.id, response, now);
///
/// let actions = watchlist.step(now);
/// assert_eq!(actions.changes[0].after.status, Status::Active);
/// assert!(actions.next_wakeup.is_some(), "the next request, or the status that ages");
/// # Ok::<(), zulip_presence_core::reply::RequestError>(())
/// ```
#[derive(Debug)]
pub struct Watchlist {
    clock: ServerClock,
    asleep: bool,
    polling: Polling,
    offline_threshold: OfflineThreshold,
}

impl Watchlist {
    /// An empty watchlist, awake.
    #[must_use]
    pub fn new(settings: PollSettings, now: ClockReading) -> Self {
        Self {
            clock: ServerClock::new(now),
            asleep: false,
            polling: Polling::new(&settings),
            offline_threshold: OfflineThreshold::new(settings.offline_threshold),
        }
    }

    /// Adds a watcher of `user`, off screen until [`show`](Self::show). Groups are filled in the
    /// order of these calls.
    pub fn watch(&mut self, user: &UserRef, now: ClockReading) {
        let now = self.tick(now);
        self.polling.people.watch(user, self.polling.interval, now);
    }

    /// The document is being parsed (`true`): new people wait for up to a second for those who
    /// follow, so that they share a request; and those who follow later join other groups, so that
    /// a group that was requested keeps its URL. `false`: parsed, nobody waits any longer.
    pub fn set_parsing(&mut self, is_parsing: bool) {
        self.polling.people.strategy.set_parsing(is_parsing);
    }

    /// Nobody who is watched now waits any longer for people who follow in the document.
    pub fn stop_waiting(&mut self) {
        self.polling.people.strategy.stop_waiting();
    }

    /// Removes a watcher of `user`; one that is on screen must [`hide`](Self::hide) first.
    pub fn unwatch(&mut self, user: &UserRef, now: ClockReading) {
        let now = self.tick(now);
        self.polling.people.unwatch(user, now);
    }

    /// One watcher of `user` came on screen.
    pub fn show(&mut self, user: &UserRef) {
        if let Some(entry) = self.polling.people.entries.get_mut(user) {
            entry.on_screen = (entry.on_screen + 1).min(entry.watchers);
        }
    }

    /// One watcher of `user` left the screen.
    pub fn hide(&mut self, user: &UserRef) {
        if let Some(entry) = self.polling.people.entries.get_mut(user) {
            entry.on_screen = entry.on_screen.saturating_sub(1);
        }
    }

    /// One watcher of `user` shows what they say of themselves from now on, or no longer. Only Zulip
    /// itself must be asked for it, by ID; a gateway tells it beside their presence.
    pub fn show_message(&mut self, user: &UserRef, is_shown: bool, now: ClockReading) {
        let now = self.tick(now);
        self.polling.people.show_message(user, is_shown, now);
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
        self.polling.end_backoff(now);
    }

    /// The endpoint is requested with another account from now on: every wait of the former one
    /// ends, the imposed ones too, and its requests in flight are cancelled by the next step.
    pub fn account_changed(&mut self, now: ClockReading) {
        let now = self.tick(now);
        self.polling.limits.backoff = backoff::Backoff::default();
        self.polling.lose_requests(now);
    }

    /// Requests `user`, on screen or not, but at most every 10 s, and within all limits.
    pub fn refresh(&mut self, user: &UserRef, now: ClockReading) {
        let now = self.tick(now);
        self.polling.refresh(user, now);
    }

    /// The endpoint may have news: the organisation-wide request, or the groups on screen, are due
    /// at once, but at least 2 s after the last one and at most 20 times in any 60 s, and within
    /// budget and back-off. A hint while a request is in flight makes another one due.
    pub fn hint(&mut self, now: ClockReading) {
        self.tick(now);
        self.polling.hint();
    }

    /// Whether the organisation has presence disabled (`realm_presence_disabled`), as Zulip's
    /// `register` tells: then everybody is unknown. Until this is called, an organisation-wide reply
    /// without any entry says nothing: it may have that reason. Without effect for a gateway.
    pub fn set_presence_disabled(&mut self, is_disabled: bool, now: ClockReading) {
        self.tick(now);
        let people = &mut self.polling.people;
        if people.strategy.set_presence_disabled(&mut people.entries, is_disabled) {
            self.polling.hint();
        }
    }

    /// Changes the interval from the next request on; clamped to [`INTERVAL_RANGE`].
    pub fn set_interval(&mut self, interval: Duration) {
        self.polling.interval = clamp_interval(interval);
    }

    /// Counts a request of the caller itself against the budget; `false`: not now.
    #[must_use]
    pub fn try_acquire(&mut self, now: ClockReading) -> bool {
        let now = self.tick(now);
        self.polling.limits.try_acquire(now)
    }

    /// Returns what to do now. Call it after any of the events above (once for several), and after
    /// [`Actions::next_wakeup`].
    pub fn step(&mut self, now: ClockReading) -> Actions {
        let instant = self.tick(now);
        let mut cancelled = self.polling.cancel_late(instant);
        self.polling.people.evict_expired(instant);
        let demands = self.polling.demands(instant);
        let requests =
            if self.asleep { Vec::new() } else { self.polling.start_requests(&demands, instant) };
        let stream = self.polling.update_stream(&demands, self.asleep, &mut cancelled, instant);
        let threshold = self.offline_threshold.in_force();
        let (changes, next_change) =
            self.polling.people.changes(Now::new(&self.clock, now), threshold);
        let next_start = if self.asleep { None } else { self.polling.next_start(instant) };
        let instants =
            [self.polling.next_timeout(), self.polling.people.next_eviction(), next_start];
        let next_wakeup = instants
            .into_iter()
            .map(|at| Some(at?.since(instant)))
            .chain([next_change])
            .flatten()
            .min()
            // A wait of zero would spin.
            .map(|wait| wait.max(Duration::from_millis(1)));
        Actions { cancelled, requests, stream, changes, next_wakeup }
    }

    /// Advances the clock. After a clock step, mostly a sleep, requests in flight are lost.
    fn tick(&mut self, now: ClockReading) -> EngineInstant {
        let tick = self.clock.tick(now);
        if tick.clock_stepped {
            self.polling.lose_requests(tick.now);
        }
        tick.now
    }
}
