//! What the gateway knows: the core's engine, the directory, and what Zulip said of whom. No I/O;
//! `now` is an argument.

#[cfg(test)]
mod simulation;

use std::collections::HashMap;
use std::time::Duration;

use zulip_presence_core::reply::{NoPresenceReason, RequestError};
use zulip_presence_core::watchlist::{
    self, Endpoint, Query, Request, RequestId, Response, Settings,
};
use zulip_presence_core::{ClockReading, OFFLINE_THRESHOLD, Observation, UserRef, Watchlist};

use crate::config::allow_list::Allowed;
use crate::http::response_cache::KEPT_FOR;
use crate::zulip::client::Reply;
use crate::zulip::directory::{Directory, Kind, Member};
use crate::zulip::wire::{Render, Said};

/// Asked for within this time is watched.
const WATCHED_FOR: Duration = Duration::from_secs(300);
/// The directory is fetched again after this, whatever happens.
const DIRECTORY_INTERVAL: Duration = Duration::from_secs(3600);
/// Unknown users make it be fetched at most this often.
const DIRECTORY_GAP: Duration = Duration::from_secs(300);
/// The first wait after a failed fetch; it doubles up to [`DIRECTORY_GAP`].
const DIRECTORY_RETRY: Duration = Duration::from_secs(5);
/// After a 401 only a person can mend it.
const UNAUTHORIZED_WAIT: Duration = Duration::from_secs(900);
/// How long a page's request may wait for Zulip.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The oldest claim of somebody who is there: a report every 60 s, stored at most every 55 s
/// (ZULIP.md §3).
const LAG: Duration = Duration::from_secs(65);
/// The longest time between two requests of a page: 60 s and a tenth.
const PAGE_INTERVAL: Duration = Duration::from_secs(66);
/// A reply may be kept for so long, even if Zulip is just being asked.
const LEAST_FRESH: Duration = Duration::from_secs(1);
/// The longest that a cache may serve a reply while it fetches a newer one.
const MAX_STALE: Duration = Duration::from_secs(10);

/// How to keep it.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
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

impl Policy {
    /// How long a cache may serve a reply past its time while it fetches a newer one: what all
    /// other delays leave of the threshold at which Zulip itself says offline (DESIGN.md §2).
    /// Whole seconds, as the header has them.
    #[must_use]
    pub(crate) fn stale_for(&self) -> Duration {
        let others = LAG
            + self.refresh
            + self.refresh / 10
            + KEPT_FOR
            + LEAST_FRESH
            + PAGE_INTERVAL
            + watchlist::TIMEOUT;
        Duration::from_secs(OFFLINE_THRESHOLD.saturating_sub(others).min(MAX_STALE).as_secs())
    }
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Store {
    policy: Policy,
    watchlist: Watchlist,
    allowed: Allowed,
    directory: Option<Directory>,
    fetch: Fetch,
    /// By email: everybody of the last organisation-wide reply.
    said: HashMap<UserRef, Said>,
    watched: HashMap<UserRef, Watched>,
    /// Requests under way.
    asks: HashMap<RequestId, Query>,
    realm_asked_at: Option<Duration>,
    last_answer_at: Option<Duration>,
    healthy: bool,
    /// Somebody came since the last step.
    dirty: bool,
    next_step_at: Duration,
}

/// When the directory is to be fetched.
#[derive(Debug, Default)]
struct Fetch {
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
    single: Option<Result<Said, NoPresenceReason>>,
}

/// What can be said of somebody.
#[derive(Clone, Debug)]
pub(crate) enum Asked {
    /// Zulip has no presence for them, and never will while the directory stands.
    Nobody(NoPresenceReason),
    /// Zulip's answer.
    Known(Box<Known>),
    /// Zulip was asked, and has no data.
    NoData(NoPresenceReason),
    /// Wait: Zulip is being asked.
    Pending,
    /// Zulip cannot be asked now.
    Unavailable,
}

/// An answer of Zulip.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// Field by field.
    pub(crate) said: Said,
    /// As the engine reads it.
    pub(crate) observed: Observation,
}

/// A reply of Zulip, read: for 20,000 people that takes a while, in which nobody shall wait for the
/// store.
#[derive(Debug)]
pub(crate) struct News {
    answer: Response,
    said: WhatWasSaid,
}

#[derive(Debug)]
enum WhatWasSaid {
    OfOne(Result<Said, NoPresenceReason>),
    OfAll(HashMap<UserRef, Said>),
}

