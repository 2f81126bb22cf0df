//! Simulates hours of events and streams in virtual time: any of them may break at any moment, and
//! nothing is wrong longer than by polling alone.

use std::collections::HashMap;
use std::time::Duration;

use axum::body::Body;
use axum::http::Method;
use zulip_presence_core::reply::{HttpReply, RequestError};
use zulip_presence_core::{Observation, Status, UserRef};
use zulip_simulator::{Activity, ReportedTimestamps, Simulator};

use super::simulation::{MINUTE, World, people};
use crate::http::batch::{Batch, BodyWriter, push_entry};
use crate::store::Lookup;
use crate::store::news::Known;
use crate::zulip::event_queue::wire::{Event, Events, Registered, is_bad_queue, register_form};
use crate::zulip::event_queue::{Action, EventQueue, QueueError};

/// A page with a stream, and nothing else: it never polls.
struct StreamPage {
    batch: Batch,
    known: HashMap<UserRef, Option<Observation>>,
    /// How often each person was in a message after the first.
    messages: HashMap<UserRef, usize>,
    /// When the gateway looks for news without an event.
    look_at: Duration,
}

impl StreamPage {
    fn open(world: &mut World, ids: impl Iterator<Item = u64>) -> Self {
        let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
        let batch = Batch::parse(Some(&format!("users=[{}]&slim_presence=true", ids.join(","))))
            .expect("a list");
        let now = world.now();
        let first = batch.body(&mut world.store, false, now).expect("no waiting").expect("data");
        world.store.follow(batch.users(), true, now);
        let mut page =
            Self { batch, known: HashMap::new(), messages: HashMap::new(), look_at: world.elapsed };
        page.read(&first);
        page.messages.clear();
        page
    }

    /// As a page reads a message: what is older than what it knows is ignored.
    fn read(&mut self, json: &str) {
        let reply = HttpReply { status: 200, header: &|_| None, body: json.as_bytes() };
        let reply = reply.parse_realm().expect("a reply");
        let at = reply.server_timestamp.expect("with its time");
        for (user, presence) in reply.content.iter() {
            *self.messages.entry(user.clone()).or_default() += 1;
            let observed = presence.ok().map(|presence| Observation { presence, at });
            let known = self.known.entry(user.clone()).or_default();
            if known.is_none_or(|known| known.at <= at) {
                *known = observed;
            }
        }
    }

    /// Passes `span`, and reads what comes.
    async fn pass(&mut self, world: &mut World, span: Duration) {
        let epoch = world.replies;
        world.pass(span).await;
        if world.replies == epoch && world.elapsed < self.look_at {
            return;
        }
        let news = world.store.news(world.now());
        self.look_at = world.elapsed + news.wait;
        let mut body = BodyWriter::new(news.people.len(), false);
        for Known { user, presence, .. } in &news.people {
            let key = format!("\"{user}\"");
            match presence {
                Some(known) => body.push(&key, known.at, |json| {
                    push_entry(true, known, news.render, json);
                }),
                None => body.push_no_data(&key),
            }
        }
        if !news.people.is_empty() {
            self.read(&body.finish(news.render));
        }
    }

    /// What the page shows, and what one that polls at this moment would show.
    fn statuses(&self, world: &mut World) -> Vec<(UserRef, Option<Status>, Option<Status>)> {
        let render = world.store.render(world.now());
        let status = |known: Observation| known.status(render.now, render.offline_threshold);
        let now = world.now();
        let users: Vec<UserRef> = self.batch.users().cloned().collect();
        let polled = |user: &UserRef| match world.store.lookup(user, false, now) {
            Lookup::CachedPresence(known) => Some(status(*known)),
            _ => None,
        };
        let rows = users.into_iter().map(|user| {
            let shown = self.known.get(&user).copied().flatten().map(status);
            let polled = polled(&user);
            (user, shown, polled)
        });
        rows.collect()
    }
}

