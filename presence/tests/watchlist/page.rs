//! A page in virtual time: its watchlist, clocks and requests.

use std::time::Duration;

use zulip_presence_core::reply::{RealmPresence, Reply, RequestError};
use zulip_presence_core::watchlist::{
    Actions, Endpoint, Outcome, PollSettings, Query, Request, Response,
};
use zulip_presence_core::{ClockReading, Presence, Status, Timestamp, UserRef, Watchlist};

pub(crate) const SERVER_S: i64 = 1_800_000_000;
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// A watchlist and its clocks. The viewer's wall clock is 10 hours slow.
pub(crate) struct Page {
    pub(crate) list: Watchlist,
    pub(crate) now: ClockReading,
    /// Requests in flight.
    pub(crate) open: Vec<Request>,
    /// All requests so far, with the second of their start.
    pub(crate) sent: Vec<(u64, Query)>,
    /// All streams so far.
    pub(crate) streams: Vec<Request>,
    pub(crate) cancelled: Vec<Request>,
    pub(crate) changes: Vec<(String, Status)>,
    pub(crate) wait: Option<Duration>,
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn user(written: &str) -> UserRef {
    match written.parse() {
        Ok(user) => user,
        Err(_) => panic!("{written} is no user"),
    }
}

pub(crate) fn settings(endpoint: Endpoint) -> PollSettings {
    PollSettings::new(endpoint).interval(MINUTE).seed(7)
}

pub(crate) fn zulip() -> PollSettings {
    settings(Endpoint::Zulip { verified_users: false })
}

/// Zulip, asked by a gateway that knows all its users.
pub(crate) fn zulip_of_verified_users() -> PollSettings {
    settings(Endpoint::Zulip { verified_users: true })
}

pub(crate) fn gateway() -> PollSettings {
    settings(Endpoint::Gateway)
}

impl Page {
    pub(crate) fn new(settings: PollSettings) -> Self {
        let now = ClockReading {
            wall: Timestamp::from_ms((SERVER_S - 36_000) * 1000),
            monotonic: secs(3),
        };
        Self {
            list: Watchlist::new(settings, now),
            now,
            open: Vec::new(),
            sent: Vec::new(),
            streams: Vec::new(),
            cancelled: Vec::new(),
            changes: Vec::new(),
            wait: None,
        }
    }

    /// A page with these people on screen, first requests in flight.
    pub(crate) fn showing(settings: PollSettings, users: &[&str]) -> Self {
        let mut page = Self::new(settings);
        page.show(users);
        page.step();
        page
    }

    pub(crate) fn show(&mut self, users: &[&str]) {
        for written in users {
            self.list.watch(&user(written), self.now);
            self.list.show(&user(written));
        }
    }

    pub(crate) fn drop(&mut self, users: &[&str]) {
        for written in users {
            self.list.hide(&user(written));
            self.list.unwatch(&user(written), self.now);
        }
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.now.monotonic.saturating_sub(secs(3))
    }

    pub(crate) fn server_now(&self) -> Timestamp {
        Timestamp::from_ms(SERVER_S * 1000) + self.elapsed()
    }

    pub(crate) fn step(&mut self) -> Actions {
        let step = self.list.step(self.now);
        let second = self.elapsed().as_secs();
        self.open.retain(|request| !step.cancelled.contains(request));
        self.open.extend(step.requests.iter().cloned());
        self.sent.extend(step.requests.iter().map(|request| (second, request.query.clone())));
        self.streams.extend(step.stream.clone());
        self.cancelled.extend(step.cancelled.iter().cloned());
        self.changes.extend(
            step.changes
                .iter()
                .filter(|change| change.before.status != change.after.status)
                .map(|change| (change.user.to_string(), change.after.status)),
        );
        self.wait = step.next_wakeup;
        step
    }

    pub(crate) fn pass(&mut self, span: Duration) {
        self.now.wall = self.now.wall + span;
        self.now.monotonic += span;
    }

    /// Advances time and steps whenever the engine asks for it. `answer` handles each request.
    pub(crate) fn run(&mut self, span: Duration, mut answer: impl FnMut(&mut Self, &Request)) {
        let end = self.elapsed() + span;
        loop {
            self.step();
            while let Some(request) = self.open.pop() {
                answer(self, &request);
                self.step();
            }
            let wait = self.wait.unwrap_or(Duration::MAX);
            let left = end.saturating_sub(self.elapsed());
            if wait > left {
                self.pass(left);
                return;
            }
            self.pass(wait);
        }
    }

    pub(crate) fn reply<T>(&self, content: T) -> Reply<T> {
        Reply {
            content,
            server_timestamp: Some(self.server_now()),
            date_lower_bound: None,
            offline_threshold: None,
        }
    }

    pub(crate) fn active_presence(&self, age: Duration) -> Presence {
        Presence { last_active: Some(self.server_now() - age), ..Presence::default() }
    }

    /// Replies that all requested users were active `age` ago.
    pub(crate) fn active(&mut self, request: &Request, age: Duration) {
        let presence = self.active_presence(age);
        let answer = match &request.query {
            Query::User(_) => Response::User(self.reply(Ok(presence))),
            Query::Group(users) => Response::Realm(
                self.reply(users.iter().map(|user| (user.clone(), Ok(presence))).collect()),
            ),
            Query::Message(_) => Response::Message(self.reply(None)),
            Query::Stream(_) => panic!("a stream is no request"),
            Query::AllUsers => Response::Realm(self.reply(RealmPresence::default())),
        };
        let outcome = self.list.handle_response(request.id, answer, self.now);
        assert_ne!(outcome, Outcome::WrongEndpoint, "{:?}", request.query);
    }

    pub(crate) fn fail(&mut self, request: &Request, failure: RequestError) {
        self.list.handle_error(request.id, failure, self.now);
    }

    pub(crate) fn status(&self, written: &str) -> Status {
        self.list.view(&user(written), self.now).status
    }

    pub(crate) fn take(&mut self) -> Request {
        match self.open.pop() {
            Some(request) => request,
            None => panic!("nothing was asked"),
        }
    }
}

pub(crate) fn ids(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|id| id.to_string()).collect()
}

pub(crate) fn strs(users: &[String]) -> Vec<&str> {
    users.iter().map(String::as_str).collect()
}
