//! The engine under any sequence of events: who is asked when, and what is shown of whom.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use zulip_presence_core::reply::{
    NoPresenceReason, RealmPresence, Reply, RequestError, UserPresence,
};
use zulip_presence_core::watchlist::{
    Actions, Endpoint, MAX_GROUP, MAX_GROUP_BYTES, MAX_IN_FLIGHT, MAX_USER_QUERIES, PollSettings,
    Query, Request, RequestId, Response, View,
};
use zulip_presence_core::{ClockReading, Presence, Status, Timestamp, UserRef, Watchlist};

const MINUTE_MS: u64 = 60_000;
/// How long an entry outlives its last watcher, and a request at most its start.
const LEFT_BEHIND: Duration = Duration::from_secs(300 + 10);
/// People named one by one; the events about many make more.
const FEW: u8 = 8;
/// Most steps in a row that a driver makes without anything to do: each person's answer may age and
/// be forgotten meanwhile.
const MOST_IDLE_STEPS: usize = 20;
/// No page lives longer than this at a stretch.
const AGES: Duration = Duration::from_secs(10 * 365 * 86_400);
/// Local clocks that are apart by less have not jumped.
const JUMP: Duration = Duration::from_secs(5);
/// The servers' true time at the beginning.
const SERVER_START_MS: i64 = 1_800_000_000_000;

/// Checks the engine under the events that `input` spells.
///
/// # Errors
/// None: `Unstructured` gives the first choice once the bytes are used up.
pub fn check(input: &[u8]) -> Result<()> {
    let mut bytes = Unstructured::new(input);
    let mut page = Page::new(&mut bytes)?;
    while !bytes.is_empty() {
        page.happen(&mut bytes)?;
    }
    page.leave();
    Ok(())
}

#[derive(Clone, Copy, Default)]
struct Watchers {
    all: u32,
    on_screen: u32,
}

/// What a page knows by itself of one watchlist, to hold against what the engine says.
struct Page {
    list: Watchlist,
    budget: u32,
    now: ClockReading,
    /// True milliseconds since the start; only a sleep goes by without the monotonic clock.
    true_ms: u64,
    /// How much earlier than it is the engine may believe it to be.
    missed: Duration,
    asleep: bool,
    /// Whether something happened since the last step that may change what is to be done.
    dirty: bool,
    wait: Option<Duration>,
    watchers: BTreeMap<UserRef, Watchers>,
    refreshed: BTreeSet<UserRef>,
    in_flight: BTreeMap<RequestId, Query>,
    /// Requests that the engine gave up.
    given_up: Vec<RequestId>,
    starts: Vec<u64>,
    singles: Vec<u64>,
    shown: BTreeMap<UserRef, View>,
    /// When somebody was last heard of, in true milliseconds.
    heard: BTreeMap<UserRef, u64>,
}

impl Page {
    fn new(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let endpoint = *bytes.choose(&[
            Endpoint::Gateway,
            Endpoint::Zulip { verified_users: false },
            Endpoint::Zulip { verified_users: true },
        ])?;
        let interval = Duration::from_secs(bytes.int_in_range(10..=60)?);
        let offline_threshold = *bytes.choose(&[None, Some(60), Some(200), Some(3_600)])?;
        let budget = *bytes.choose(&[60, 1, 3, 200])?;
        let settings = PollSettings::new(endpoint)
            .interval(interval)
            .offline_threshold(offline_threshold.map(Duration::from_secs))
            .budget(budget)
            .seed(u64::from(bytes.arbitrary::<u8>()?));
        let wall_ms = match bytes.int_in_range(0..=3)? {
            0 | 1 => SERVER_START_MS,
            2 => SERVER_START_MS - 86_400_000,
            _ => anywhen_ms(bytes)?,
        };
        let monotonic = if bytes.ratio(1, 8)? {
            Duration::from_nanos(bytes.arbitrary()?)
        } else {
            Duration::from_micros(1_234_567)
        };
        let now = ClockReading { wall: Timestamp::from_ms(wall_ms), monotonic };
        Ok(Self {
            list: Watchlist::new(settings, now),
            budget,
            now,
            true_ms: 0,
            missed: Duration::ZERO,
            asleep: false,
            dirty: true,
            wait: None,
            watchers: BTreeMap::new(),
            refreshed: BTreeSet::new(),
            in_flight: BTreeMap::new(),
            given_up: Vec::new(),
            starts: Vec::new(),
            singles: Vec::new(),
            shown: BTreeMap::new(),
            heard: BTreeMap::new(),
        })
    }

