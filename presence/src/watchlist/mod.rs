//! Who is asked when: a sans-I/O engine, driven alike by the page and by the gateway.

use core::time::Duration;

use crate::reply::{Failure, Realm, Reply, Single};
use crate::{Observed, Reading, Status, Timestamp, UserRef};

/// How one watchlist polls one endpoint.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Time between two requests for the same people, ±10 % jitter. Pages: 15–60 s; gateway: 10–45 s.
    pub interval: Duration,
    /// The threshold of "offline"; `None`: what the endpoint says, else [`OFFLINE_AFTER`](crate::OFFLINE_AFTER).
    pub offline_after: Option<Duration>,
    /// Requests in any 60 s, at most.
    pub budget: u32,
    /// What the endpoint is.
    pub endpoint: Endpoint,
    /// Seed of the jitter.
    pub seed: u64,
}

/// What answers at the other end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Endpoint {
    /// A gateway, until a reply shows that it is Zulip itself: people are asked in groups.
    Gateway,
    /// Zulip itself: one request for everybody named by email, IDs singly.
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
    pub ask: Ask,
}

/// What a request asks for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Ask {
    /// `GET users/{user}/presence`.
    Single(UserRef),
    /// `GET realm/presence?users=[…]`, sorted.
    Group(Vec<UserRef>),
    /// `GET realm/presence`: everybody.
    Everybody,
}

impl Ask {
    /// The path and query below `…/api/v1/`, percent-encoded.
    #[must_use]
    pub fn path(&self) -> String {
        unimplemented!()
    }
}

/// What a reply to an [`Ask`] said: [`Ask::Single`] is answered by `Single`, the others by `Realm`.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// About one person.
    Single(Reply<Single>),
    /// About many.
    Realm(Reply<Realm>),
}

/// What can be said of one person now.
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
pub struct Step {
    /// Requests given up after 10 s without a reply: abort them, their replies are ignored.
    pub abandoned: Vec<RequestId>,
    /// Requests to start.
    pub requests: Vec<Request>,
    /// People whose view changed since the last step.
    pub changes: Vec<Change>,
    /// Call [`step`](Watchlist::step) again after this, or sooner upon any event. `None`: only upon an event.
    pub wait: Option<Duration>,
}

/// The people of one endpoint.
#[derive(Debug)]
pub struct Watchlist {}

impl Watchlist {
    /// Nobody watched, awake.
    #[must_use]
    pub fn new(settings: Settings, now: Reading) -> Self {
        let _ = (settings, now);
        unimplemented!()
    }

    /// One more watcher of `user`, off screen until [`show`](Self::show).
    pub fn watch(&mut self, user: &UserRef, now: Reading) {
        let _ = (user, now);
    }

    /// One watcher of `user` less (one that is off screen: [`hide`](Self::hide) it first).
    pub fn unwatch(&mut self, user: &UserRef, now: Reading) {
        let _ = (user, now);
    }

    /// One watcher of `user` came on screen.
    pub fn show(&mut self, user: &UserRef, now: Reading) {
        let _ = (user, now);
    }

    /// One watcher of `user` left the screen.
    pub fn hide(&mut self, user: &UserRef, now: Reading) {
        let _ = (user, now);
    }

    /// The page is hidden: nothing is asked until [`wake`](Self::wake).
    pub fn sleep(&mut self, now: Reading) {
        let _ = now;
    }

    /// The page is visible again: what is due is asked at once, a back-off ends.
    pub fn wake(&mut self, now: Reading) {
        let _ = now;
    }

    /// The network is back: a back-off ends.
    pub fn online(&mut self, now: Reading) {
        let _ = now;
    }

    /// Asks about `user` at the next step, but not more often than every 10 s, and within all limits.
    pub fn refresh(&mut self, user: &UserRef, now: Reading) {
        let _ = (user, now);
    }

    /// A request was answered.
    pub fn answered(&mut self, id: RequestId, answer: Answer, now: Reading) {
        let _ = (id, answer, now);
    }

    /// A request failed.
    pub fn failed(&mut self, id: RequestId, failure: Failure, now: Reading) {
        let _ = (id, failure, now);
    }

    /// Counts a request that the caller makes on its own against the budget; `false`: not now.
    pub fn spend(&mut self, now: Reading) -> bool {
        let _ = now;
        unimplemented!()
    }

    /// What is to be done now. Call it after any of the events above (once for many), and when the last step's wait is over.
    pub fn step(&mut self, now: Reading) -> Step {
        let _ = now;
        unimplemented!()
    }

    /// What can be said of `user` now. Unknown for whoever is not watched.
    #[must_use]
    pub fn view(&self, user: &UserRef, now: Reading) -> View {
        let _ = (user, now);
        unimplemented!()
    }

    /// The answer on which that rests: `None`: not asked yet or forgotten, `Some(None)`: asked, no data.
    #[must_use]
    pub fn observed(&self, user: &UserRef) -> Option<Option<Observed>> {
        let _ = user;
        unimplemented!()
    }

    /// The server's now, as well as it can be known.
    #[must_use]
    pub fn server_now(&self, now: Reading) -> Timestamp {
        let _ = now;
        unimplemented!()
    }

    /// The threshold in force.
    #[must_use]
    pub fn offline_after(&self) -> Duration {
        unimplemented!()
    }

    /// How many people are watched now.
    #[must_use]
    pub fn watched(&self) -> usize {
        unimplemented!()
    }
}
