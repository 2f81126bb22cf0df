//! What the gateway knows: the core's engine and the directory. No I/O; `now` is an argument.

pub(crate) mod delays;
mod events;
mod followed;
mod key_changes;
#[cfg(test)]
mod live_simulation;
pub(crate) mod news;
pub(crate) mod shared;
#[cfg(test)]
mod simulation;
mod status_messages;
mod statuses;

use std::collections::HashMap;
use std::time::Duration;

use zulip_presence_core::reply::{NoPresenceReason, RequestError};
use zulip_presence_core::watchlist::{
    Endpoint, Outcome, PollSettings, Query, Request, RequestId, Response, retry_delay,
};
use zulip_presence_core::{ClockReading, OFFLINE_THRESHOLD, Observation, UserRef, Watchlist};

use self::delays::{MIN_MAX_AGE, stretched_refresh};
use self::followed::News;
use self::key_changes::KeyChanges;
use self::status_messages::Statuses;
pub(crate) use self::status_messages::UserId;
use crate::config::last_active::LastActive;
use crate::zulip::allow_list::AllowList;
use crate::zulip::directory::{Directory, Kind, Member};
use crate::zulip::wire::RenderOptions;

/// How long a page's request may wait for Zulip.
pub(crate) const MAX_WAIT: Duration = Duration::from_secs(5);
/// How long a user stays watched after a page's last request.
const WATCH_TTL: Duration = Duration::from_secs(300);
/// The directory is fetched again after this time, in any case.
const DIRECTORY_INTERVAL: Duration = Duration::from_secs(3600);
/// Minimum time between two fetches of the directory because of unknown users.
const DIRECTORY_GAP: Duration = Duration::from_secs(300);

/// Minimum time between two fetches of the directory because of keys that do not match it.
const DIRECTORY_MIN_INTERVAL: Duration = Duration::from_secs(60);

/// The settings of the store.
#[derive(Clone, Debug)]
pub(crate) struct StoreConfig {
    /// Time between two organisation-wide requests.
    pub(crate) refresh: Duration,
    /// The threshold of "offline"; `None`: Zulip's own, else [`OFFLINE_THRESHOLD`].
    pub(crate) offline_threshold: Option<Duration>,
    /// Maximum requests to Zulip in any 60 s.
    pub(crate) budget: u32,
    /// Offline people are sent without timestamps.
    pub(crate) last_active: LastActive,
    /// What people say of themselves is sent.
    pub(crate) show_statuses: bool,
    /// An event queue is read, or will be.
    pub(crate) has_queue: bool,
    /// Seed of the jitter.
    pub(crate) seed: u64,
}

#[cfg(test)]
impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(30),
            offline_threshold: None,
            budget: 60,
            last_active: LastActive::Show,
            show_statuses: false,
            has_queue: false,
            seed: 7,
        }
    }
}

/// What the gateway knows.
#[derive(Debug)]
pub(crate) struct Store {
    policy: StoreConfig,
    watchlist: Watchlist,
    allowed: AllowList,
    directory: Option<Directory>,
    directory_refresh: DirectoryRefresh,
    key_changes: KeyChanges,
    /// Time between two organisation-wide requests, as it is now.
    refresh: Duration,
    /// Users whom pages requested within [`WATCH_TTL`], by email.
    watched: HashMap<UserRef, Watched>,
    news: News,
    /// What people say of themselves; `None`: hidden.
    statuses: Option<Statuses>,
    /// The threshold that Zulip told.
    told_threshold: Option<Duration>,
    /// Whether Zulip told that the organisation has presence disabled.
    told_disabled: bool,
    /// Whether the organisation-wide reply had nobody, although there are people: so it looks where
    /// Zulip did not tell.
    is_realm_empty: bool,
    last_answer_at: Option<Duration>,
    healthy: bool,
    /// A user was added since the last step.
    needs_step: bool,
    next_step_at: Duration,
    account: Account,
    /// The account changed since the last step, which cancels the former one's requests.
    account_changed: bool,
}

/// Counts the accounts with which Zulip was requested.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Account(u64);

/// When the directory is to be fetched.
#[derive(Debug, Default)]
struct DirectoryRefresh {
    due: Duration,
    in_flight: bool,
    failures: u32,
    last: Option<Duration>,
    /// How long the last fetch took.
    took: Duration,
    /// A reply that came while it was in flight does not match it.
    again: bool,
}