    fn happen(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        let event = bytes.int_in_range(0..=24)?;
        if !matches!(event, 16..=19) {
            self.dirty = true;
        }
        match event {
            0 | 1 => {
                let user = somebody(bytes)?;
                self.watch(&user);
                self.show(&user);
            }
            2 => self.watch(&somebody(bytes)?),
            3 => self.show(&somebody(bytes)?),
            4 => self.hide(&somebody(bytes)?),
            5 => self.unwatch(&somebody(bytes)?),
            6 => self.refresh(&somebody(bytes)?),
            7 => (0..bytes.int_in_range(0..=119)?).for_each(|n| {
                self.watch(&one_of_many(n));
                self.show(&one_of_many(n));
            }),
            8 => (bytes.int_in_range(0..=59)?..120).for_each(|n| self.unwatch(&one_of_many(n))),
            9 => {
                self.list.sleep();
                self.asleep = true;
            }
            10 => {
                self.list.wake(self.now);
                self.asleep = false;
            }
            11 => self.list.online(self.now),
            12 => {
                // A sleep: the monotonic clock stands still.
                let before = self.now.wall;
                self.now.wall = before + span(bytes)?.min(AGES);
                self.true_ms += ms(before.age(self.now.wall));
            }
            13 => self.set_clock(bytes)?,
            14 => {
                if self.list.try_acquire(self.now) {
                    self.starts.push(self.true_ms);
                }
            }
            15 => self.fail(bytes)?,
            16 => self.step(),
            17 => self.pass(span(bytes)?.min(AGES)),
            18 | 19 => self.live(bytes.int_in_range(0..=11)?),
            20..=22 => self.answer(bytes)?,
            24 => self.list.hint(self.now),
            _ => self.answer_amiss(bytes)?,
        }
        Ok(())
    }

    fn watch(&mut self, user: &UserRef) {
        self.list.watch(user, self.now);
        self.watchers.entry(user.clone()).or_default().all += 1;
    }

    fn show(&mut self, user: &UserRef) {
        self.list.show(user);
        if let Some(watchers) = self.watchers.get_mut(user) {
            watchers.on_screen = (watchers.on_screen + 1).min(watchers.all);
        }
    }

    fn hide(&mut self, user: &UserRef) {
        self.list.hide(user);
        if let Some(watchers) = self.watchers.get_mut(user) {
            watchers.on_screen = watchers.on_screen.saturating_sub(1);
        }
    }

    fn unwatch(&mut self, user: &UserRef) {
        self.list.unwatch(user, self.now);
        if let Some(watchers) = self.watchers.get_mut(user) {
            watchers.all = watchers.all.saturating_sub(1);
            watchers.on_screen = watchers.on_screen.min(watchers.all);
            if watchers.all == 0 {
                self.shown.remove(user);
            }
        }
    }

    fn refresh(&mut self, user: &UserRef) {
        self.list.refresh(user, self.now);
        if self.watched(user) {
            self.refreshed.insert(user.clone());
        }
    }

    fn watched(&self, user: &UserRef) -> bool {
        self.watchers.get(user).is_some_and(|watchers| watchers.all > 0)
    }

