//! Simulates hours of page requests and of Zulip in virtual time: how often Zulip is requested.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tower::ServiceExt as _;
use zulip_presence_core::reply::{NoPresenceReason, RequestError};
use zulip_presence_core::{ClockReading, Status, Timestamp, UserRef};
use zulip_simulator::{Activity, EMAIL, KEY, ReportedTimestamps, Simulator};

use crate::store::{Actions, Lookup, Store, StoreConfig};
use crate::zulip::allow_list::AllowList;
use crate::zulip::client::Reply;
use crate::zulip::directory::Directory;
use crate::zulip::event_queue::wire::Event;
use crate::zulip::wire::push_presence;

/// Zulip's response time.
const LATENCY: Duration = Duration::from_millis(50);
pub(super) const MINUTE: Duration = Duration::from_secs(60);

/// A store, its simulated Zulip, and the virtual time of both.
pub(super) struct World {
    pub(super) store: Store,
    pub(super) zulip: Simulator,
    start: Timestamp,
    pub(super) elapsed: Duration,
    pub(super) is_out: bool,
    /// Counts replies and failures.
    pub(super) replies: u32,
    /// The requested paths, with their times.
    asked: Vec<(Duration, String)>,
}

impl World {
    /// Starts with the directory loaded.
    pub(super) async fn new(zulip: Simulator, allowed: &str) -> Self {
        Self::with_refresh(zulip, allowed, Duration::from_secs(30)).await
    }

    pub(super) async fn with_refresh(zulip: Simulator, allowed: &str, refresh: Duration) -> Self {
        let start = Timestamp::from_unix_s(zulip.now());
        let policy = StoreConfig { refresh, ..StoreConfig::default() };
        let allowed = if allowed.is_empty() {
            AllowList::default()
        } else {
            AllowList::parse(allowed).expect("readable")
        };
        let store =
            Store::new(policy, allowed, ClockReading { wall: start, monotonic: Duration::ZERO });
        let mut world = Self {
            store,
            zulip,
            start,
            elapsed: Duration::ZERO,
            is_out: false,
            replies: 0,
            asked: Vec::new(),
        };
        world.pass(Duration::from_secs(1)).await;
        world
    }

    pub(super) fn now(&self) -> ClockReading {
        ClockReading { wall: self.start + self.elapsed, monotonic: self.elapsed }
    }

    /// Advances time.
    pub(super) async fn pass(&mut self, span: Duration) {
        let end = self.elapsed + span;
        loop {
            let Actions { requests, directory, wait, .. } = self.store.step(self.now());
            let asked_at = self.elapsed;
            let is_idle = requests.is_empty() && directory.is_none();
            if !is_idle {
                self.advance(LATENCY);
            }
            if let Some(account) = directory {
                let reply = self.ask("users", asked_at).await;
                let now = self.now();
                match reply {
                    Ok(reply) => self.store.directory_fetched(
                        Directory::parse(&reply.body).expect("a directory"),
                        account,
                        now,
                    ),
                    Err(failure) => self.store.directory_failed(failure, account, now),
                }
            }
            for request in requests {
                let reply = self.ask(&request.query.path(), asked_at).await;
                let now = self.now();
                let parsed = |reply: Reply| reply.parse(&request.query).map_err(|error| error.kind);
                match reply.and_then(parsed) {
                    Ok(response) => self.store.handle_response(request.id, response, now),
                    Err(error) => self.store.handle_error(&request, error, now),
                }
            }
            if is_idle {
                let due = self.elapsed + wait.max(Duration::from_millis(250));
                if due >= end {
                    self.advance(end.saturating_sub(self.elapsed));
                    return;
                }
                self.advance(due - self.elapsed);
            }
        }
    }

    fn advance(&mut self, span: Duration) {
        self.elapsed += span;
        self.zulip.advance(span);
    }

    async fn ask(&mut self, path: &str, asked_at: Duration) -> Result<Reply, RequestError> {
        self.asked.push((asked_at, path.to_owned()));
        self.replies += 1;
        self.send(Method::GET, path, Body::empty()).await
    }

