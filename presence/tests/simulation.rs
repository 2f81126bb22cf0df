//! Pages, people, failures and clocks over more than 10,000 virtual hours, from seeds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use zulip_presence_core::reply::{NoPresenceReason, Reply, RequestError, UserPresence};
use zulip_presence_core::watchlist::{
    Endpoint, MAX_IN_FLIGHT, Outcome, PollSettings, Query, Request, RequestId, Response,
};
use zulip_presence_core::{
    ClockReading, OFFLINE_THRESHOLD, Presence, Status, Timestamp, UserRef, Watchlist,
};

const SEEDS: u64 = 256;
const HOURS: u64 = 40;
const START_MS: u64 = 1_800_000_000_000;
/// How often each open client reports to the server.
const REPORT_MS: u64 = 60_000;
/// How long a reply of the gateway may be cached before it reaches the page: refresh 33 s and stale
/// 10 s (docs/design.md §5).
const KEPT_MS: u64 = 43_000;

/// The simulator's random numbers, independent of the engine's.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.below(n) == 0
    }

    /// Mostly short, sometimes long: up to `longest` milliseconds.
    fn span(&mut self, longest: u64) -> u64 {
        let order = self.below(4);
        1 + self.below(longest / 10_u64.pow(u32::try_from(order).unwrap_or(0)))
    }
}

#[derive(Clone, Copy, PartialEq)]
enum TrueState {
    There,
    IdleTab,
    Gone,
}

/// A person's true states, each with its start, from which on their clients report.
struct Person {
    user: UserRef,
    course: Vec<(u64, TrueState)>,
    known: bool,
}

impl Person {
    fn new(user: UserRef, known: bool, chance: &mut Chance) -> Self {
        let mut at = 0;
        let mut course = Vec::new();
        while at < (HOURS + 2) * 3_600_000 {
            let state = [TrueState::There, TrueState::IdleTab, TrueState::Gone]
                [usize::try_from(chance.below(3)).unwrap_or(0)];
            course.push((at, state));
            at += chance.span(8 * 3_600_000);
        }
        Self { user, course, known }
    }

    fn segment(&self, now: u64) -> usize {
        self.course.partition_point(|(start, _)| *start <= now).saturating_sub(1)
    }

    /// Since when they have been active without a break; `None` while they are not.
    fn there_since(&self, now: u64) -> Option<u64> {
        let here = self.segment(now);
        let segments = self.course[..=here].iter().rev();
        segments.take_while(|(_, state)| *state == TrueState::There).last().map(|(start, _)| *start)
    }

    /// What the server had stored by `now`: clients report every minute from the beginning of a
    /// segment.
    fn presence(&self, now: u64) -> Option<Presence> {
        let here = self.segment(now);
        let mut presence = Presence::default();
        for (place, (start, state)) in self.course[..=here].iter().enumerate().rev() {
            let end = self.course.get(place + 1).map_or(now, |(next, _)| (*next).min(now));
            let last = Timestamp::from_ms(
                i64::try_from(START_MS + start + (end - start) / REPORT_MS * REPORT_MS)
                    .unwrap_or(0),
            );
            if *state == TrueState::There {
                presence.last_active = presence.last_active.or(Some(last));
            }
            if *state != TrueState::Gone {
                presence.last_connected = presence.last_connected.or(Some(last));
            }
            if presence.last_active.is_some() {
                break;
            }
        }
        (self.known && presence != Presence::default()).then_some(presence)
    }
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Network {
    Up,
    Down,
    Hangs,
    Limits,
    Refuses,
    Breaks,
    LoginPage,
}

/// A reply in transit.
#[derive(Clone)]
struct OnTheWay {
    arrives: u64,
    request: Request,
    /// When the server read the presence, and the date of the reply.
    observed: u64,
    dated: u64,
}

/// What becomes of a stream after its next message.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Course {
    Goes,
    /// The connection is dead, and nobody says so.
    FallsSilent,
    Ends(Option<RequestError>),
}

/// The page's open stream.
struct OpenStream {
    id: RequestId,
    users: Vec<UserRef>,
    /// When something arrives next.
    next: u64,
    course: Course,
    is_first: bool,
}