/// A user whom a page requested.
#[derive(Debug)]
struct Watched {
    since: Duration,
    last_lookup: Duration,
}

/// What is known of a user.
#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    /// Zulip has no presence for them, and will have none as long as the directory stays the same.
    Nobody(NoPresenceReason),
    /// Presence from Zulip.
    CachedPresence(Box<Observation>),
    /// Zulip replied that it has no data.
    NoData(NoPresenceReason),
    /// Wait: a request to Zulip is in flight or due soon.
    Pending,
    /// Zulip cannot be reached in time.
    Unavailable,
}

/// What to do now.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    /// Requests to abort: they took too long.
    pub(crate) timed_out: Vec<Request>,
    /// Requests to abort: they are of a former account.
    pub(crate) discarded: Vec<Request>,
    /// Requests to start.
    pub(crate) requests: Vec<Request>,
    /// Fetch the directory, for this account.
    pub(crate) directory: Option<Account>,
    /// Ask what this person says of themselves.
    pub(crate) status: Option<(UserId, Account)>,
    /// Time until the next step.
    pub(crate) wait: Duration,
}

impl Store {
    /// An empty store.
    #[must_use]
    pub(crate) fn new(policy: StoreConfig, allowed: AllowList, now: ClockReading) -> Self {
        let settings = PollSettings::new(Endpoint::Zulip { verified_users: true })
            .interval(policy.refresh)
            .offline_threshold(policy.offline_threshold)
            .budget(policy.budget)
            .seed(policy.seed);
        Self {
            refresh: policy.refresh,
            statuses: policy.show_statuses.then(|| Statuses::new(policy.has_queue)),
            policy,
            watchlist: Watchlist::new(settings, now),
            allowed,
            directory: None,
            directory_refresh: DirectoryRefresh {
                due: now.monotonic,
                ..DirectoryRefresh::default()
            },
            key_changes: KeyChanges::default(),
            watched: HashMap::new(),
            news: News::default(),
            told_threshold: None,
            told_disabled: false,
            is_realm_empty: false,
            last_answer_at: None,
            healthy: false,
            needs_step: true,
            next_step_at: now.monotonic,
            account: Account::default(),
            account_changed: false,
        }
    }

    /// Keeps `user` watched for [`WATCH_TTL`], if they have presence and may be seen. For an
    /// unknown user the directory is fetched sooner.
    pub(crate) fn watch(&mut self, user: &UserRef, now: ClockReading) {
        let Some(directory) = &self.directory else {
            return;
        };
        if directory.find(user).is_none() && self.allowed.could_include(user) {
            self.refresh_directory_within(DIRECTORY_GAP, now);
        } else if let Ok(Some(email)) = self.find(user) {
            let email = email.clone();
            self.watch_email(email, now);
        }
    }

    fn watch_email(&mut self, email: UserRef, now: ClockReading) {
        let last_lookup = now.monotonic;
        if let Some(watched) = self.watched.get_mut(&email) {
            watched.last_lookup = last_lookup;
            return;
        }
        self.watchlist.watch(&email, now);
        self.watchlist.show(&email);
        self.watched.insert(email, Watched { since: now.monotonic, last_lookup });
        self.needs_step = true;
    }

    /// What is known of `user`, for whom [`watch`](Self::watch) was called. `can_wait`: the caller
    /// can still wait.
    pub(crate) fn lookup(&self, user: &UserRef, can_wait: bool, now: ClockReading) -> Lookup {
        let email = match self.find(user) {
            Ok(Some(email)) => email,
            Ok(None) => return self.pending(can_wait, now),
            Err(reason) => return Lookup::Nobody(reason),
        };
        if self.is_presence_disabled() {
            return Lookup::NoData(NoPresenceReason::NoData);
        }
        let is_covered = self.is_covered(email, now);
        match self.watchlist.observation(email) {
            _ if !is_covered && self.may_be_answered_in_time(can_wait, now) => Lookup::Pending,
            _ if self.key_changes.is_doubtful(email) => Lookup::NoData(NoPresenceReason::NoData),
            Some(Ok(observation)) => Lookup::CachedPresence(Box::new(observation)),
            Some(Err(reason)) => Lookup::NoData(reason),
            None if is_covered => Lookup::NoData(NoPresenceReason::NoData),
            None => Lookup::Unavailable,
        }
    }

