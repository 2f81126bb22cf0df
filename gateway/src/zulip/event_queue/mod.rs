//! One event queue of Zulip: when to register it, when to ask it, and what to do when it breaks.
//! Here is no I/O; `now` is an argument.
//!
//! Polling is enough by itself: events only bring news sooner, so that a queue may be lost at any
//! moment.

pub(crate) mod requests;
pub(crate) mod wire;

use std::time::Duration;

use zulip_presence_core::reply::RequestError;
use zulip_presence_core::watchlist::retry_delay;

use self::wire::{Events, Registered};

/// The longest of our own waits while a queue cannot be read.
const MAX_DELAY: Duration = Duration::from_secs(60);
/// The longest while none can be registered: what a server refuses today it mostly refuses
/// tomorrow.
const MAX_REGISTER_DELAY: Duration = Duration::from_secs(300);
/// A request that was held for so long and then broke was cut by a proxy. That is no failure: an
/// event would have ended it sooner.
const HELD: Duration = Duration::from_secs(10);
/// A queue that was lost sooner after its registration is a failure.
const SHORT_LIVED: Duration = Duration::from_secs(60);
/// How much later than promised the reply to a long poll may come.
const GRACE: Duration = Duration::from_secs(15);
/// Requests for events that may follow each other at once.
const BURST: f64 = 5.0;
/// The part of the budget that asking for events may use.
const BUDGET_SHARE: f64 = 0.25;

/// One event queue, again and again.
#[derive(Debug)]
pub(crate) struct EventQueue {
    queue: Option<Queue>,
    /// Failures in a row.
    failures: u32,
    retry_at: Duration,
    pace: Pace,
    random: u64,
    /// Whether events arrive, as far as was told.
    told: Option<bool>,
    started_at: Duration,
}

#[derive(Debug)]
struct Queue {
    id: String,
    last_event_id: i64,
    long_poll: Duration,
    registered_at: Duration,
}

/// What to do now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Action {
    /// Call again after this time.
    Wait(Duration),
    /// `POST /register`.
    Register,
    /// `GET /events`, for at most `time_limit`.
    Poll { queue_id: String, last_event_id: i64, time_limit: Duration },
}

/// Why a request brought no events.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) enum QueueError {
    /// Zulip no longer has the queue.
    Lost,
    /// As any other request.
    Request(RequestError),
}

/// Whether events arrive now, when that changes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Change {
    /// Events arrive.
    Live,
    /// None arrive: the poll loop alone brings news.
    Down,
}

impl EventQueue {
    /// `budget`: requests to Zulip in a minute, of all kinds. `seed`: of the jitter.
    pub(crate) fn new(budget: u32, seed: u64, now: Duration) -> Self {
        Self {
            queue: None,
            failures: 0,
            retry_at: now,
            pace: Pace::new(f64::from(budget) * BUDGET_SHARE, now),
            random: seed | 1,
            told: None,
            started_at: now,
        }
    }

    /// What to do now. A request that it returns has begun.
    pub(crate) fn next(&mut self, now: Duration) -> Action {
        let wait = self.retry_at.saturating_sub(now).max(self.pace.wait(now));
        if !wait.is_zero() {
            return Action::Wait(wait);
        }
        self.pace.take(now);
        self.started_at = now;
        match &self.queue {
            None => Action::Register,
            Some(queue) => Action::Poll {
                queue_id: queue.id.clone(),
                last_event_id: queue.last_event_id,
                time_limit: queue.long_poll + GRACE,
            },
        }
    }

    /// A queue was registered.
    pub(crate) fn registered(&mut self, registered: &Registered, now: Duration) -> Option<Change> {
        self.queue = Some(Queue {
            id: registered.queue_id.clone(),
            last_event_id: registered.last_event_id,
            long_poll: registered.long_poll,
            registered_at: now,
        });
        // After a failure only its first reply shows that it can be read.
        if self.failures == 0 { self.tell(true) } else { None }
    }