    /// The viewer sets the wall clock, by an hour mostly.
    fn set_clock(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        self.step();
        let before = self.now.wall;
        self.now.wall = match bytes.int_in_range(0..=3)? {
            0 => before + span(bytes)?.min(AGES),
            1 => before - span(bytes)?,
            2 => Timestamp::from_ms(SERVER_START_MS),
            _ => Timestamp::from_ms(anywhen_ms(bytes)?),
        };
        self.dirty = true;
        if self.now.wall > before {
            // The engine takes it for a sleep: its minute may be over.
            self.starts.clear();
            self.singles.clear();
        }
        // Of a sleep that follows the engine misses what it did not take for a jump.
        self.missed +=
            Some(self.now.wall.age(before)).filter(|back| *back <= JUMP).unwrap_or_default();
        self.step();
        Ok(())
    }

    /// Time goes by on both clocks.
    fn pass(&mut self, span: Duration) {
        if self.wait.is_some_and(|wait| span >= wait) {
            self.dirty = true;
        }
        self.wait = self.wait.map(|wait| wait.saturating_sub(span));
        self.now.wall = self.now.wall + span;
        self.now.monotonic += span;
        self.true_ms += ms(span);
    }

    /// Does as a driver does while nothing happens.
    fn live(&mut self, turns: u8) {
        let mut idle = 0;
        for _ in 0..turns {
            self.step();
            let Some(wait) = self.wait else {
                return;
            };
            let before = (self.in_flight.len(), self.shown.clone(), self.list.is_empty());
            self.pass(wait);
            self.step();
            let after = (self.in_flight.len(), self.shown.clone(), self.list.is_empty());
            idle = if before == after { idle + 1 } else { 0 };
            assert!(idle <= MOST_IDLE_STEPS || ms(wait) > 100, "spins");
        }
    }

    fn step(&mut self) {
        let step = self.list.step(self.now);
        if !self.dirty {
            let quiet =
                step.cancelled.is_empty() && step.requests.is_empty() && step.changes.is_empty();
            assert!(quiet, "there was something to do before the wait was over: {step:?}");
        }
        self.dirty = false;
        assert_ne!(step.next_wakeup, Some(Duration::ZERO), "a wait of nothing spins");
        self.check_requests(&step);
        self.check_changes(&step);
        self.wait = step.next_wakeup;
        let again = self.list.step(self.now);
        assert!(
            again.cancelled.is_empty() && again.requests.is_empty() && again.changes.is_empty(),
            "a second step did more: {again:?}"
        );
        assert_eq!(again.next_wakeup, self.wait, "a second step waits differently");
        self.check_views();
    }

    fn check_requests(&mut self, step: &Actions) {
        for Request { id, .. } in &step.cancelled {
            assert!(self.in_flight.remove(id).is_some(), "gave up what was not under way");
            self.given_up.push(*id);
        }
        assert!(!self.asleep || step.requests.is_empty(), "asked while hidden");
        for request in &step.requests {
            self.check_ask(&request.query);
            assert!(
                self.in_flight.insert(request.id, request.query.clone()).is_none(),
                "two requests of one name"
            );
            self.starts.push(self.true_ms);
            if matches!(request.query, Query::User(_)) {
                self.singles.push(self.true_ms);
            }
        }
        assert!(self.in_flight.len() <= MAX_IN_FLIGHT, "{} in flight", self.in_flight.len());
        let now = self.true_ms;
        self.starts.retain(|start| now - start < MINUTE_MS);
        self.singles.retain(|start| now - start < MINUTE_MS);
        assert!(
            self.starts.len() <= self.budget as usize,
            "{} requests in a minute",
            self.starts.len()
        );
        assert!(
            self.singles.len() <= MAX_USER_QUERIES as usize,
            "{} singles in a minute",
            self.singles.len()
        );
    }