    /// The email of `user`: `None` before the directory is there.
    ///
    /// # Errors
    /// Why there is no presence for them, as Zulip would say it.
    fn find(&self, user: &UserRef) -> Result<Option<&UserRef>, NoPresenceReason> {
        let Some(directory) = &self.directory else {
            return Ok(None);
        };
        match directory.find(user) {
            Some(member) if !self.allowed.includes(member) => Err(NoPresenceReason::NoSuchUser),
            Some(Member { kind: Kind::Human, email, .. }) => Ok(Some(email)),
            Some(Member { kind: Kind::Bot, .. }) => Err(NoPresenceReason::Bot),
            _ => Err(NoPresenceReason::NoSuchUser),
        }
    }

    /// Whether an organisation-wide reply has arrived that is recent enough for a user who is
    /// watched since then.
    fn is_covered(&self, email: &UserRef, now: ClockReading) -> bool {
        if self.key_changes.is_reassigned(email) {
            return false;
        }
        let since = self.watched.get(email).map_or(now.monotonic, |watched| watched.since);
        let watched_for = now.monotonic.saturating_sub(since);
        self.watchlist.realm_age(now).is_some_and(|age| age <= watched_for + self.refresh)
    }

    fn pending(&self, can_wait: bool, now: ClockReading) -> Lookup {
        if self.may_be_answered_in_time(can_wait, now) {
            Lookup::Pending
        } else {
            Lookup::Unavailable
        }
    }

    /// Whether Zulip may reply in time.
    fn may_be_answered_in_time(&self, can_wait: bool, now: ClockReading) -> bool {
        let under_way = self.directory_refresh.in_flight || self.watchlist.is_requesting();
        let soon = self.next_step_at.min(self.directory_refresh.due) < now.monotonic + MAX_WAIT;
        can_wait && (self.needs_step || under_way || soon)
    }

    /// Fetches the directory `gap` after the last time, if it is not due sooner.
    fn refresh_directory_within(&mut self, gap: Duration, now: ClockReading) {
        let earliest = self.directory_refresh.last.map_or(now.monotonic, |last| last + gap);
        if self.directory_refresh.failures == 0 && earliest < self.directory_refresh.due {
            self.directory_refresh.due = earliest.max(now.monotonic);
            self.needs_step = true;
        }
    }