struct World {
    seed: u64,
    chance: Chance,
    people: Vec<Person>,
    list: Watchlist,
    interval: Duration,
    /// True milliseconds since the start; the viewer's clocks run separately.
    now: u64,
    wall_ms: i64,
    monotonic_ms: u64,
    /// Replies in transit.
    on_the_way: Vec<OnTheWay>,
    in_flight: BTreeMap<RequestId, Query>,
    starts: Vec<u64>,
    singles: Vec<u64>,
    network: Network,
    /// Until when a failure may delay requests.
    trouble_until: u64,
    awake_since: Option<u64>,
    watchers: BTreeMap<UserRef, (u32, u32)>,
    on_screen_since: BTreeMap<UserRef, u64>,
    asked: BTreeMap<UserRef, u64>,
    /// When the stream would last have told what is new of each person.
    told: BTreeMap<UserRef, u64>,
    sees_zulip: bool,
    stream: Option<OpenStream>,
    stream_opened_at: Option<u64>,
    /// Whether caches store whole replies, including their dates.
    caches: bool,
    requests: u64,
    seen: BTreeMap<&'static str, u64>,
}

impl World {
    fn new(seed: u64) -> Self {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9) + 1);
        let sees_zulip = chance.one_in(2);
        let endpoint =
            if sees_zulip { Endpoint::Zulip { verified_users: false } } else { Endpoint::Gateway };
        let count = if sees_zulip {
            1 + chance.below(20)
        } else {
            1 + chance.below(if seed % 16 == 4 { 700 } else { 130 })
        };
        let people = (0..count)
            .map(|n| {
                let user = if chance.one_in(3) {
                    UserRef::Email(format!("u{n}@example.com").into())
                } else {
                    UserRef::Id(n)
                };
                let known = !chance.one_in(8);
                Person::new(user, known, &mut chance)
            })
            .collect();
        let interval = Duration::from_secs(15 + chance.below(46));
        let settings =
            PollSettings::new(endpoint).interval(interval).seed(seed).live(!seed.is_multiple_of(3));
        let wall_ms = i64::try_from(START_MS).unwrap_or(0)
            + i64::try_from(chance.below(172_800_000)).unwrap_or(0)
            - 86_400_000;
        let now = ClockReading { wall: Timestamp::from_ms(wall_ms), monotonic: Duration::ZERO };
        Self {
            seed,
            chance,
            people,
            list: Watchlist::new(settings, now),
            interval,
            now: 0,
            wall_ms,
            monotonic_ms: 0,
            on_the_way: Vec::new(),
            in_flight: BTreeMap::new(),
            starts: Vec::new(),
            singles: Vec::new(),
            network: Network::Up,
            trouble_until: 0,
            awake_since: Some(0),
            watchers: BTreeMap::new(),
            on_screen_since: BTreeMap::new(),
            asked: BTreeMap::new(),
            told: BTreeMap::new(),
            sees_zulip,
            stream: None,
            stream_opened_at: None,
            caches: seed % 4 < 2,
            requests: 0,
            seen: BTreeMap::new(),
        }
    }

    fn reading(&self) -> ClockReading {
        ClockReading {
            wall: Timestamp::from_ms(self.wall_ms),
            monotonic: Duration::from_millis(self.monotonic_ms),
        }
    }

    fn server_now(&self) -> Timestamp {
        Timestamp::from_ms(i64::try_from(START_MS + self.now).unwrap_or(0))
    }

    fn pass(&mut self, ms: u64) {
        self.now += ms;
        self.wall_ms += i64::try_from(ms).unwrap_or(0);
        self.monotonic_ms += ms;
    }

    fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// Steps the engine, sends its requests, and checks all invariants.
    fn step(&mut self) -> Option<u64> {
        let step = self.list.step(self.reading());
        for Request { id, .. } in &step.cancelled {
            if self.is_stream(*id) {
                self.stream = None;
                continue;
            }
            assert!(
                self.in_flight.remove(id).is_some(),
                "seed {}: cancelled what was not in flight",
                self.seed
            );
            self.failed(self.interval_s());
            self.on_the_way.retain(|reply| reply.request.id != *id);
        }
        for request in step.requests {
            self.sent(request);
        }
        self.opened(step.stream);
        self.check();
        let wait = step.next_wakeup.map(|wait| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        assert_ne!(wait, Some(0), "seed {}: a wait of zero spins", self.seed);
        wait
    }

    fn is_stream(&self, id: RequestId) -> bool {
        self.stream.as_ref().is_some_and(|stream| stream.id == id)
    }

    fn opened(&mut self, request: Option<Request>) {
        let Some(Request { id, query }) = request else {
            return;
        };
        let seed = self.seed;
        assert!(self.awake_since.is_some(), "seed {seed}: a stream while hidden");
        assert!(self.stream.is_none(), "seed {seed}: two streams");
        let spaced = self.stream_opened_at.is_none_or(|at| self.now - at >= 10_000);
        assert!(spaced, "seed {seed}: two streams within 10 s");
        let Query::Stream(users) = query else {
            panic!("seed {seed}: {query:?} is no stream");
        };
        assert!(!users.is_empty() && users.len() <= 500, "seed {seed}: {} people", users.len());
        self.saw("stream");
        self.starts.push(self.now);
        self.stream_opened_at = Some(self.now);
        let next = self.now + 5 + self.chance.below(1_500);
        let course = match (self.network, self.chance.below(12)) {
            (Network::Up, 0) => Course::Ends(Some(RequestError::Status {
                code: [404, 204, 500, 503][usize::try_from(self.chance.below(4)).unwrap_or(0)],
                retry_after: self.chance.one_in(2).then_some(Duration::from_secs(60)),
            })),
            (Network::Up, 1) => Course::FallsSilent,
            (Network::Up, _) => Course::Goes,
            (Network::Hangs, _) => Course::FallsSilent,
            _ => Course::Ends(Some(RequestError::Unreachable)),
        };
        self.stream = Some(OpenStream { id, users, next, course, is_first: true });
    }

    /// What arrives by the stream.
    fn stream_arrives(&mut self) {
        let Some(stream) = self.stream.take_if(|stream| stream.next <= self.now) else {
            return;
        };
        let OpenStream { id, users, course, is_first, .. } = stream;
        let next = match course {
            Course::FallsSilent => u64::MAX,
            Course::Ends(error) => {
                self.list.handle_stream_end(id, error, self.reading());
                return;
            }
            Course::Goes => {
                if is_first || self.chance.one_in(2) {
                    let content = users.iter().map(|user| {
                        let person = self.people.iter().find(|person| person.user == *user);
                        let presence = person.and_then(|person| person.presence(self.now));
                        (user.clone(), presence.ok_or(NoPresenceReason::NoData))
                    });
                    let content = content.collect();
                    let message = Response::Realm(self.reply(content, self.now, self.now));
                    let outcome = self.list.handle_stream_message(id, message, self.reading());
                    assert_eq!(outcome, Outcome::Applied, "seed {}", self.seed);
                } else {
                    self.list.handle_stream_comment(id, self.reading());
                }
                for user in &users {
                    self.told.insert(user.clone(), self.now);
                }
                self.now + 1 + self.chance.below(20_000)
            }
        };
        let course = match (self.network, self.chance.below(40)) {
            _ if course == Course::FallsSilent => course,
            (Network::Hangs | Network::Down, _) | (_, 0) => Course::FallsSilent,
            (Network::Breaks, _) | (_, 1) => Course::Ends(Some(RequestError::Unreachable)),
            (_, 2) => Course::Ends(None),
            _ => Course::Goes,
        };
        self.saw(match course {
            Course::Goes => "stream goes on",
            Course::FallsSilent => "stream falls silent",
            Course::Ends(_) => "stream ends",
        });
        self.stream = Some(OpenStream { id, users, next, course, is_first: false });
    }

    fn sent(&mut self, request: Request) {
        let seed = self.seed;
        assert!(self.awake_since.is_some(), "seed {seed}: asked while hidden");
        let mut about: Vec<UserRef> = match &request.query {
            Query::User(user) | Query::Message(user) => vec![user.clone()],
            Query::Group(users) | Query::Stream(users) => users.clone(),
            Query::AllUsers => self
                .watchers
                .keys()
                .filter(|user| matches!(user, UserRef::Email(_)))
                .cloned()
                .collect(),
        };
        about.retain(|user| self.watchers.get(user).is_some_and(|(watchers, _)| *watchers > 0));
        assert!(!about.is_empty(), "seed {seed}: asked about nobody who is watched");
        for other in self.in_flight.values() {
            let clash = match (&request.query, other) {
                (Query::Group(ours), Query::Group(theirs)) => {
                    ours.iter().any(|user| theirs.contains(user))
                }
                (ours, theirs) => ours == theirs,
            };
            assert!(!clash, "seed {seed}: two requests for one group under way");
        }
        if matches!(request.query, Query::User(_) | Query::Message(_)) {
            self.singles.push(self.now);
        }
        self.starts.push(self.now);
        self.requests += 1;
        for user in about {
            self.asked.insert(user, self.now);
        }
        self.in_flight.insert(request.id, request.query.clone());
        assert!(
            self.in_flight.len() <= MAX_IN_FLIGHT,
            "seed {seed}: {} in flight",
            self.in_flight.len()
        );
        let delay = match self.network {
            Network::Hangs => return,
            _ if self.chance.one_in(40) => 9_000 + self.chance.below(2_000),
            _ => 5 + self.chance.below(1_500),
        };
        let kept = if self.sees_zulip { 0 } else { self.chance.below(KEPT_MS) };
        let observed = self.now.saturating_sub(kept);
        let dated = if self.caches { observed } else { self.now };
        self.on_the_way.push(OnTheWay { arrives: self.now + delay, request, observed, dated });
    }

    fn check(&mut self) {
        let seed = self.seed;
        let now = self.now;
        self.starts.retain(|start| now - start < 60_000);
        self.singles.retain(|start| now - start < 60_000);
        assert!(self.starts.len() <= 60, "seed {seed}: {} requests in a minute", self.starts.len());
        assert!(
            self.singles.len() <= 30,
            "seed {seed}: {} singles in a minute",
            self.singles.len()
        );
        let reading = self.reading();
        let estimate = self.list.server_now(reading);
        for person in &self.people {
            let view = self.list.view(&person.user, reading);
            match view.status {
                Status::Active => {
                    let last_active = view.last_active.unwrap_or(Timestamp::from_ms(0));
                    assert!(
                        last_active.age(estimate) <= OFFLINE_THRESHOLD,
                        "seed {seed}: green on an old timestamp"
                    );
                    // The estimate is a lower bound: a reply may have been in transit for 10 s, and
                    // before that in a cache with its date.
                    let kept = if self.caches { KEPT_MS } else { 0 };
                    let slack = OFFLINE_THRESHOLD + Duration::from_millis(10_000 + kept);
                    assert!(
                        last_active.age(self.server_now()) <= slack,
                        "seed {seed} at {now}: green on a timestamp that is really old"
                    );
                }
                Status::Offline => {
                    // A reply counts for 200 s, and the first report comes within a minute.
                    let there = person.there_since(now).is_some_and(|since| now - since > 265_000);
                    assert!(
                        !there,
                        "seed {seed} at {now}: {} is online and shown offline",
                        person.user
                    );
                }
                Status::Idle | Status::Unknown => {}
            }
        }
        self.check_liveness();
    }

    /// While nothing is wrong, users on screen are requested again in bounded time.
    fn check_liveness(&mut self) {
        let Some(awake_since) = self.awake_since else {
            return;
        };
        let interval = u64::try_from(self.interval.as_millis()).unwrap_or(0) * 11 / 10;
        for (user, &since) in &self.on_screen_since {
            let slow = self.sees_zulip && !self.was_in_reply(user);
            // A request may take 10 s, all slots may be in use, and thirty single requests use up
            // their minute.
            let paced = if self.sees_zulip { interval.max(60_000) } else { interval };
            // At most twenty people share a third of the single requests, prolonged by a tenth.
            let bound = if slow { 132_000 } else { paced } + 15_000;
            let calm_since = since.max(awake_since).max(self.trouble_until);
            let last = self.asked.get(user).max(self.told.get(user));
            let last = last.copied().unwrap_or(0).max(calm_since);
            let absent = slow && matches!(user, UserRef::Email(_));
            assert!(
                absent || self.network != Network::Up || self.now.saturating_sub(last) <= bound,
                "seed {} at {}: {user} not asked about for {} s",
                self.seed,
                self.now,
                (self.now - last) / 1000
            );
        }
    }

    /// Whether the server had data of `user` when they were last requested.
    fn was_in_reply(&self, user: &UserRef) -> bool {
        let asked = self.asked.get(user).copied().unwrap_or(0);
        self.people.iter().any(|person| person.user == *user && person.presence(asked).is_some())
    }

    fn arrive(&mut self) {
        let now = self.now;
        let (arrived, waiting) = std::mem::take(&mut self.on_the_way)
            .into_iter()
            .partition(|reply| reply.arrives <= now);
        self.on_the_way = waiting;
        let arrived: Vec<OnTheWay> = arrived;
        for reply in arrived {
            let id = reply.request.id;
            if self.in_flight.remove(&id).is_none() {
                continue;
            }
            match self.outcome(&reply) {
                Ok(answer) => {
                    let outcome = self.list.handle_response(id, answer, self.reading());
                    assert_eq!(outcome, Outcome::Applied, "seed {}", self.seed);
                }
                Err(failure) => {
                    let imposes = matches!(
                        failure,
                        RequestError::RateLimited { .. } | RequestError::Unauthorized
                    );
                    // At most 15 minutes and a tenth; a retry waits for one interval at most.
                    self.failed(if imposes { 990 } else { self.interval_s() });
                    self.list.handle_error(id, failure, self.reading());
                }
            }
        }
    }

    fn interval_s(&self) -> u64 {
        self.interval.as_secs()
    }

    fn failed(&mut self, waits_s: u64) {
        self.trouble_until = self.trouble_until.max(self.now + waits_s * 1_000);
    }

    fn outcome(&mut self, on_the_way: &OnTheWay) -> Result<Response, RequestError> {
        match self.network {
            Network::Up => {}
            Network::Down => return Err(RequestError::Unreachable),
            Network::Hangs => return Err(RequestError::TimedOut),
            Network::Limits => {
                let retry_after = (!self.chance.one_in(3))
                    .then(|| Duration::from_millis(1 + self.chance.span(100_000)));
                return Err(RequestError::RateLimited { retry_after });
            }
            Network::Refuses => return Err(RequestError::Unauthorized),
            Network::Breaks => return Err(RequestError::Status { code: 502, retry_after: None }),
            Network::LoginPage => return Err(RequestError::InvalidResponse),
        }
        let OnTheWay { request, observed, dated, .. } = on_the_way;
        let (observed, dated) = (*observed, *dated);
        let find = |user: &UserRef| {
            self.people
                .iter()
                .find(|person| person.user == *user)
                .and_then(|person| person.presence(observed))
        };
        let stamped = |content: Vec<(UserRef, UserPresence)>| {
            Response::Realm(self.reply(content.into_iter().collect(), observed, dated))
        };
        Ok(match &request.query {
            Query::Message(_) => Response::Message(self.reply(None, observed, dated)),
            Query::User(user) => Response::User(self.reply(
                find(user).ok_or(NoPresenceReason::NoData),
                observed,
                dated,
            )),
            Query::Group(users) if !self.sees_zulip => stamped(
                users
                    .iter()
                    .map(|user| (user.clone(), find(user).ok_or(NoPresenceReason::NoData)))
                    .collect(),
            ),
            Query::Group(_) | Query::Stream(_) | Query::AllUsers => {
                let emails =
                    self.people.iter().filter(|person| matches!(person.user, UserRef::Email(_)));
                stamped(
                    emails
                        .filter_map(|person| {
                            Some((person.user.clone(), Ok(person.presence(observed)?)))
                        })
                        .collect(),
                )
            }
        })
    }

    fn reply<T>(&self, content: T, observed: u64, dated: u64) -> Reply<T> {
        let at = |ms: u64| Timestamp::from_ms(i64::try_from(START_MS + ms).unwrap_or(0));
        // A reply of Zulip itself is dated by its headers only.
        let stamped = !self.sees_zulip;
        Reply {
            content,
            server_timestamp: stamped.then(|| at(observed)),
            date_lower_bound: Some(at(dated)),
            offline_threshold: None,
        }
    }

    fn watch(&mut self, user: &UserRef) {
        self.list.watch(user, self.reading());
        self.watchers.entry(user.clone()).or_default().0 += 1;
    }

    fn show(&mut self, user: &UserRef) {
        let (watchers, shown) = self.watchers.entry(user.clone()).or_default();
        if shown < watchers {
            *shown += 1;
            self.on_screen_since.entry(user.clone()).or_insert(self.now);
            self.list.show(user);
        }
    }

    fn hide(&mut self, user: &UserRef) {
        let (_, shown) = self.watchers.entry(user.clone()).or_default();
        if *shown > 0 {
            *shown -= 1;
            if *shown == 0 {
                self.on_screen_since.remove(user);
            }
            self.list.hide(user);
        }
    }

    fn unwatch(&mut self, user: &UserRef) {
        let (watchers, shown) = self.watchers.get(user).copied().unwrap_or_default();
        if watchers > 0 {
            if shown == watchers {
                self.hide(user);
            }
            self.list.unwatch(user, self.reading());
            self.watchers.entry(user.clone()).or_default().0 -= 1;
        }
    }

    fn somebody(&mut self) -> UserRef {
        let place = self.chance.below(self.people.len() as u64);
        self.people[usize::try_from(place).unwrap_or(0)].user.clone()
    }

    /// A random event on the page.
    fn happen(&mut self) {
        let user = self.somebody();
        match self.chance.below(24) {
            0..=4 => {
                self.watch(&user);
                self.show(&user);
            }
            5 | 6 => self.unwatch(&user),
            7 | 8 => self.hide(&user),
            9 | 10 => self.show(&user),
            11 => self.list.refresh(&user, self.reading()),
            12 | 13 => {
                self.saw("hidden");
                self.list.sleep();
                self.awake_since = None;
            }
            14..=17 => {
                self.list.wake(self.reading());
                self.awake_since.get_or_insert(self.now);
            }
            18 => self.list.online(self.reading()),
            19 => self.filter(),
            20 => self.suspend(),
            21 => self.set_clock(),
            _ => self.weather(),
        }
    }

    /// A filter removes all rows and puts them back.
    fn filter(&mut self) {
        self.saw("filter");
        self.step();
        let rows: Vec<_> = self
            .watchers
            .iter()
            .filter(|(_, (watchers, _))| *watchers > 0)
            .map(|(user, counts)| (user.clone(), *counts))
            .collect();
        let away = self.chance.below(3_000);
        let reading = self.reading();
        for (user, (watchers, shown)) in &rows {
            (0..*shown).for_each(|_| self.list.hide(user));
            (0..*watchers).for_each(|_| self.list.unwatch(user, reading));
        }
        let step = self.list.step(reading);
        assert_eq!(step.requests, [], "seed {}: asked about nobody", self.seed);
        assert_eq!(step.stream, None, "seed {}: a stream about nobody", self.seed);
        // The engine sees the rows return at the same instant or a little later; requests that
        // became due meanwhile are sent anyway.
        let before: BTreeSet<_> =
            if away < 1_500 { BTreeSet::new() } else { self.due_within(away) };
        if away >= 1_500
            && before.is_empty()
            && self.on_the_way.iter().all(|reply| reply.arrives > self.now + away)
            && self.stream.as_ref().is_none_or(|stream| stream.next > self.now + away)
        {
            self.pass(away);
        }
        let reading = self.reading();
        for (user, (watchers, shown)) in &rows {
            (0..*watchers).for_each(|_| self.list.watch(user, reading));
            (0..*shown).for_each(|_| self.list.show(user));
        }
        if before.is_empty() {
            let step = self.list.step(reading);
            assert_eq!(
                step.requests,
                [],
                "seed {} at {}: the filter cost a request",
                self.seed,
                self.now
            );
            for Request { id, .. } in step.cancelled {
                assert!(self.is_stream(id), "seed {}: the filter cancelled a request", self.seed);
                self.stream = None;
            }
            self.opened(step.stream);
        }
    }

    /// Users whose next request may be due within `ms`.
    fn due_within(&self, ms: u64) -> BTreeSet<UserRef> {
        let interval = u64::try_from(self.interval.as_millis()).unwrap_or(0) * 9 / 10;
        // A failed request is retried after 2.5 s at the earliest.
        let bound = if self.now < self.trouble_until { 2_500 } else { interval.min(8_000) };
        let near =
            |user: &&UserRef| self.asked.get(*user).is_none_or(|at| self.now + ms >= at + bound);
        self.on_screen_since.keys().filter(near).cloned().collect()
    }

    /// The computer sleeps: the wall clock continues, the monotonic one stops, connections die.
    fn suspend(&mut self) {
        self.saw("suspended");
        let ms = self.chance.span(3 * 3_600_000);
        self.now += ms;
        self.wall_ms += i64::try_from(ms).unwrap_or(0);
        self.on_the_way.clear();
        if let Some(stream) = &mut self.stream {
            (stream.next, stream.course) = (u64::MAX, Course::FallsSilent);
        }
        if self.awake_since.is_some() {
            self.awake_since = Some(self.now);
        }
    }

    fn set_clock(&mut self) {
        self.saw("clock set");
        self.step();
        let by = i64::try_from(self.chance.below(2 * 86_400_000)).unwrap_or(0) - 86_400_000;
        self.wall_ms += by;
        // The engine's limits of a minute follow the viewer's clock.
        self.starts.clear();
        self.singles.clear();
        self.stream_opened_at = None;
        self.step();
        if self.awake_since.is_some() {
            // Requests in flight count as lost and are sent again.
            self.awake_since = Some(self.now);
        }
    }

    fn weather(&mut self) {
        self.network = match self.chance.below(14) {
            0 => Network::Down,
            1 => Network::Hangs,
            2 => Network::Limits,
            3 => Network::Refuses,
            4 => Network::Breaks,
            5 => Network::LoginPage,
            _ => Network::Up,
        };
        if self.network != Network::Up {
            self.saw("trouble");
        }
    }

    fn run(&mut self) {
        let end = HOURS * 3_600_000;
        for person in 0..self.people.len() {
            let user = self.people[person].user.clone();
            self.watch(&user);
            if person < 30 {
                self.show(&user);
            }
        }
        while self.now < end {
            let next_event = self.chance.span(1_200_000);
            self.live(next_event);
            self.happen();
        }
        self.leave();
    }

    /// Advances by `ms`, stepping whenever the engine asks for it.
    fn live(&mut self, ms: u64) {
        let until = self.now + ms;
        loop {
            self.arrive();
            self.stream_arrives();
            let wait = self.step();
            let arrival =
                self.on_the_way.iter().map(|reply| reply.arrives.saturating_sub(self.now)).min();
            let stream = self.stream.as_ref().map(|stream| stream.next.saturating_sub(self.now));
            let next = [wait, arrival, stream].into_iter().flatten().min().unwrap_or(u64::MAX);
            let left = until.saturating_sub(self.now);
            if next >= left {
                self.pass(left);
                return;
            }
            self.pass(next);
        }
    }

    /// All badges are removed: five minutes later there is no entry and no timer.
    fn leave(&mut self) {
        let watched: Vec<_> = self.watchers.keys().cloned().collect();
        for user in watched {
            while self.watchers.get(&user).is_some_and(|(watchers, _)| *watchers > 0) {
                self.unwatch(&user);
            }
        }
        self.live(311_000);
        assert!(self.list.is_empty(), "seed {}: something is left", self.seed);
        assert_eq!(self.list.step(self.reading()).next_wakeup, None, "seed {}", self.seed);
    }
}

#[test]
fn invariants_hold_for_ten_thousand_virtual_hours() {
    const { assert!(SEEDS * HOURS >= 10_000) };
    let mut requests = 0;
    let mut seen: BTreeMap<&str, u64> = BTreeMap::new();
    for seed in 0..SEEDS {
        let mut world = World::new(seed);
        world.run();
        requests += world.requests;
        for (what, count) in world.seen {
            *seen.entry(what).or_default() += count;
        }
    }
    println!("{} virtual hours, {requests} requests, {seen:?}", SEEDS * HOURS);
    // Coverage of the simulator itself.
    assert!(requests > 100_000, "{requests}");
    assert!(
        [
            "hidden",
            "filter",
            "suspended",
            "clock set",
            "trouble",
            "stream",
            "stream falls silent",
            "stream ends"
        ]
        .iter()
        .all(|what| seen.get(what).is_some_and(|count| *count > 1_000)),
        "{seen:?}"
    );
}