/// Hours of people who come, idle and go, with outages of Zulip: the page always shows what the
/// gateway knows.
#[tokio::test]
async fn page_with_a_stream_shows_what_the_gateway_knows() {
    let zulip = Simulator::empty(4);
    zulip.add_people(60);
    let mut world = World::new(zulip, "").await;
    for id in 10_001..10_061 {
        world.page_asks(&id.to_string());
    }
    world.pass(Duration::from_secs(2)).await;
    let mut page = StreamPage::open(&mut world, 10_001..10_061);
    for second in 0..3 * 3600_u32 {
        // An outage of ten minutes in every hour.
        world.is_out = second % 3600 > 3000;
        page.pass(&mut world, Duration::from_secs(1)).await;
        for (user, shown, polled) in page.statuses(&mut world) {
            assert_eq!(shown, polled, "{user} after {second} s");
        }
    }
    let messages: usize = page.messages.values().sum();
    println!(
        "60 people, 3 hours: {:.2} entries for each person and minute",
        messages as f64 / 60.0 / 180.0
    );
    // Their reports move once a minute while they are there, and every page must hear that.
    assert!(messages <= 60 * 180, "{messages}");
}

/// Zulip says nothing when somebody leaves, and the page needs nobody to tell it.
#[tokio::test]
async fn who_merely_ages_is_not_sent() {
    let zulip = people(3, |_| Activity::AtTheDesk);
    let mut world = World::new(zulip, "").await;
    world.page_asks("10000");
    world.pass(Duration::from_secs(2)).await;
    let mut page = StreamPage::open(&mut world, 10_000..10_001);
    page.pass(&mut world, 3 * MINUTE).await;
    let now = world.zulip.now() as i64;
    let left = ReportedTimestamps { active: Some(now), idle: now };
    world.zulip.set_activity(10_000, Activity::Reported(left));
    let mut rows = Vec::new();
    for second in 0..240_usize {
        page.pass(&mut world, Duration::from_secs(1)).await;
        let (user, shown, polled) = page.statuses(&mut world).remove(0);
        assert_eq!(shown, polled, "{second} s");
        rows.push((shown, page.messages[&user]));
    }
    let offline = rows.iter().position(|(shown, _)| *shown == Some(Status::Offline));
    let offline = offline.expect("200 s after the last report");
    assert!((198..=200).contains(&offline), "after {offline} s");
    assert_eq!(rows[offline].1, rows[offline - 8].1, "the page needs no message for it");
    // The last report came, collected, within 60 s and a refresh. Then it was said once more that
    // nothing had changed, before the page would no longer have known.
    assert!(rows[offline].1 <= rows[100].1 + 1, "{rows:?}");
}

/// Reads the event queue as the event loop does.
struct QueueReader {
    queue: EventQueue,
    /// A request that Zulip holds: for which queue, after which event, since when.
    held: Option<(String, i64, Duration)>,
    is_again: bool,
    /// What a proxy makes of every request.
    fault: Option<RequestError>,
}

impl QueueReader {
    fn new(world: &World) -> Self {
        // What is held is not waited for here.
        world.zulip.set_heartbeat(Duration::ZERO);
        let queue = EventQueue::new(60, 7, world.elapsed);
        Self { queue, held: None, is_again: false, fault: None }
    }

    /// What happens at this moment.
    async fn step(&mut self, world: &mut World) {
        if let Some((id, last, since)) = self.held.take() {
            let path = format!("events?queue_id={id}&last_event_id={last}");
            match self.send(world, Method::GET, &path, String::new()).await {
                Ok(body) => {
                    let events = Events::parse(&body).expect("events");
                    let is_held = world.elapsed - since < Duration::from_secs(54);
                    if events.events.is_empty() && is_held {
                        self.held = Some((id, last, since));
                        return;
                    }
                    for event in &events.events {
                        world.store.event(event, world.now());
                    }
                    self.queue.polled(&events);
                }
                Err(error) => {
                    self.queue.failed(error, world.elapsed);
                }
            }
            return;
        }
        match self.queue.next(world.elapsed) {
            Action::Wait(_) => {}
            Action::Register => {
                let form: Vec<_> = register_form(false)
                    .iter()
                    .map(|(name, value)| format!("{name}={value}"))
                    .collect();
                match self.send(world, Method::POST, "register", form.join("&")).await {
                    Ok(body) => {
                        let registered = Registered::parse(&body).expect("a queue");
                        self.queue.registered(&registered, world.elapsed);
                        world.store.queue_registered(&registered, self.is_again, world.now());
                        self.is_again = true;
                    }
                    Err(error) => {
                        self.queue.failed(error, world.elapsed);
                    }
                }
            }
            Action::Poll { queue_id, last_event_id, .. } => {
                self.held = Some((queue_id, last_event_id, world.elapsed));
            }
        }
    }

