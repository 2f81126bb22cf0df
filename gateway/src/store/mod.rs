//! What the gateway knows: the core's engine, the directory, and what Zulip said of whom. No I/O;
//! `now` is an argument.

pub(crate) mod delays;
pub(crate) mod shared;
#[cfg(test)]
mod simulation;

use std::collections::HashMap;
use std::time::Duration;

use zulip_presence_core::reply::{NoPresenceReason, RequestError};
use zulip_presence_core::watchlist::{Endpoint, Query, Request, RequestId, Response, Settings};
use zulip_presence_core::{ClockReading, Observation, UserRef, Watchlist};

use self::delays::MIN_MAX_AGE;
use self::shared::MAX_WAIT;
use crate::config::allow_list::AllowList;
use crate::zulip::client::Reply;
use crate::zulip::directory::{Directory, Kind, Member};
use crate::zulip::wire::{PresenceEntry, RenderOptions};

/// Asked for within this time is watched.
const WATCH_TTL: Duration = Duration::from_secs(300);
/// The directory is fetched again after this, whatever happens.
const DIRECTORY_INTERVAL: Duration = Duration::from_secs(3600);
/// Unknown users make it be fetched at most this often.
const DIRECTORY_GAP: Duration = Duration::from_secs(300);
/// The first wait after a failed fetch; it doubles up to [`DIRECTORY_GAP`].
const DIRECTORY_RETRY: Duration = Duration::from_secs(5);
/// After a 401 only a person can mend it.
const UNAUTHORIZED_WAIT: Duration = Duration::from_secs(900);
/// How to keep it.
#[derive(Clone, Debug)]
pub(crate) struct StoreConfig {
    /// Time between two organisation-wide requests.
    pub(crate) refresh: Duration,
    /// The threshold of "offline".
    pub(crate) offline_threshold: Duration,
    /// Most requests to Zulip in any 60 s.
    pub(crate) budget: u32,
    /// People who are offline carry no times.
    pub(crate) hide_times: bool,
    /// Seed of the jitter.
    pub(crate) seed: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Store {
    policy: StoreConfig,
    watchlist: Watchlist,
    allowed: AllowList,
    directory: Option<Directory>,
    directory_refresh: DirectoryRefresh,
    /// By email: everybody of the last organisation-wide reply.
    said: HashMap<UserRef, PresenceEntry>,
    watched: HashMap<UserRef, Watched>,
    /// Requests under way.
    asks: HashMap<RequestId, Query>,
    realm_asked_at: Option<Duration>,
    last_answer_at: Option<Duration>,
    healthy: bool,
    /// Somebody came since the last step.
    needs_step: bool,
    next_step_at: Duration,
}

/// When the directory is to be fetched.
#[derive(Debug, Default)]
struct DirectoryRefresh {
    due: Duration,
    in_flight: bool,
    failures: u32,
    last: Option<Duration>,
}

/// Somebody a page asked for.
#[derive(Debug)]
struct Watched {
    asked_at: Duration,
    /// An organisation-wide reply was seen that is recent enough to speak of them.
    covered: bool,
    /// What a single reply said.
    single: Option<Result<PresenceEntry, NoPresenceReason>>,
}

/// What can be said of somebody.
#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    /// Zulip has no presence for them, and never will while the directory stands.
    Nobody(NoPresenceReason),
    /// Zulip's answer.
    CachedPresence(Box<CachedPresence>),
    /// Zulip was asked, and has no data.
    NoData(NoPresenceReason),
    /// Wait: Zulip is being asked.
    Pending,
    /// Zulip cannot be asked now.
    Unavailable,
}

/// An answer of Zulip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CachedPresence {
    /// Field by field.
    pub(crate) said: PresenceEntry,
    /// As the engine reads it.
    pub(crate) observed: Observation,
}

/// A reply of Zulip, read: for 20,000 people that takes a while, in which nobody shall wait for the
/// store.
#[derive(Debug)]
pub(crate) struct ParsedResponse {
    answer: Response,
    said: Payload,
}