    fn check_ask(&mut self, ask: &Query) {
        for other in self.in_flight.values() {
            let clash = match (ask, other) {
                (Query::Group(ours), Query::Group(theirs)) => {
                    ours.iter().any(|user| theirs.contains(user))
                }
                (ours, theirs) => ours == theirs,
            };
            assert!(!clash, "{ask:?} while {other:?} is under way");
        }
        let path = ask.path();
        let about = match ask {
            Query::User(user) | Query::Message(user) => std::slice::from_ref(user),
            Query::Group(users) => {
                assert!(
                    users.len() <= MAX_GROUP && path.len() <= MAX_GROUP_BYTES,
                    "{} people, {} bytes",
                    users.len(),
                    path.len()
                );
                assert!(users.is_sorted_by(|a, b| a < b), "{users:?}");
                users
            }
            Query::AllUsers | Query::Stream(_) => {
                let emails =
                    self.watchers.iter().filter(|(user, _)| matches!(user, UserRef::Email(_)));
                assert!(
                    emails.map(|(_, watchers)| watchers.all).sum::<u32>() > 0,
                    "asked for everybody, and watches nobody"
                );
                return;
            }
        };
        assert!(
            about.iter().all(|user| self.watched(user)),
            "asked about somebody whom nobody watches: {about:?}"
        );
        let wanted = about
            .iter()
            .any(|user| self.watchers[user].on_screen > 0 || self.refreshed.contains(user));
        // A group into which a refreshed one was joined is asked for them all.
        assert!(
            wanted || !self.refreshed.is_empty(),
            "asked though nobody is on screen: {about:?}"
        );
    }

    fn check_changes(&mut self, step: &Actions) {
        for change in &step.changes {
            assert!(self.watched(&change.user), "a change of somebody whom nobody watches");
            let before = self.shown.insert(change.user.clone(), change.after.clone());
            let before = before.unwrap_or_default();
            assert_eq!(change.before, before, "{} was shown otherwise", change.user);
            assert_ne!(change.before, change.after, "no change");
        }
        for (user, watchers) in &self.watchers {
            if watchers.all > 0 {
                let shown = self.shown.get(user).cloned().unwrap_or_default();
                assert_eq!(self.list.view(user, self.now), shown, "{user} changed without a word");
            }
        }
    }

    fn check_views(&self) {
        let server_now = self.list.server_now(self.now);
        if server_now == Timestamp::from_ms(i64::MAX) {
            // The viewer set the clock beyond what a timestamp can hold: it stands still there.
            return;
        }
        let offline_threshold = self.list.offline_threshold();
        for user in self.watchers.keys() {
            let view = self.list.view(user, self.now);
            let observed = self.list.observation(user).and_then(Result::ok);
            let claim = match view.status {
                Status::Unknown => continue,
                Status::Offline => None,
                Status::Active => observed.and_then(|observed| observed.presence.last_active),
                Status::Idle => observed.and_then(|observed| observed.presence.last_connected),
            };
            if view.status != Status::Offline {
                assert!(
                    claim.is_some_and(|claim| claim.age(server_now) <= offline_threshold),
                    "{user}: {} on an old claim",
                    view.status
                );
            }
            let heard = self.heard.get(user).expect("a status out of nothing");
            let silence = Duration::from_millis(self.true_ms - heard);
            assert!(
                silence <= offline_threshold + self.missed,
                "{user}: {} though nothing was heard for {silence:?}",
                view.status
            );
        }
    }

    fn flight(&self, bytes: &mut Unstructured<'_>) -> Result<Option<RequestId>> {
        let place = usize::from(bytes.arbitrary::<u8>()?) % self.in_flight.len().max(1);
        Ok(self.in_flight.keys().nth(place).copied())
    }

    fn fail(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        let id = self.flight(bytes)?;
        let failure = failure(bytes)?;
        if let Some(id) = id {
            self.in_flight.remove(&id);
            self.list.handle_error(id, failure, self.now);
        }
        Ok(())
    }