impl News {
    /// Reads the reply to `ask`.
    ///
    /// # Errors
    /// Why it is of no use.
    pub(crate) fn read(ask: &Query, reply: &Reply) -> Result<Self, RequestError> {
        match ask {
            Query::User(_) => {
                let answer = reply.single()?;
                let said = answer.content.map(|presence| {
                    Said::of_single(&reply.body).unwrap_or_else(|| Said::of_claims(&presence))
                });
                Ok(Self { answer: Response::User(answer), said: WhatWasSaid::OfOne(said) })
            }
            Query::Group(_) | Query::AllUsers => Ok(Self {
                answer: Response::Realm(reply.realm()?),
                said: WhatWasSaid::OfAll(Said::of_realm(&reply.body)),
            }),
        }
    }
}

/// What to do now.
#[derive(Debug, Default)]
pub(crate) struct Work {
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
    pub(crate) fn new(policy: Policy, allowed: Allowed, now: ClockReading) -> Self {
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
            fetch: Fetch { due: now.monotonic, ..Fetch::default() },
            said: HashMap::new(),
            watched: HashMap::new(),
            asks: HashMap::new(),
            realm_asked_at: None,
            last_answer_at: None,
            healthy: false,
            dirty: true,
            next_step_at: now.monotonic,
        }
    }

    /// What can be said of `user`, who is watched from now on if they have presence. `patient`: the
    /// asker can still wait.
    pub(crate) fn ask(&mut self, user: &UserRef, patient: bool, now: ClockReading) -> Asked {
        let Some(directory) = &self.directory else {
            return self.pending(patient, now);
        };
        let email = match directory.find(user) {
            Some(member) if !self.allowed.includes(member) => {
                return Asked::Nobody(NoPresenceReason::NoSuchUser);
            }
            Some(Member { kind: Kind::Human, email, .. }) => email.clone(),
            Some(Member { kind: Kind::Bot, .. }) => return Asked::Nobody(NoPresenceReason::Bot),
            Some(_) => return Asked::Nobody(NoPresenceReason::NoSuchUser),
            None => {
                if self.allowed.could_include(user) {
                    self.fetch_for_unknown(now);
                }
                return Asked::Nobody(NoPresenceReason::NoSuchUser);
            }
        };
        self.watch(&email, now);
        let watched = &self.watched[&email];
        match (self.watchlist.observation(&email), &watched.single) {
            _ if !watched.covered && self.pending_is_worth_it(patient, now) => Asked::Pending,
            (Some(Some(observed)), single) => {
                let single = single.and_then(Result::ok);
                let said = self
                    .said
                    .get(&email)
                    .copied()
                    .or(single)
                    .unwrap_or_else(|| Said::of_claims(&observed.presence));
                Asked::Known(Box::new(Known { said, observed }))
            }
            (Some(None), Some(Err(why))) => Asked::NoData(*why),
            (Some(None), _) => Asked::NoData(NoPresenceReason::NoData),
            (None, _) if watched.covered => Asked::NoData(NoPresenceReason::NoData),
            (None, _) => Asked::Unavailable,
        }
    }

    fn pending(&self, patient: bool, now: ClockReading) -> Asked {
        if self.pending_is_worth_it(patient, now) { Asked::Pending } else { Asked::Unavailable }
    }

    /// Whether Zulip may answer in time.
    fn pending_is_worth_it(&self, patient: bool, now: ClockReading) -> bool {
        let under_way = self.fetch.in_flight || !self.asks.is_empty();
        let soon = self.next_step_at.min(self.fetch.due) < now.monotonic + PATIENCE;
        patient && (self.dirty || under_way || soon)
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
        self.dirty = true;
    }

    fn fetch_for_unknown(&mut self, now: ClockReading) {
        let earliest = self.fetch.last.map_or(now.monotonic, |last| last + DIRECTORY_GAP);
        if self.fetch.failures == 0 && earliest < self.fetch.due {
            self.fetch.due = earliest.max(now.monotonic);
            self.dirty = true;
        }
    }

    /// What is to be done now. Call it after whatever happened, and when the last work's wait is
    /// over.
    pub(crate) fn step(&mut self, now: ClockReading) -> Work {
        self.release(now);
        let directory = !self.fetch.in_flight
            && self.fetch.due <= now.monotonic
            && self.watchlist.try_acquire(now);
        if directory {
            self.fetch.in_flight = true;
            self.fetch.last = Some(now.monotonic);
        }
        let step = self.watchlist.step(now);
        for id in &step.cancelled {
            if let Some(ask) = self.asks.remove(id) {
                self.note_failure(&ask);
            }
        }
        for Request { id, query } in &step.requests {
            self.asks.insert(*id, query.clone());
        }
        let fetch = (!self.fetch.in_flight)
            .then(|| self.fetch.due.saturating_sub(now.monotonic).max(Duration::from_secs(1)));
        let wait = [step.next_wakeup, fetch, Some(WATCHED_FOR / 10)]
            .into_iter()
            .flatten()
            .min()
            .unwrap_or_default();
        self.dirty = false;
        self.next_step_at = now.monotonic + wait;
        Work { abandoned: step.cancelled, requests: step.requests, directory, wait }
    }

    /// Lets go of whoever was not asked for lately.
    fn release(&mut self, now: ClockReading) {
        let over =
            |watched: &Watched| now.monotonic.saturating_sub(watched.asked_at) >= WATCHED_FOR;
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
        news: News,
        asked_at: Duration,
        now: ClockReading,
    ) {
        let Some(ask) = self.asks.remove(&id) else {
            return;
        };
        match (news.said, ask) {
            (WhatWasSaid::OfOne(said), Query::User(user)) => {
                if let Some(watched) = self.watched.get_mut(&user) {
                    watched.single = Some(said);
                }
            }
            (WhatWasSaid::OfAll(said), _) => self.take_realm(said, asked_at),
            (WhatWasSaid::OfOne(_), _) => {}
        }
        self.watchlist.handle_response(id, news.answer, now);
        self.note_success(now);
    }

    fn take_realm(&mut self, said: HashMap<UserRef, Said>, asked_at: Duration) {
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
            self.note_failure(&ask);
            if let RequestError::RateLimited { .. } | RequestError::Unauthorized = failure {
                self.fetch.due =
                    self.fetch.due.max(now.monotonic + imposed(failure).unwrap_or_default());
            }
        }
        self.watchlist.handle_error(id, failure, now);
    }

    fn note_failure(&mut self, ask: &Query) {
        if !matches!(ask, Query::User(_)) {
            self.healthy = false;
        }
    }

    fn note_success(&mut self, now: ClockReading) {
        self.healthy = true;
        self.last_answer_at = Some(now.monotonic);
    }

    /// Takes in the directory.
    pub(crate) fn directory_arrived(&mut self, directory: Directory, now: ClockReading) {
        self.fetch = Fetch {
            due: now.monotonic + DIRECTORY_INTERVAL,
            in_flight: false,
            failures: 0,
            last: self.fetch.last,
        };
        self.directory = Some(directory);
        self.note_success(now);
        self.forget_the_unseen(now);
    }

    /// The directory did not come.
    pub(crate) fn directory_failed(&mut self, failure: RequestError, now: ClockReading) {
        let doubled = DIRECTORY_RETRY * 2_u32.pow(self.fetch.failures.min(6));
        let wait = imposed(failure).unwrap_or_default().max(doubled.min(DIRECTORY_GAP));
        let failures = self.fetch.failures.saturating_add(1);
        self.fetch =
            Fetch { due: now.monotonic + wait, in_flight: false, failures, last: self.fetch.last };
        self.healthy = false;
    }

    /// Zulip is asked by another account from now on: what it said to the former one is no reason
    /// to wait, and the new one may see other people.
    pub(crate) fn account_changed(&mut self, now: ClockReading) {
        self.fetch.due = now.monotonic;
        self.fetch.failures = 0;
        self.watchlist.account_changed(now);
        self.dirty = true;
    }

    /// Other people may be seen from now on.
    pub(crate) fn allow(&mut self, allowed: Allowed, now: ClockReading) {
        self.allowed = allowed;
        self.forget_the_unseen(now);
    }

    fn forget_the_unseen(&mut self, now: ClockReading) {
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
    pub(crate) fn render(&self, now: ClockReading) -> Render {
        Render {
            now: self.watchlist.server_now(now),
            offline_threshold: self.policy.offline_threshold,
            hide_times: self.policy.hide_times,
        }
    }

    /// How long a reply may be kept: until Zulip is asked again, at least a second.
    #[must_use]
    pub(crate) fn fresh_for(&self, now: ClockReading) -> Duration {
        let next = self.realm_asked_at.unwrap_or_default() + self.policy.refresh;
        next.saturating_sub(now.monotonic).min(self.policy.refresh).max(LEAST_FRESH)
    }

    /// How long a cache may serve a reply past that.
    #[must_use]
    pub(crate) fn stale_for(&self) -> Duration {
        self.policy.stale_for()
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