#[derive(Debug)]
enum Payload {
    User(Result<PresenceEntry, NoPresenceReason>),
    Realm(HashMap<UserRef, PresenceEntry>),
}

impl ParsedResponse {
    /// Reads the reply to `ask`.
    ///
    /// # Errors
    /// Why it is of no use.
    pub(crate) fn read(ask: &Query, reply: &Reply) -> Result<Self, RequestError> {
        match ask {
            Query::User(_) => {
                let answer = reply.single()?;
                let said = answer.content.map(|presence| {
                    PresenceEntry::from_user_reply(&reply.body)
                        .unwrap_or_else(|| PresenceEntry::from_presence(&presence))
                });
                Ok(Self { answer: Response::User(answer), said: Payload::User(said) })
            }
            Query::Group(_) | Query::AllUsers => Ok(Self {
                answer: Response::Realm(reply.realm()?),
                said: Payload::Realm(PresenceEntry::from_realm_reply(&reply.body)),
            }),
        }
    }
}

/// What to do now.
#[derive(Debug, Default)]
pub(crate) struct Actions {
    /// Requests to abort.
    pub(crate) abandoned: Vec<RequestId>,
    /// Requests to start.
    pub(crate) requests: Vec<Request>,
    /// Fetch the directory.
    pub(crate) directory: bool,
    /// Nothing else needs doing for so long.
    pub(crate) wait: Duration,
}

impl Store {
    /// Nobody watched, nothing known.
    #[must_use]
    pub(crate) fn new(policy: StoreConfig, allowed: AllowList, now: ClockReading) -> Self {
        let settings = Settings {
            interval: policy.refresh,
            offline_threshold: Some(policy.offline_threshold),
            budget: policy.budget,
            endpoint: Endpoint::Zulip,
            seed: policy.seed,
        };
        Self {
            policy,
            watchlist: Watchlist::new(settings, now),
            allowed,
            directory: None,
            directory_refresh: DirectoryRefresh {
                due: now.monotonic,
                ..DirectoryRefresh::default()
            },
            said: HashMap::new(),
            watched: HashMap::new(),
            asks: HashMap::new(),
            realm_asked_at: None,
            last_answer_at: None,
            healthy: false,
            needs_step: true,
            next_step_at: now.monotonic,
        }
    }

    /// What can be said of `user`, who is watched from now on if they have presence. `can_wait`: the
    /// asker can still wait.
    pub(crate) fn lookup(&mut self, user: &UserRef, can_wait: bool, now: ClockReading) -> Lookup {
        let Some(directory) = &self.directory else {
            return self.pending(can_wait, now);
        };
        let email = match directory.find(user) {
            Some(member) if !self.allowed.includes(member) => {
                return Lookup::Nobody(NoPresenceReason::NoSuchUser);
            }
            Some(Member { kind: Kind::Human, email, .. }) => email.clone(),
            Some(Member { kind: Kind::Bot, .. }) => return Lookup::Nobody(NoPresenceReason::Bot),
            Some(_) => return Lookup::Nobody(NoPresenceReason::NoSuchUser),
            None => {
                if self.allowed.could_include(user) {
                    self.refresh_directory_for_unknown(now);
                }
                return Lookup::Nobody(NoPresenceReason::NoSuchUser);
            }
        };
        self.watch(&email, now);
        let watched = &self.watched[&email];
        match (self.watchlist.observation(&email), &watched.single) {
            _ if !watched.covered && self.may_be_answered_in_time(can_wait, now) => Lookup::Pending,
            (Some(Some(observed)), single) => {
                let single = single.and_then(Result::ok);
                let said = self
                    .said
                    .get(&email)
                    .copied()
                    .or(single)
                    .unwrap_or_else(|| PresenceEntry::from_presence(&observed.presence));
                Lookup::CachedPresence(Box::new(CachedPresence { said, observed }))
            }
            (Some(None), Some(Err(why))) => Lookup::NoData(*why),
            (Some(None), _) => Lookup::NoData(NoPresenceReason::NoData),
            (None, _) if watched.covered => Lookup::NoData(NoPresenceReason::NoData),
            (None, _) => Lookup::Unavailable,
        }
    }