    fn answer(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        let Some(id) = self.flight(bytes)? else {
            return Ok(());
        };
        let Some(ask) = self.in_flight.remove(&id) else {
            return Ok(());
        };
        let server = SERVER_START_MS.saturating_add_unsigned(self.true_ms);
        let answer = match &ask {
            Query::Message(_) => Response::Message(reply(None, bytes, server)?),
            Query::User(user) => {
                self.hear(std::slice::from_ref(user));
                let content = user_presence(bytes, server)?;
                Response::User(reply(content, bytes, server)?)
            }
            Query::Group(users) if bytes.ratio(3, 4)? => {
                self.hear(users);
                let realm: RealmPresence = users
                    .iter()
                    .map(|user| Ok((user.clone(), user_presence(bytes, server)?)))
                    .collect::<Result<_>>()?;
                Response::Realm(reply(realm, bytes, server)?)
            }
            Query::Group(_) | Query::Stream(_) | Query::AllUsers => {
                // Zulip itself: everybody by email, whether watched or not; whoever is absent was
                // not there for long.
                let everybody: Vec<_> =
                    (0..FEW).map(few).chain((0..120).map(one_of_many)).collect();
                self.hear(&everybody);
                let emails = everybody.into_iter().filter(|user| matches!(user, UserRef::Email(_)));
                let mut realm = Vec::new();
                for user in emails {
                    if bytes.ratio(2, 3)? {
                        realm.push((user, user_presence(bytes, server)?));
                    }
                }
                Response::Realm(reply(realm.into_iter().collect(), bytes, server)?)
            }
        };
        self.list.handle_response(id, answer, self.now);
        Ok(())
    }

    fn hear(&mut self, users: &[UserRef]) {
        for user in users {
            self.heard.insert(user.clone(), self.true_ms);
        }
    }

    /// An answer to what was not asked, or is asked no longer.
    fn answer_amiss(&mut self, bytes: &mut Unstructured<'_>) -> Result<()> {
        if let Some(id) = self.given_up.get(usize::from(bytes.arbitrary::<u8>()?)).copied() {
            self.list.handle_response(
                id,
                Response::Realm(reply(RealmPresence::default(), bytes, SERVER_START_MS)?),
                self.now,
            );
            self.list.handle_error(id, failure(bytes)?, self.now);
        } else if let Some(id) = self.flight(bytes)?
            && let Some(ask) = self.in_flight.remove(&id)
        {
            let amiss = match ask {
                Query::User(_) | Query::Message(_) => {
                    Response::Realm(reply(RealmPresence::default(), bytes, SERVER_START_MS)?)
                }
                Query::Group(_) | Query::Stream(_) | Query::AllUsers => {
                    Response::User(reply(Err(NoPresenceReason::Other), bytes, SERVER_START_MS)?)
                }
            };
            self.list.handle_response(id, amiss, self.now);
        }
        Ok(())
    }

    /// All badges go: five minutes later nothing is left, and no timer.
    fn leave(&mut self) {
        for (user, watchers) in self.watchers.clone() {
            (0..watchers.all).for_each(|_| self.unwatch(&user));
        }
        self.dirty = true;
        self.step();
        assert_eq!(self.list.watched(), 0);
        assert!(self.shown.is_empty());
        self.pass(LEFT_BEHIND);
        self.dirty = true;
        self.step();
        assert!(self.list.is_empty(), "something is left: {:?}", self.list);
        assert_eq!(self.wait, None);
    }
}

fn somebody(bytes: &mut Unstructured<'_>) -> Result<UserRef> {
    Ok(few(bytes.int_in_range(0..=FEW - 1)?))
}

fn few(n: u8) -> UserRef {
    if n < FEW / 2 {
        UserRef::Id(u64::from(n))
    } else {
        UserRef::Email(format!("u{n}@example.com").into())
    }
}