    pub(super) async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: Body,
    ) -> Result<Reply, RequestError> {
        if self.is_out {
            return Err(RequestError::Unreachable);
        }
        let credentials = STANDARD.encode(format!("{EMAIL}:{KEY}"));
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(header::AUTHORIZATION, format!("Basic {credentials}"));
        let response = self
            .zulip
            .router()
            .oneshot(request.body(body).expect("a request"))
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("in memory").to_vec();
        Ok(Reply { status: parts.status.as_u16(), headers: parts.headers, body })
    }

    pub(super) fn page_asks(&mut self, user: &str) -> Lookup {
        let now = self.now();
        let user = user.parse().expect("a user");
        self.store.watch(&user, now);
        self.store.lookup(&user, true, now)
    }

    pub(super) fn status(&mut self, user: &str) -> Option<Status> {
        let render = self.store.render(self.now());
        match self.page_asks(user) {
            Lookup::CachedPresence(known) => {
                Some(known.status(render.now, render.offline_threshold))
            }
            _ => None,
        }
    }

    fn count(&self, path: &str) -> usize {
        self.asked.iter().filter(|(_, asked)| asked == path).count()
    }

    /// Maximum requests in any 60 s.
    pub(super) fn busiest_minute(&self) -> usize {
        let at: Vec<_> = self.asked.iter().map(|(at, _)| *at).collect();
        let window =
            |first: Duration| at.iter().filter(|at| (first..first + MINUTE).contains(*at)).count();
        at.iter().map(|first| window(*first)).max().unwrap_or(0)
    }
}

/// An organisation of `count` people, from ID 10,000 on, and of one who is there, so that its presence
/// is not taken for disabled.
pub(super) fn people(count: u64, state: impl Fn(u64) -> Activity) -> Simulator {
    let zulip = Simulator::empty(4);
    zulip.add(1, "there@example.com", "There", Activity::AtTheDesk);
    for id in 10_000..10_000 + count {
        zulip.add(id, &format!("user{id}@example.com"), "Somebody", state(id));
    }
    zulip
}

/// docs/design.md §8: at most 3 a minute for 1,000 people on a page with any number of viewers.
#[tokio::test]
async fn a_thousand_viewers_cost_three_requests_a_minute() {
    let mut world = World::new(people(1000, |_| Activity::AtTheDesk), "").await;
    let minutes = 10;
    for second in 0..minutes * 60 {
        // Each viewer looks at a group of 50 once a minute; they came one by one.
        for viewer in (0..1000_u64).filter(|viewer| viewer % 60 == second % 60) {
            for place in 0..50 {
                world.page_asks(&(10_000 + (viewer % 20) * 50 + place).to_string());
            }
        }
        world.pass(Duration::from_secs(1)).await;
    }
    let total = world.asked.len();
    println!(
        "1,000 viewers x 50 people x {minutes} minutes: {total} requests to Zulip, at most {} in a minute",
        world.busiest_minute()
    );
    assert!(world.busiest_minute() <= 3, "{:?}", world.asked);
    assert!(total as u64 <= 3 * minutes, "{total}");
    assert_eq!(world.store.watched(), 1000);
}

#[tokio::test]
async fn without_watched_users_zulip_is_not_asked() {
    let mut world = World::new(people(3, |_| Activity::AtTheDesk), "").await;
    world.pass(3 * MINUTE).await;
    assert_eq!(world.asked.len(), 1, "the directory only");
    world.page_asks("10000");
    world.pass(10 * MINUTE).await;
    let asked = world.count("realm/presence");
    assert!((9..=12).contains(&asked), "for 5 minutes every 30 s: {asked}");
    assert_eq!(world.store.watched(), 0);
    world.pass(10 * MINUTE).await;
    assert_eq!(world.count("realm/presence"), asked);
    world.page_asks("10001");
    world.pass(Duration::from_secs(1)).await;
    assert_eq!(
        world.status("10001"),
        Some(Status::Active),
        "whoever comes back is asked about at once"
    );
}