    /// Events arrived, or a heartbeat.
    pub(crate) fn polled(&mut self, events: &Events) -> Option<Change> {
        self.failures = 0;
        if let (Some(queue), Some(last)) = (&mut self.queue, events.last_event_id) {
            // Repeated ones do no harm, but must not be asked for again and again.
            queue.last_event_id = queue.last_event_id.max(last);
        }
        self.tell(true)
    }

    /// A request brought none.
    pub(crate) fn failed(&mut self, error: QueueError, now: Duration) -> Option<Change> {
        let was_held = now.saturating_sub(self.started_at) >= HELD;
        let is_registered = self.queue.is_some();
        let error = match error {
            QueueError::Lost => {
                let queue = self.queue.take();
                let is_old = queue
                    .is_some_and(|queue| now.saturating_sub(queue.registered_at) >= SHORT_LIVED);
                if is_old {
                    self.retry_at = now;
                    return None;
                }
                None
            }
            QueueError::Request(error) => {
                let is_cut = matches!(
                    error,
                    RequestError::Unreachable
                        | RequestError::TimedOut
                        | RequestError::Status { code: 502..=504, retry_after: None }
                );
                if is_registered && is_cut && was_held {
                    self.retry_at = now;
                    return None;
                }
                // An answer about this queue, not a failure on the way to it.
                if matches!(
                    error,
                    RequestError::Unauthorized | RequestError::Status { code: 400..=499, .. }
                ) {
                    self.queue = None;
                }
                Some(error)
            }
        };
        self.failures = self.failures.saturating_add(1);
        let is_refused = matches!(error, Some(RequestError::Status { code: 400..=499, .. }));
        let longest = if is_refused { MAX_REGISTER_DELAY } else { MAX_DELAY };
        let own = retry_delay(self.failures, longest).mul_f64(0.5 + 0.5 * self.random());
        let imposed = error.and_then(RequestError::imposed_delay).unwrap_or_default();
        self.retry_at = now + own.max(imposed.mul_f64(1.0 + 0.1 * self.random()));
        // One that was cut off tells nothing yet.
        if is_registered && self.failures == 1 { None } else { self.tell(false) }
    }

    /// Whether there is a queue whose events arrive, as far as is known.
    pub(crate) fn is_live(&self) -> bool {
        self.queue.is_some() && self.told == Some(true)
    }

    /// From now on another account is used.
    pub(crate) fn account_changed(&mut self, now: Duration) {
        (self.queue, self.failures, self.retry_at) = (None, 0, now);
    }

    fn tell(&mut self, is_live: bool) -> Option<Change> {
        let is_news = self.told.replace(is_live) != Some(is_live);
        is_news.then_some(if is_live { Change::Live } else { Change::Down })
    }

    /// From 0 to 1, by xorshift64.
    fn random(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        f64::from((self.random >> 32) as u32) / f64::from(u32::MAX)
    }
}

/// Limits how often Zulip is asked for events: many come in one reply as well.
#[derive(Debug)]
struct Pace {
    per_minute: f64,
    burst: f64,
    left: f64,
    at: Duration,
}

impl Pace {
    fn new(per_minute: f64, now: Duration) -> Self {
        let burst = BURST.min(per_minute).max(1.0);
        Self { per_minute, burst, left: burst, at: now }
    }

    /// Requests that may be made now, and fractions of the next.
    fn left(&self, now: Duration) -> f64 {
        let refilled = now.saturating_sub(self.at).as_secs_f64() * self.per_minute / 60.0;
        (self.left + refilled).min(self.burst)
    }

    fn wait(&self, now: Duration) -> Duration {
        let missing = (1.0 - self.left(now)).max(0.0);
        let wait = Duration::from_secs_f64(missing * 60.0 / self.per_minute);
        // Less is the error of the arithmetic.
        if wait < Duration::from_millis(1) { Duration::ZERO } else { wait }
    }