    fn pending(&self, can_wait: bool, now: ClockReading) -> Lookup {
        if self.may_be_answered_in_time(can_wait, now) {
            Lookup::Pending
        } else {
            Lookup::Unavailable
        }
    }

    /// Whether Zulip may answer in time.
    fn may_be_answered_in_time(&self, can_wait: bool, now: ClockReading) -> bool {
        let under_way = self.directory_refresh.in_flight || !self.asks.is_empty();
        let soon = self.next_step_at.min(self.directory_refresh.due) < now.monotonic + MAX_WAIT;
        can_wait && (self.needs_step || under_way || soon)
    }

    fn watch(&mut self, email: &UserRef, now: ClockReading) {
        if let Some(watched) = self.watched.get_mut(email) {
            watched.asked_at = now.monotonic;
            return;
        }
        let covered = self
            .realm_asked_at
            .is_some_and(|at| now.monotonic.saturating_sub(at) <= self.policy.refresh);
        self.watchlist.watch(email, now);
        self.watchlist.show(email);
        self.watched
            .insert(email.clone(), Watched { asked_at: now.monotonic, covered, single: None });
        self.needs_step = true;
    }

    fn refresh_directory_for_unknown(&mut self, now: ClockReading) {
        let earliest =
            self.directory_refresh.last.map_or(now.monotonic, |last| last + DIRECTORY_GAP);
        if self.directory_refresh.failures == 0 && earliest < self.directory_refresh.due {
            self.directory_refresh.due = earliest.max(now.monotonic);
            self.needs_step = true;
        }
    }

    /// What is to be done now. Call it after whatever happened, and when the last work's wait is
    /// over.
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
        for id in &step.cancelled {
            if let Some(ask) = self.asks.remove(id) {
                self.record_failure(&ask);
            }
        }
        for Request { id, query } in &step.requests {
            self.asks.insert(*id, query.clone());
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
        Actions { abandoned: step.cancelled, requests: step.requests, directory, wait }
    }