/// A reply from the time of the previous visit must not count as current.
#[tokio::test]
async fn returning_user_waits_for_a_fresh_reply() {
    let mut world = World::new(people(1, |_| Activity::AtTheDesk), "").await;
    world.page_asks("10000");
    world.pass(8 * MINUTE).await;
    assert!(matches!(world.page_asks("10000"), Lookup::Pending));
    world.pass(Duration::from_millis(500)).await;
    assert_eq!(world.status("10000"), Some(Status::Active));
}

#[tokio::test]
async fn no_request_pattern_exceeds_the_budget() {
    // 500 people who are absent from the organisation-wide reply: each is requested singly once.
    let gone = |now: i64| {
        Activity::Reported(ReportedTimestamps {
            active: Some(now - 40 * 86_400),
            idle: now - 40 * 86_400,
        })
    };
    let now = Simulator::empty(4).now() as i64;
    let absent = |id| if id % 2 == 0 { gone(now) } else { Activity::NeverSeen };
    let mut world = World::new(people(500, absent), "").await;
    for minute in 0..60 {
        for id in 10_000..10_500 {
            world.page_asks(&id.to_string());
            world.page_asks(&format!("invented{minute}x{id}@example.com"));
        }
        world.pass(MINUTE).await;
    }
    assert!(world.busiest_minute() <= 60, "{}", world.busiest_minute());
    let singles = world.asked.iter().filter(|(_, path)| path.starts_with("users/")).count();
    assert_eq!(singles, 500, "each once, then daily");
    assert!(
        world.count("users") <= 13,
        "invented users: a new directory at most every 5 minutes, not {}",
        world.count("users")
    );
    assert_eq!(world.status("10000"), Some(Status::Offline));
    assert!(matches!(world.page_asks("10001"), Lookup::NoData(NoPresenceReason::NoData)));
    assert_eq!(world.store.watched(), 500);
}

#[tokio::test]
async fn directory_is_fetched_hourly() {
    let mut world = World::new(people(1, |_| Activity::AtTheDesk), "").await;
    world.pass(5 * 60 * MINUTE + MINUTE).await;
    assert_eq!(world.count("users"), 6);
}

#[tokio::test]
async fn new_user_is_found_within_five_minutes() {
    let mut world = World::new(people(1, |_| Activity::AtTheDesk), "").await;
    world.pass(2 * MINUTE).await;
    world.zulip.add(77, "new@example.com", "New", Activity::AtTheDesk);
    assert!(matches!(world.page_asks("77"), Lookup::Nobody(NoPresenceReason::NoSuchUser)));
    world.pass(3 * MINUTE + Duration::from_secs(2)).await;
    world.page_asks("77");
    world.pass(Duration::from_secs(3)).await;
    assert_eq!(world.status("77"), Some(Status::Active));
}

/// Zulip's organisation-wide reply names people by email alone.
#[tokio::test]
async fn changed_email_is_followed_within_a_minute() {
    let mut world = World::new(people(2, |_| Activity::AtTheDesk), "").await;
    world.page_asks("10000");
    world.pass(5 * MINUTE).await;
    world.page_asks("10000");
    world.pass(MINUTE).await;
    assert_eq!(world.status("10000"), Some(Status::Active));
    world.zulip.set_email(10_000, "hidden@example.com");
    let mut active_after = None;
    for second in 0..600 {
        world.pass(Duration::from_secs(1)).await;
        let status = world.status("10000");
        assert_ne!(status, Some(Status::Offline), "{second} s after the change");
        if status == Some(Status::Active) && world.count("users") == 2 && active_after.is_none() {
            active_after = Some(second);
        }
        if active_after.is_some() {
            assert_eq!(status, Some(Status::Active), "{second} s after the change");
        }
    }
    // The next reply shows the change after 33 s at most; the directory was not requested recently.
    assert!(active_after.is_some_and(|second| second <= 40), "{active_after:?}");
    assert_eq!(world.count("users"), 2);
}