    async fn send(
        &self,
        world: &mut World,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Vec<u8>, QueueError> {
        if let Some(fault) = self.fault {
            return Err(QueueError::Request(fault));
        }
        let reply =
            world.send(method, path, Body::from(body)).await.map_err(QueueError::Request)?;
        if is_bad_queue(&reply.body) {
            return Err(QueueError::Lost);
        }
        Ok(reply.body)
    }
}

/// The seconds until somebody who comes is shown, while `breaks` happen to the queue.
async fn seconds_until_shown(
    seed: u64,
    mut breaks: impl FnMut(u64, &mut QueueReader, &World),
) -> Vec<f64> {
    const STEP: Duration = Duration::from_millis(500);
    let zulip = people(20, |_| Activity::NeverSeen);
    let mut world = World::with_refresh(zulip, "", Duration::from_secs(15)).await;
    world.page_asks("10000");
    world.pass(Duration::from_secs(2)).await;
    let mut page = StreamPage::open(&mut world, 10_000..10_020);
    let mut reader = QueueReader::new(&world);
    let mut random = seed;
    let mut next = |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    // Who is there, who has come and is not shown yet, and when each moves next.
    let mut moves: Vec<Duration> = (0..20).map(|_| Duration::from_secs(next(600))).collect();
    let mut is_there = [false; 20];
    let mut came: HashMap<u64, Duration> = HashMap::new();
    let (mut shown_after, mut breaks_at) = (Vec::new(), Duration::ZERO);
    while world.elapsed < 60 * MINUTE {
        for (id, moves_at) in (10_000..).zip(&mut moves) {
            let there = &mut is_there[id as usize - 10_000];
            if *moves_at <= world.elapsed {
                *moves_at += Duration::from_secs(400 + next(400));
                *there = !*there;
                let now = world.zulip.now() as i64;
                let left = ReportedTimestamps { active: Some(now), idle: now };
                world.zulip.set_activity(
                    id,
                    if *there { Activity::AtTheDesk } else { Activity::Reported(left) },
                );
                if *there {
                    came.insert(id, world.elapsed);
                }
            }
        }
        if breaks_at <= world.elapsed {
            breaks_at += Duration::from_secs(10 + next(80));
            breaks(next(100), &mut reader, &world);
        }
        reader.step(&mut world).await;
        page.pass(&mut world, STEP).await;
        for (user, shown, polled) in page.statuses(&mut world) {
            assert_eq!(shown, polled, "{user} after {:?}", world.elapsed);
            if let UserRef::Id(id) = user
                && shown == Some(Status::Active)
                && let Some(at) = came.remove(&id)
            {
                shown_after.push((world.elapsed - at).as_secs_f64());
            }
        }
    }
    assert!(shown_after.len() > 30, "{}", shown_after.len());
    shown_after
}

fn worst(seconds: &[f64]) -> f64 {
    seconds.iter().copied().fold(0.0, f64::max)
}

fn mean(seconds: &[f64]) -> f64 {
    seconds.iter().sum::<f64>() / seconds.len() as f64
}

/// What a refresh of 15 s takes at most, with jitter, reply and step.
const BY_POLLING_S: f64 = 15.0 * 1.1 + 1.0;

#[tokio::test]
async fn who_comes_is_shown_soon_by_events() {
    let polled = seconds_until_shown(1, |_, reader, _| {
        reader.fault = Some(RequestError::Unauthorized);
    })
    .await;
    let live = seconds_until_shown(1, |_, _, _| {}).await;
    println!(
        "who comes is known after {:.1} s, at worst {:.1}; by polling alone {:.1}, at worst {:.1}",
        mean(&live),
        worst(&live),
        mean(&polled),
        worst(&polled)
    );
    assert!(worst(&polled) <= BY_POLLING_S, "{}", worst(&polled));
    // Two requests are 2 s apart, and so are two that ask for events, but for the first five.
    assert!(worst(&live) <= 5.0, "{}", worst(&live));
    assert!(mean(&live) <= 1.0, "{}", mean(&live));
}

#[tokio::test]
async fn nothing_is_wrong_longer_than_by_polling_however_the_queue_breaks() {
    for seed in 1..4 {
        let seconds = seconds_until_shown(seed, |random, reader, world| {
            reader.fault = None;
            match random {
                0..20 => world.zulip.lose_queues(),
                20..30 => reader.fault = Some(RequestError::Unreachable),
                30..40 => reader.fault = Some(RequestError::TimedOut),
                40..50 => {
                    reader.fault = Some(RequestError::Status { code: 502, retry_after: None });
                }
                50..55 => {
                    reader.fault = Some(RequestError::Status { code: 500, retry_after: None });
                }
                55..60 => reader.fault = Some(RequestError::InvalidResponse),
                60..65 => {
                    reader.fault =
                        Some(RequestError::RateLimited { retry_after: Some(30 * SECOND) });
                }
                // Repeated, older and absurd ones.
                65..75 => {
                    for id in [-1, 0, 1, 1, i64::MIN] {
                        world.zulip.send_event(
                            &serde_json::json!({"type": "presence", "id": id, "user_id": 10_003}),
                        );
                    }
                }
                _ => {}
            }
        })
        .await;
        println!("seed {seed}: {:.1} s, at worst {:.1}", mean(&seconds), worst(&seconds));
        assert!(worst(&seconds) <= BY_POLLING_S, "seed {seed}: {}", worst(&seconds));
    }
}

const SECOND: Duration = Duration::from_secs(1);

/// The list of users is fetched at once, long before the next organisation-wide reply is due, which
/// alone has the new emails.
#[tokio::test]
async fn nobody_is_offline_because_their_email_changed() {
    const IDS: std::ops::Range<u64> = 10_000..10_040;
    let zulip = people(40, |_| Activity::AtTheDesk);
    let mut world = World::with_refresh(zulip, "", 45 * SECOND).await;
    for id in IDS {
        world.page_asks(&id.to_string());
    }
    world.pass(20 * SECOND).await;
    for id in IDS {
        world.zulip.set_email(id, &format!("user{id}@hidden.example.com"));
        world.store.event(&Event::Directory, world.now());
    }
    let mut active_after = None;
    for step in 0..600 {
        world.pass(SECOND / 10).await;
        let statuses: Vec<_> = IDS.map(|id| world.status(&id.to_string())).collect();
        assert!(!statuses.contains(&Some(Status::Offline)), "{statuses:?} after {step} steps");
        let new = "user10039@hidden.example.com".parse().expect("a user");
        let is_new = !matches!(world.store.lookup(&new, true, world.now()), Lookup::Nobody(_));
        if is_new && statuses.iter().all(|status| *status == Some(Status::Active)) {
            active_after.get_or_insert(step);
        } else {
            assert_eq!(active_after, None, "{statuses:?} after {step} steps");
        }
    }
    assert!(active_after.is_some_and(|step| step < 10), "{active_after:?}");
}

/// Whatever events come, Zulip is asked no more often than the limits of hints allow.
#[tokio::test]
async fn a_flood_of_events_stays_within_the_limits() {
    let mut world = World::with_refresh(people(20, |_| Activity::AtTheDesk), "", 15 * SECOND).await;
    for second in 0..600 {
        for id in 10_000..10_020 {
            if second % 60 == 0 {
                world.page_asks(&id.to_string());
            }
            let hint = Event::Presence(vec![UserRef::Id(id)]);
            world.store.event(&hint, world.now());
        }
        world.store.event(&Event::Directory, world.now());
        world.pass(SECOND).await;
    }
    // 20 by events, 5 by polling, 6 directories.
    assert!(world.busiest_minute() <= 31, "{}", world.busiest_minute());
}