    /// Lets go of whoever was not asked for lately.
    fn release(&mut self, now: ClockReading) {
        let over = |watched: &Watched| now.monotonic.saturating_sub(watched.asked_at) >= WATCH_TTL;
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

    /// Takes in a reply of Zulip to `id`.
    pub(crate) fn answered(
        &mut self,
        id: RequestId,
        news: ParsedResponse,
        asked_at: Duration,
        now: ClockReading,
    ) {
        let Some(ask) = self.asks.remove(&id) else {
            return;
        };
        match (news.said, ask) {
            (Payload::User(said), Query::User(user)) => {
                if let Some(watched) = self.watched.get_mut(&user) {
                    watched.single = Some(said);
                }
            }
            (Payload::Realm(said), _) => self.apply_realm(said, asked_at),
            (Payload::User(_), _) => {}
        }
        self.watchlist.handle_response(id, news.answer, now);
        self.record_success(now);
    }

    fn apply_realm(&mut self, said: HashMap<UserRef, PresenceEntry>, asked_at: Duration) {
        self.realm_asked_at = Some(asked_at);
        for (email, watched) in &mut self.watched {
            watched.covered = true;
            // Zulip leaves out whoever was away for 14 days; what it said of them before stands.
            if let (Some(before), false, None) =
                (self.said.get(email), said.contains_key(email), &watched.single)
            {
                watched.single = Some(Ok(*before));
            }
        }
        self.said = said;
    }

    /// No reply came to `id`.
    pub(crate) fn failed(&mut self, id: RequestId, failure: RequestError, now: ClockReading) {
        if let Some(ask) = self.asks.remove(&id) {
            self.record_failure(&ask);
            if let RequestError::RateLimited { .. } | RequestError::Unauthorized = failure {
                self.directory_refresh.due = self
                    .directory_refresh
                    .due
                    .max(now.monotonic + imposed(failure).unwrap_or_default());
            }
        }
        self.watchlist.handle_error(id, failure, now);
    }

    fn record_failure(&mut self, ask: &Query) {
        if !matches!(ask, Query::User(_)) {
            self.healthy = false;
        }
    }

    fn record_success(&mut self, now: ClockReading) {
        self.healthy = true;
        self.last_answer_at = Some(now.monotonic);
    }

    /// Takes in the directory.
    pub(crate) fn directory_fetched(&mut self, directory: Directory, now: ClockReading) {
        self.directory_refresh = DirectoryRefresh {
            due: now.monotonic + DIRECTORY_INTERVAL,
            in_flight: false,
            failures: 0,
            last: self.directory_refresh.last,
        };
        self.directory = Some(directory);
        self.record_success(now);
        self.drop_hidden_people(now);
    }

    /// The directory did not come.
    pub(crate) fn directory_failed(&mut self, failure: RequestError, now: ClockReading) {
        let doubled = DIRECTORY_RETRY * 2_u32.pow(self.directory_refresh.failures.min(6));
        let wait = imposed(failure).unwrap_or_default().max(doubled.min(DIRECTORY_GAP));
        let failures = self.directory_refresh.failures.saturating_add(1);
        self.directory_refresh = DirectoryRefresh {
            due: now.monotonic + wait,
            in_flight: false,
            failures,
            last: self.directory_refresh.last,
        };
        self.healthy = false;
    }

    /// Zulip is asked by another account from now on: what it said to the former one is no reason
    /// to wait, and the new one may see other people.
    pub(crate) fn credentials_changed(&mut self, now: ClockReading) {
        self.directory_refresh.due = now.monotonic;
        self.directory_refresh.failures = 0;
        self.watchlist.account_changed(now);
        self.needs_step = true;
    }

    /// Other people may be seen from now on.
    pub(crate) fn allow(&mut self, allowed: AllowList, now: ClockReading) {
        self.allowed = allowed;
        self.drop_hidden_people(now);
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

    /// How answers are to be rendered now.
    #[must_use]
    pub(crate) fn render(&self, now: ClockReading) -> RenderOptions {
        RenderOptions {
            now: self.watchlist.server_now(now),
            offline_threshold: self.policy.offline_threshold,
            hide_times: self.policy.hide_times,
        }
    }

    /// How long a reply may be kept: until Zulip is asked again, at least a second.
    #[must_use]
    pub(crate) fn max_age(&self, now: ClockReading) -> Duration {
        let next = self.realm_asked_at.unwrap_or_default() + self.policy.refresh;
        next.saturating_sub(now.monotonic).min(self.policy.refresh).max(MIN_MAX_AGE)
    }

    /// How long a cache may serve a reply past that.
    #[must_use]
    pub(crate) fn stale_while_revalidate(&self) -> Duration {
        delays::stale_while_revalidate(self.policy.refresh)
    }

    /// When it is worth coming back after "unavailable".
    #[must_use]
    pub(crate) fn retry_after(&self, now: ClockReading) -> Duration {
        self.next_step_at
            .saturating_sub(now.monotonic)
            .clamp(Duration::from_secs(1), Duration::from_secs(60))
    }

    /// Whether Zulip's last reply was of use.
    #[must_use]
    pub(crate) fn is_healthy(&self) -> bool {
        self.healthy
    }

    /// How many people are watched.
    #[must_use]
    pub(crate) fn watched(&self) -> usize {
        self.watched.len()
    }

    /// How old Zulip's last answer is.
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

/// The wait that a failure asks for.
fn imposed(failure: RequestError) -> Option<Duration> {
    match failure {
        RequestError::Unauthorized => Some(UNAUTHORIZED_WAIT),
        RequestError::RateLimited { retry_after } | RequestError::Status { retry_after, .. } => {
            retry_after.map(|wait| wait.min(UNAUTHORIZED_WAIT))
        }
        RequestError::Unreachable | RequestError::TimedOut | RequestError::InvalidResponse => None,
    }
}