/// The organisation-wide reply is made before the change, and arrives after the directory.
#[tokio::test]
async fn late_reply_makes_nobody_offline_whose_email_changed() {
    let mut world = World::new(people(2, |_| Activity::AtTheDesk), "").await;
    world.page_asks("10000");
    world.pass(Duration::from_secs(1)).await;
    world.advance(MINUTE);
    world.store.directory_refresh.due = world.elapsed;
    let Actions { directory, requests, .. } = world.store.step(world.now());
    let reply = world.ask(&requests[0].query.path(), world.elapsed).await.expect("a reply");
    world.zulip.set_email(10_000, "hidden@example.com");
    let users = world.ask("users", world.elapsed).await.expect("a reply");
    let users = Directory::parse(&users.body).expect("a directory");
    world.advance(LATENCY);
    let now = world.now();
    world.store.directory_fetched(users, directory.expect("it is due"), now);
    assert_eq!(world.status("10000"), None);
    let reply = reply.parse(&requests[0].query).expect("presence");
    world.store.handle_response(requests[0].id, reply, now);
    assert_eq!(world.status("10000"), None);
    world.pass(Duration::from_secs(3)).await;
    assert_eq!(world.status("10000"), Some(Status::Active));
}

/// Who had an email may be gone, and their presence is not that of who has it now.
#[tokio::test]
async fn nobody_gets_the_presence_of_who_had_their_email_before() {
    let mut world = World::new(people(3, |_| Activity::AtTheDesk), "").await;
    world.zulip.set_activity(10_000, Activity::NeverSeen);
    for user in ["10000", "10001"] {
        world.page_asks(user);
    }
    world.pass(Duration::from_secs(20)).await;
    assert_eq!(world.status("10001"), Some(Status::Active));
    world.zulip.set_email(10_001, "former@example.com");
    world.zulip.set_email(10_000, "user10001@example.com");
    world.store.event(&Event::Directory, world.now());
    for _ in 0..60 {
        world.pass(Duration::from_millis(500)).await;
        assert_ne!(world.status("10000"), Some(Status::Active));
    }
    assert_eq!(world.status("10001"), Some(Status::Active));
}

#[tokio::test]
async fn deactivated_user_is_unknown_within_a_minute() {
    let mut world = World::new(people(2, |_| Activity::AtTheDesk), "").await;
    world.page_asks("10000");
    world.pass(2 * MINUTE).await;
    world.zulip.deactivate(10_000);
    for _ in 0..300 {
        world.pass(Duration::from_secs(1)).await;
        assert_ne!(world.status("10000"), Some(Status::Offline));
    }
    assert!(matches!(world.page_asks("10000"), Lookup::Nobody(NoPresenceReason::NoSuchUser)));
}

#[tokio::test]
async fn directory_is_fetched_once_for_keys_that_it_never_has() {
    let zulip = people(3, |_| Activity::AtTheDesk);
    zulip.set_listed(10_001, false);
    let mut world = World::new(zulip, "").await;
    for _ in 0..30 {
        world.page_asks("10000");
        world.pass(MINUTE).await;
    }
    assert_eq!(world.count("users"), 2);
    // A new user each minute: at most one fetch a minute.
    for id in 0..20 {
        world.zulip.add(20_000 + id, &format!("new{id}@example.com"), "New", Activity::AtTheDesk);
        world.page_asks("10000");
        world.pass(Duration::from_secs(20)).await;
    }
    assert!(world.count("users") <= 2 + 8, "{} in 400 s", world.count("users"));
    world.page_asks("20019");
    world.pass(2 * MINUTE).await;
    assert_eq!(world.status("20019"), Some(Status::Active));
}

#[tokio::test]
async fn absent_users_are_offline_from_the_first_reply() {
    let now = Simulator::empty(4).now() as i64;
    let gone = Activity::Reported(ReportedTimestamps {
        active: Some(now - 20 * 86_400),
        idle: now - 20 * 86_400,
    });
    let mut world = World::new(people(500, |_| gone), "").await;
    for id in 10_000..10_500 {
        world.page_asks(&id.to_string());
    }
    world.pass(Duration::from_secs(1)).await;
    for id in 10_000..10_500 {
        assert_eq!(world.status(&id.to_string()), Some(Status::Offline));
    }
}