    fn take(&mut self, now: Duration) {
        (self.left, self.at) = (self.left(now) - 1.0, now);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::wire::Event;
    use super::*;

    const S: Duration = Duration::from_secs(1);
    const UNREACHABLE: QueueError = QueueError::Request(RequestError::Unreachable);

    fn status(code: u16) -> QueueError {
        QueueError::Request(RequestError::Status { code, retry_after: None })
    }

    fn registered(id: &str) -> Registered {
        Registered {
            queue_id: id.into(),
            last_event_id: -1,
            long_poll: 90 * S,
            offline_threshold: None,
            presence_disabled: false,
            statuses: HashMap::new(),
        }
    }

    fn events(last_event_id: i64) -> Events {
        Events { last_event_id: Some(last_event_id), events: vec![Event::Directory] }
    }

    /// A queue that was registered at 0 and was polled at 1 s.
    fn live() -> EventQueue {
        let mut queue = EventQueue::new(60, 7, Duration::ZERO);
        assert_eq!(queue.next(Duration::ZERO), Action::Register);
        assert_eq!(queue.registered(&registered("1:0"), Duration::ZERO), Some(Change::Live));
        assert_eq!(queue.next(S), poll("1:0", -1));
        assert_eq!(queue.polled(&events(3)), None);
        queue
    }

    fn poll(id: &str, last_event_id: i64) -> Action {
        Action::Poll { queue_id: id.into(), last_event_id, time_limit: 105 * S }
    }

    /// The wait from `now` on until the next request, and the request.
    fn after(queue: &mut EventQueue, now: Duration) -> (Duration, Action) {
        let mut at = now;
        loop {
            match queue.next(at) {
                Action::Wait(wait) => at += wait,
                action => return (at - now, action),
            }
        }
    }

    #[test]
    fn events_are_asked_for_from_the_last_one_on() {
        let mut queue = live();
        assert_eq!(queue.next(2 * S), poll("1:0", 3));
        // Older and repeated ones, and none.
        assert_eq!(queue.polled(&events(2)), None);
        assert_eq!(queue.next(60 * S), poll("1:0", 3));
        assert_eq!(queue.polled(&Events::default()), None);
        assert_eq!(queue.next(120 * S), poll("1:0", 3));
    }

    #[test]
    fn a_queue_is_live_while_it_can_be_read() {
        let mut queue = EventQueue::new(60, 7, Duration::ZERO);
        assert!(!queue.is_live());
        queue.failed(status(500), S);
        queue.registered(&registered("1:0"), 10 * S);
        assert!(!queue.is_live(), "after a failure its first reply counts");
        queue.polled(&Events::default());
        assert!(queue.is_live());
        queue.failed(status(500), 11 * S);
        assert!(queue.is_live(), "once may be chance");
        queue.failed(status(500), 20 * S);
        assert!(!queue.is_live());
        queue.polled(&Events::default());
        assert!(queue.is_live(), "the same one");
        queue.failed(QueueError::Lost, 100 * S);
        assert!(!queue.is_live(), "there is none");
    }

    #[test]
    fn a_lost_queue_is_replaced_at_once_unless_it_was_new() {
        let mut queue = live();
        assert_eq!(queue.next(70 * S), poll("1:0", 3));
        assert_eq!(queue.failed(QueueError::Lost, 71 * S), None);
        assert_eq!(after(&mut queue, 71 * S), (Duration::ZERO, Action::Register));
        assert_eq!(queue.registered(&registered("1:1"), 71 * S), None, "nothing has changed");
        assert_eq!(after(&mut queue, 72 * S), (Duration::ZERO, poll("1:1", -1)));
        assert_eq!(queue.failed(QueueError::Lost, 73 * S), None);
        let (wait, action) = after(&mut queue, 73 * S);
        assert_eq!(action, Action::Register);
        assert!((2 * S..=5 * S).contains(&wait), "{wait:?}");
    }

    #[test]
    fn broken_requests_are_repeated_for_the_same_queue() {
        for error in [
            UNREACHABLE,
            QueueError::Request(RequestError::TimedOut),
            status(502),
            QueueError::Request(RequestError::InvalidResponse),
        ] {
            let mut queue = live();
            let mut at = 100 * S;
            assert_eq!(queue.next(at), poll("1:0", 3));
            // Once may be chance.
            assert_eq!(queue.failed(error, at), None);
            for (failure, least, most) in
                [(2, 2, 5), (3, 5, 10), (4, 10, 20), (5, 20, 40), (6, 30, 60), (7, 30, 60)]
            {
                let (wait, action) = after(&mut queue, at);
                assert!((least * S..=most * S).contains(&wait), "{failure}: {wait:?}");
                assert_eq!(action, poll("1:0", 3));
                at += wait;
                let told = queue.failed(error, at);
                assert_eq!(told, (failure == 2).then_some(Change::Down), "once");
            }
            let (wait, _) = after(&mut queue, at);
            assert_eq!(queue.polled(&events(4)), Some(Change::Live));
            assert_eq!(queue.next(at + wait + S), poll("1:0", 4));
        }
    }

    /// A proxy that allows 30 s for a request.
    #[test]
    fn cut_requests_are_no_failure() {
        let mut queue = live();
        let mut at = 100 * S;
        for error in
            [UNREACHABLE, status(504), QueueError::Request(RequestError::TimedOut)].repeat(10)
        {
            let (wait, action) = after(&mut queue, at);
            assert_eq!((wait, action), (Duration::ZERO, poll("1:0", 3)));
            at += 30 * S;
            assert_eq!(queue.failed(error, at), None);
        }
    }

    #[test]
    fn whoever_may_not_register_is_told_once_and_asks_seldom() {
        for error in [status(400), status(403), QueueError::Request(RequestError::Unauthorized)] {
            let mut queue = EventQueue::new(60, 7, Duration::ZERO);
            let (mut at, mut requests, mut told) = (Duration::ZERO, 0, Vec::new());
            while at < 3600 * S {
                let (wait, action) = after(&mut queue, at);
                assert_eq!(action, Action::Register);
                at += wait;
                requests += 1;
                told.extend(queue.failed(error, at));
            }
            assert_eq!(told, [Change::Down]);
            assert!((10..=30).contains(&requests), "{error:?}: {requests} in an hour");
        }
    }

    #[test]
    fn imposed_waits_are_kept_and_end_with_the_account() {
        let mut queue = live();
        let wait = QueueError::Request(RequestError::RateLimited { retry_after: Some(40 * S) });
        queue.next(100 * S);
        queue.failed(wait, 100 * S);
        let (wait, action) = after(&mut queue, 100 * S);
        assert!((40 * S..=44 * S).contains(&wait), "{wait:?}");
        assert_eq!(action, poll("1:0", 3));
        queue.failed(QueueError::Request(RequestError::Unauthorized), 200 * S);
        assert!(matches!(queue.next(210 * S), Action::Wait(wait) if wait > 200 * S));
        queue.account_changed(220 * S);
        assert_eq!(queue.next(220 * S), Action::Register);
    }

    /// However many events come, at most a quarter of the budget is spent on asking for them.
    #[test]
    fn many_events_are_asked_for_together() {
        for (budget, most) in [(5, 2), (60, 16 + 5), (200, 51 + 5)] {
            let mut queue = EventQueue::new(budget, 7, Duration::ZERO);
            queue.next(Duration::ZERO);
            queue.registered(&registered("1:0"), Duration::ZERO);
            let (mut at, mut requests, mut id) = (Duration::ZERO, 0, 0);
            while at < 60 * S {
                let (wait, _) = after(&mut queue, at);
                at += wait;
                requests += 1;
                id += 1;
                queue.polled(&events(id));
            }
            assert!(requests <= most, "--budget {budget}: {requests}");
        }
    }
}