    /// Returns what to do now. Call it after every event, and when the wait of the last [`Actions`]
    /// is over.
    pub(crate) fn step(&mut self, now: ClockReading) -> Actions {
        self.release(now);
        let directory = !self.directory_refresh.in_flight
            && self.directory_refresh.due <= now.monotonic
            && self.watchlist.try_acquire(now);
        if directory {
            self.directory_refresh.in_flight = true;
            self.directory_refresh.last = Some(now.monotonic);
        }
        let step = self.watchlist.step(now);
        let (timed_out, discarded) = if std::mem::take(&mut self.account_changed) {
            (Vec::new(), step.cancelled)
        } else {
            (step.cancelled, Vec::new())
        };
        for request in &timed_out {
            self.record_failure(&request.query);
        }
        let fetch = (!self.directory_refresh.in_flight).then(|| {
            self.directory_refresh.due.saturating_sub(now.monotonic).max(Duration::from_secs(1))
        });
        let wait = [step.next_wakeup, fetch, Some(WATCH_TTL / 10)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_default();
        self.needs_step = false;
        self.next_step_at = now.monotonic + wait;
        let directory = directory.then_some(self.account);
        let (status, next_status) = self.step_statuses(now);
        let wait = next_status.map_or(wait, |next| next.min(wait));
        let status = status.map(|id| (id, self.account));
        Actions { timed_out, discarded, requests: step.requests, directory, status, wait }
    }

    /// Releases users whom no page requested recently.
    fn release(&mut self, now: ClockReading) {
        let over =
            |watched: &Watched| now.monotonic.saturating_sub(watched.last_lookup) >= WATCH_TTL;
        let watchlist = &mut self.watchlist;
        self.watched.retain(|email, watched| {
            let over = over(watched);
            if over {
                watchlist.hide(email);
                watchlist.unwatch(email, now);
            }
            !over
        });
    }

    /// Applies Zulip's reply to a request.
    pub(crate) fn handle_response(
        &mut self,
        id: RequestId,
        mut reply: Response,
        now: ClockReading,
    ) {
        if self.account_changed {
            return;
        }
        if let (Response::Realm(_), Some(took)) = (&reply, self.watchlist.request_age(id, now)) {
            self.refresh = stretched_refresh(self.policy.refresh, took);
            self.watchlist.set_interval(self.refresh);
            self.key_changes.replied(now.monotonic.saturating_sub(took));
        }
        let is_stale = match (&reply, &self.directory) {
            (Response::Realm(reply), Some(directory)) => {
                let server_now = reply.lower_bound().unwrap_or(self.watchlist.server_now(now));
                self.key_changes.compare(&reply.content, directory, server_now)
            }
            _ => false,
        };
        if is_stale {
            self.directory_refresh.again = self.directory_refresh.in_flight;
            self.refresh_directory_within(DIRECTORY_MIN_INTERVAL, now);
        }
        if let (Response::Realm(reply), Some(directory)) = (&mut reply, &self.directory) {
            let is_empty = reply.content.iter().next().is_none();
            self.is_realm_empty = is_empty && directory.humans().next().is_some();
            // Whoever told otherwise may no longer tell that it has changed.
            self.told_disabled &= is_empty;
            if self.is_realm_empty {
                // Whoever is absent would be offline, and be asked about singly.
                let nobody =
                    |member: &Member| (member.email.clone(), Err(NoPresenceReason::NoData));
                reply.content = directory.humans().map(nobody).collect();
            }
        }
        if self.watchlist.handle_response(id, reply, now) != Outcome::Ignored {
            self.record_success(now);
        }
    }

    /// Records that a request failed.
    pub(crate) fn handle_error(
        &mut self,
        request: &Request,
        error: RequestError,
        now: ClockReading,
    ) {
        if self.account_changed
            || self.watchlist.handle_error(request.id, error, now) == Outcome::Ignored
        {
            return;
        }
        self.record_failure(&request.query);
        if let RequestError::RateLimited { .. } | RequestError::Unauthorized = error {
            let wait = error.imposed_delay().unwrap_or_default();
            self.directory_refresh.due = self.directory_refresh.due.max(now.monotonic + wait);
        }
    }

    fn record_failure(&mut self, query: &Query) {
        if !matches!(query, Query::User(_)) {
            self.healthy = false;
        }
    }

    fn record_success(&mut self, now: ClockReading) {
        self.healthy = true;
        self.last_answer_at = Some(now.monotonic);
    }

    /// Applies the directory that `account` sees.
    pub(crate) fn directory_fetched(
        &mut self,
        directory: Directory,
        account: Account,
        now: ClockReading,
    ) {
        if account != self.account {
            return;
        }
        let DirectoryRefresh { again, last, .. } = self.directory_refresh;
        self.directory_refresh = DirectoryRefresh {
            due: now.monotonic + DIRECTORY_INTERVAL,
            last,
            took: last.map_or(Duration::ZERO, |last| now.monotonic.saturating_sub(last)),
            ..DirectoryRefresh::default()
        };
        let before = self.directory.replace(directory);
        if let (Some(before), Some(directory)) = (before, &self.directory)
            && self.key_changes.directory_replaced(&before, directory, now.monotonic)
        {
            self.hint(now);
        }
        if again {
            self.refresh_directory_within(DIRECTORY_MIN_INTERVAL, now);
        } else {
            self.key_changes.directory_fetched();
        }
        self.record_success(now);
        self.drop_hidden_people(now);
    }

    /// Records that the directory could not be fetched for `account`.
    pub(crate) fn directory_failed(
        &mut self,
        failure: RequestError,
        account: Account,
        now: ClockReading,
    ) {
        if account != self.account {
            return;
        }
        let failures = self.directory_refresh.failures.saturating_add(1);
        // Without a directory no user can be looked up.
        let max_delay = if self.directory.is_none() { self.policy.refresh } else { DIRECTORY_GAP };
        let wait =
            failure.imposed_delay().unwrap_or_default().max(retry_delay(failures, max_delay));
        self.directory_refresh = DirectoryRefresh {
            due: now.monotonic + wait,
            in_flight: false,
            failures,
            again: false,
            ..self.directory_refresh
        };
        self.healthy = false;
    }

    /// Counts a request of the event queue against the budget; `false`: not now.
    #[must_use]
    pub(crate) fn try_acquire(&mut self, now: ClockReading) -> bool {
        self.watchlist.try_acquire(now)
    }

    /// Zulip is requested with another account from now on, which may see other people: waits that
    /// were imposed on the former one end, and replies to it are ignored.
    pub(crate) fn credentials_changed(&mut self, now: ClockReading) {
        self.account = Account(self.account.0 + 1);
        self.account_changed = true;
        self.directory_refresh = DirectoryRefresh {
            due: now.monotonic,
            last: self.directory_refresh.last,
            ..DirectoryRefresh::default()
        };
        if let Some(statuses) = &mut self.statuses {
            statuses.ask_again(now.monotonic);
        }
        self.watchlist.account_changed(now);
        self.needs_step = true;
    }

    /// Sets who may be seen from now on. Returns whether that is a change.
    pub(crate) fn allow(&mut self, allowed: AllowList, now: ClockReading) -> bool {
        let is_other = allowed != self.allowed;
        if is_other {
            self.allowed = allowed;
            self.drop_hidden_people(now);
        }
        is_other
    }

    fn drop_hidden_people(&mut self, now: ClockReading) {
        let (directory, allowed, watchlist) = (&self.directory, &self.allowed, &mut self.watchlist);
        let is_seen = |email: &UserRef| {
            let member = directory.as_ref().and_then(|directory| directory.find(email));
            member.is_some_and(|member| member.kind == Kind::Human && allowed.includes(member))
        };
        self.watched.retain(|email, _| {
            let is_seen = is_seen(email);
            if !is_seen {
                watchlist.hide(email);
                watchlist.unwatch(email, now);
            }
            is_seen
        });
    }

    /// How presence is to be rendered now.
    #[must_use]
    pub(crate) fn render(&self, now: ClockReading) -> RenderOptions {
        RenderOptions {
            now: self.watchlist.server_now(now),
            offline_threshold: self
                .policy
                .offline_threshold
                .or(self.told_threshold)
                .unwrap_or(OFFLINE_THRESHOLD),
            last_active: self.policy.last_active,
        }
    }

    /// How long a reply may be cached: until the next request to Zulip, at least a second.
    #[must_use]
    pub(crate) fn max_age(&self, now: ClockReading) -> Duration {
        let age = self.watchlist.realm_age(now).unwrap_or(Duration::MAX);
        self.refresh.saturating_sub(age).max(MIN_MAX_AGE)
    }

    /// How long a cache may serve a reply past that.
    #[must_use]
    pub(crate) fn stale_while_revalidate(&self) -> Duration {
        delays::stale_while_revalidate(self.refresh)
    }

    /// How long to wait after "unavailable" before the next request.
    #[must_use]
    pub(crate) fn retry_after(&self, now: ClockReading) -> Duration {
        self.next_step_at
            .saturating_sub(now.monotonic)
            .clamp(Duration::from_secs(1), Duration::from_secs(60))
    }

    /// Whether the organisation has presence disabled, so that nothing is known of anybody: Zulip told
    /// so, or its organisation-wide reply is empty (docs/zulip-wire.md §7).
    #[must_use]
    pub(crate) fn is_presence_disabled(&self) -> bool {
        self.told_disabled || self.is_realm_empty
    }

    /// Whether Zulip's last reply was usable.
    #[must_use]
    pub(crate) fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// How many people are watched.
    #[must_use]
    pub(crate) fn watched(&self) -> usize {
        self.watched.len()
    }

    /// The age of Zulip's last reply.
    #[must_use]
    pub(crate) fn answer_age(&self, now: ClockReading) -> Option<Duration> {
        self.last_answer_at.map(|at| now.monotonic.saturating_sub(at))
    }

    /// How many accounts the directory has.
    #[must_use]
    pub(crate) fn accounts(&self) -> usize {
        self.directory.as_ref().map_or(0, Directory::len)
    }
}