#[tokio::test]
async fn deactivated_user_is_dropped() {
    let mut world = World::new(people(2, |_| Activity::AtTheDesk), "").await;
    world.page_asks("10000");
    world.pass(MINUTE).await;
    world.zulip.deactivate(10_000);
    world.pass(61 * MINUTE).await;
    assert!(matches!(world.page_asks("10000"), Lookup::Nobody(NoPresenceReason::NoSuchUser)));
    assert_eq!(world.store.watched(), 0);
}

#[tokio::test]
async fn hidden_users_are_never_asked_about() {
    let mut world =
        World::new(people(5, |_| Activity::NeverSeen), "10000\n10001\n!user10001@example.com\n")
            .await;
    for _ in 0..20 {
        for id in 10_000..10_010 {
            world.page_asks(&id.to_string());
        }
        world.pass(MINUTE).await;
    }
    assert_eq!(world.store.watched(), 1);
    assert_eq!(world.count("users/user10000%40example.com/presence"), 1);
    assert!(
        !world.asked.iter().any(|(_, path)| path.contains("10001") || path.contains("10002")),
        "{:?}",
        world.asked
    );
    assert_eq!(world.count("users"), 1, "who is not in the file is not even looked for");
}

/// In an outage of an hour statuses decay by age, and no online user is shown as offline.
#[tokio::test]
async fn outage_never_shows_an_online_user_as_offline() {
    let mut world = World::new(people(2, |_| Activity::AtTheDesk), "").await;
    world.page_asks("10000");
    world.pass(MINUTE).await;
    world.is_out = true;
    let mut seen = HashMap::new();
    for _ in 0..360 {
        *seen.entry(world.status("10000")).or_insert(0) += 1;
        world.pass(Duration::from_secs(10)).await;
    }
    assert!(!seen.contains_key(&Some(Status::Offline)), "{seen:?}");
    assert!(
        seen.contains_key(&Some(Status::Active)) && seen.contains_key(&Some(Status::Unknown)),
        "{seen:?}"
    );
    assert!(matches!(
        world.page_asks("10001"),
        Lookup::NoData(_) | Lookup::Unavailable | Lookup::Pending
    ));
    assert!(world.busiest_minute() <= 20, "{}", world.busiest_minute());
    world.is_out = false;
    for _ in 0..6 {
        world.page_asks("10000");
        world.pass(MINUTE).await;
    }
    assert_eq!(
        world.status("10000"),
        Some(Status::Active),
        "Zulip is asked again within 5 minutes"
    );
}

#[tokio::test]
async fn aggregated_status_is_recomputed_as_time_passes() {
    let mut world = World::new(people(1, |_| Activity::AtTheDesk), "").await;
    world.page_asks("10000");
    world.pass(Duration::from_secs(5)).await;
    let now = world.zulip.now() as i64;
    world.zulip.set_activity(
        10_000,
        Activity::Reported(ReportedTimestamps { active: Some(now), idle: now }),
    );
    let word = |world: &mut World| {
        let render = world.store.render(world.now());
        let Lookup::CachedPresence(known) = world.page_asks("10000") else { panic!("known") };
        let mut json = String::new();
        push_presence(&known, render, &mut json);
        let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        json["aggregated"]["status"].as_str().expect("a word").to_owned()
    };
    world.pass(190 * Duration::from_secs(1)).await;
    assert_eq!(word(&mut world), "active");
    world.pass(20 * Duration::from_secs(1)).await;
    assert_eq!(word(&mut world), "offline");
    world.is_out = true;
    for _ in 0..20 {
        world.page_asks("10000");
        world.pass(MINUTE).await;
    }
    assert_eq!(
        word(&mut world),
        "offline",
        "who was offline when last heard of is not called idle"
    );
}