/// IDs and emails by turns, every tenth email of the longest kind.
fn one_of_many(n: u8) -> UserRef {
    match n % 20 {
        1 => UserRef::Email(format!("{}{n:03}@example.com", "é".repeat(119)).into()),
        odd if odd % 2 == 1 => UserRef::Email(format!("many{n}@example.com").into()),
        _ => UserRef::Id(1_000 + u64::from(n)),
    }
}

fn user_presence(bytes: &mut Unstructured<'_>, server_ms: i64) -> Result<UserPresence> {
    Ok(presence(bytes, server_ms)?.ok_or(NoPresenceReason::NoData))
}

fn presence(bytes: &mut Unstructured<'_>, server_ms: i64) -> Result<Option<Presence>> {
    let kind = bytes.arbitrary::<u8>()?;
    let presence = Presence {
        last_active: instant_if(kind & 1 > 0, bytes, server_ms)?,
        last_connected: instant_if(kind & 2 > 0, bytes, server_ms)?,
        offline: kind & 28 == 28,
        ..Presence::default()
    };
    Ok((kind & 64 == 0).then_some(presence))
}

/// Any instant but the last 1,000 years of what a timestamp can hold, where clocks stand still.
fn anywhen_ms(bytes: &mut Unstructured<'_>) -> Result<i64> {
    Ok(bytes.arbitrary::<i64>()? % 221_845_000_000_000)
}

/// Somewhere around the server's now, and now and then anywhere.
fn instant(bytes: &mut Unstructured<'_>, server_ms: i64) -> Result<Timestamp> {
    let server_now = Timestamp::from_ms(server_ms);
    Ok(match bytes.int_in_range(0..=15)? {
        15 => Timestamp::from_ms(anywhen_ms(bytes)?),
        14 => server_now + span(bytes)?.min(AGES),
        12..=13 => server_now - span(bytes)?,
        near => server_now - Duration::from_secs(near * 25),
    })
}

fn instant_if(
    wanted: bool,
    bytes: &mut Unstructured<'_>,
    server_ms: i64,
) -> Result<Option<Timestamp>> {
    wanted.then(|| instant(bytes, server_ms)).transpose()
}

fn reply<T>(content: T, bytes: &mut Unstructured<'_>, server_ms: i64) -> Result<Reply<T>> {
    let kind = bytes.arbitrary::<u8>()?;
    let server_timestamp = instant_if(kind & 1 > 0, bytes, server_ms)?;
    let date_lower_bound = instant_if(kind & 2 > 0, bytes, server_ms)?;
    let offline_threshold = (kind & 12 == 12)
        .then(|| span(bytes))
        .transpose()?
        .map(|threshold| threshold.max(Duration::from_millis(1)));
    Ok(Reply { content, server_timestamp, date_lower_bound, offline_threshold })
}

fn failure(bytes: &mut Unstructured<'_>) -> Result<RequestError> {
    let kind = bytes.int_in_range(0..=7)?;
    let retry_after = Some(span(bytes)?).filter(|wait| !wait.is_zero());
    Ok(match kind {
        0 | 1 => RequestError::Unreachable,
        2 => RequestError::TimedOut,
        3 => RequestError::Unauthorized,
        4 => RequestError::RateLimited { retry_after },
        5 => RequestError::Status { code: 503, retry_after },
        6 => RequestError::RateLimited { retry_after: Some(Duration::MAX) },
        _ => RequestError::InvalidResponse,
    })
}

/// A span as they matter here: around the engine's own numbers mostly, and now and then absurd.
fn span(bytes: &mut Unstructured<'_>) -> Result<Duration> {
    let unit_ms = match bytes.int_in_range(0..=7)? {
        0 => 1,
        1 | 2 => 50,
        3 | 4 => 1_000,
        5 => 10_000,
        6 => 3_600_000,
        _ => return Ok(Duration::from_millis(bytes.arbitrary()?)),
    };
    Ok(Duration::from_millis(u64::from(bytes.arbitrary::<u8>()?) * unit_ms))
}

fn ms(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