#[test]
fn ten_thousand_users_are_answered() {
    let zulip = people(10_000, |_| Activity::AtTheDesk);
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut world = World::new(zulip, "").await;
        world.pass(Duration::from_secs(1)).await;
        for id in 10_000..20_000 {
            world.page_asks(&id.to_string());
        }
        world.pass(Duration::from_secs(5)).await;
        assert_eq!(world.store.watched(), 10_000);
        assert_eq!(world.status("19999"), Some(Status::Active));
        let now = world.now();
        assert!(matches!(world.store.lookup(&UserRef::Id(20_000), true, now), Lookup::Nobody(_)));
    });
}

/// A key that changes while its requests are under way: whatever they bring is ignored.
#[tokio::test]
async fn replies_to_a_former_account_change_nothing() {
    let mut world = World::new(people(2, |_| Activity::AtTheDesk), "").await;
    assert_eq!(world.status("10000"), None);
    world.pass(MINUTE).await;
    assert_eq!(world.status("10000"), Some(Status::Active));
    for late in ["nothing", "a refusal", "a directory", "presence"] {
        world.store.directory_refresh.due = world.elapsed;
        world.advance(MINUTE);
        let Actions { directory, requests, .. } = world.store.step(world.now());
        let (account, request) = (directory.expect("it is due"), requests[0].clone());
        world.store.credentials_changed(world.now());
        let now = world.now();
        match late {
            "a refusal" => {
                world.store.directory_failed(RequestError::Unauthorized, account, now);
                world.store.handle_error(&request, RequestError::Unauthorized, now);
            }
            "a directory" => {
                let nobody = br#"{"result":"success","members":[]}"#;
                let nobody = Directory::parse(nobody).expect("a directory");
                world.store.directory_fetched(nobody, account, now);
            }
            "presence" => {
                let body = br#"{"result":"success","presences":{},"server_timestamp":1}"#;
                let reply = Reply { status: 200, headers: HeaderMap::new(), body: body.to_vec() };
                let reply = reply.parse(&request.query).expect("a reply");
                world.store.handle_response(request.id, reply, now);
            }
            _ => {}
        }
        assert_eq!(world.status("10000"), Some(Status::Active), "{late}");
        let step = world.store.step(now);
        assert_eq!(step.discarded, [request], "{late}");
        assert!(step.timed_out.is_empty(), "{late}");
        let account = step.directory.expect("for the new account at once");
        assert!(!step.requests.is_empty(), "{late}: nor does presence wait");
        let directory = world.ask("users", world.elapsed).await.expect("a reply");
        let directory = Directory::parse(&directory.body).expect("a directory");
        world.store.directory_fetched(directory, account, now);
        for request in step.requests {
            let reply = world.ask(&request.query.path(), world.elapsed).await.expect("a reply");
            let reply = reply.parse(&request.query).expect("presence");
            world.store.handle_response(request.id, reply, now);
        }
        assert!(world.store.is_healthy(), "{late}");
    }
}

/// An organisation that has presence disabled, which nobody told: nobody is offline for that, nor asked
/// about singly, whenever a page asks for them first.
#[tokio::test]
async fn disabled_presence_is_unknown_and_costs_no_single_requests() {
    let zulip = people(50, |_| Activity::AtTheDesk);
    zulip.set_presence_disabled(true);
    let mut world = World::new(zulip, "").await;
    for id in 10_000..10_050 {
        assert_eq!(world.status(&id.to_string()), None);
        world.pass(Duration::from_secs(1)).await;
        assert!(matches!(world.page_asks(&id.to_string()), Lookup::NoData(_)), "{id}");
    }
    world.pass(MINUTE).await;
    assert!(world.store.is_presence_disabled());
    assert!(!world.asked.iter().any(|(_, path)| path.starts_with("users/")), "{:?}", world.asked);
    world.zulip.set_presence_disabled(false);
    world.pass(MINUTE).await;
    assert_eq!(world.status("10000"), Some(Status::Active));
    world.zulip.set_presence_disabled(true);
    world.pass(MINUTE).await;
    assert_eq!(world.status("10000"), None);
}
