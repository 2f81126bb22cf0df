//! Zulip's event queue: who comes is known at once, and nothing depends on it.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::json;
use zulip_presence_gateway::StreamConfig;
use zulip_simulator::{Activity, Fault};

use crate::streams::Stream;
use crate::test_gateway::{ADA, Options, Reply, TestGateway, organisation};

const BATCH: &str = "/api/v1/realm/presence?users=[12,23]&slim_presence=true";

/// Polls so seldom that what a test sees in its 30 s of patience came by an event.
fn seldom() -> Options {
    Options { refresh: Duration::from_secs(45), ..Options::default() }
}

/// A gateway that reads an event queue.
async fn live(generation: u8) -> TestGateway {
    let gateway = TestGateway::with(organisation(generation), seldom()).await;
    until_queue(&gateway).await;
    gateway.until(BATCH, |reply| reply.status == StatusCode::OK).await;
    gateway
}

async fn until_queue(gateway: &TestGateway) {
    gateway.until_events(true).await;
    assert_eq!(gateway.zulip.queues(), 1);
}

async fn metrics(gateway: &TestGateway) -> String {
    gateway.get("/metrics").await.text()
}

/// Chiamaka comes, and a page with a stream is told.
async fn comes(gateway: &TestGateway, stream: &mut Stream) {
    gateway.zulip.set_activity(23, Activity::AtTheDesk);
    loop {
        let news = stream.about("23").await;
        let active = news["presences"]["23"]["active_timestamp"].as_f64();
        if active.is_some_and(|active| gateway.zulip.now() - active < 100.0) {
            return;
        }
    }
}

async fn goes(gateway: &TestGateway) {
    gateway.zulip.set_activity(23, Activity::Left(Duration::from_secs(3600)));
    // So that coming is news again.
    gateway.zulip.send_event(&json!({"type": "presence", "user_id": 23}));
    let is_gone = |reply: &Reply| {
        let active = reply.json()["presences"]["23"]["active_timestamp"].as_f64();
        active.is_some_and(|active| gateway.zulip.now() - active > 1000.0)
    };
    gateway.until(BATCH, is_gone).await;
}

#[tokio::test]
async fn who_comes_is_told_to_pages_at_once() {
    for generation in 1..=4 {
        let gateway = live(generation).await;
        let mut stream = Stream::open(&gateway, "[12,23]").await;
        stream.message().await;
        let at = Instant::now();
        comes(&gateway, &mut stream).await;
        println!("generation {generation}: told after {:?}", at.elapsed());
        assert!(
            metrics(&gateway).await.contains(r#"zulip_presence_events_total{type="presence"} 1"#)
        );
        let registered = gateway.zulip.asked().iter().filter(|path| *path == "register").count();
        assert_eq!(registered, 1);
    }
}

/// Its own status lies, and its form differs: whatever an event says, Zulip's reply counts.
#[tokio::test]
async fn an_event_is_a_hint_and_no_data() {
    let gateway = live(2).await;
    let before = gateway.asked("realm/presence");
    for event in [
        json!({"type": "presence", "user_id": 23, "presence": {"website": {"status": "active", "timestamp": gateway.zulip.now()}}}),
        json!({"type": "presence", "presences": {"23": {"active_timestamp": gateway.zulip.now()}}}),
        json!({"type": "presence", "user_id": "23", "id": "x", "presence": []}),
        json!({"type": "presence", "id": -7, "user_id": 23}),
        json!({"type": "presence", "id": 0, "user_id": 23}),
        json!({"type": "unknown"}),
    ] {
        gateway.zulip.send_event(&event);
    }
    gateway.until(BATCH, |_| gateway.asked("realm/presence") > before).await;
    let reply = gateway.get(BATCH).await;
    let active = reply.number("/presences/23/active_timestamp");
    assert!(gateway.zulip.now() - active > 1000.0, "{}", reply.text());
    // What followed them is read as well.
    let mut stream = Stream::open(&gateway, "[23]").await;
    stream.message().await;
    comes(&gateway, &mut stream).await;
}

#[tokio::test]
async fn events_about_people_whom_nobody_watches_cost_nothing() {
    let gateway = live(4).await;
    let before = gateway.asked("realm/presence");
    let event = json!({"type": "presence", "user_id": 17});
    for _ in 0..5 {
        gateway.zulip.send_event(&event);
    }
    gateway
        .until("/metrics", |reply| reply.text().contains(r#"events_total{type="presence"} 5"#))
        .await;
    gateway.zulip.send_event(&json!({"type": "presence", "user_id": 12}));
    gateway.until(BATCH, |_| gateway.asked("realm/presence") > before).await;
    assert_eq!(gateway.asked("realm/presence"), before + 1);
}

#[tokio::test]
async fn many_events_share_requests() {
    let gateway = live(4).await;
    let before = gateway.asked("realm/presence");
    let at = Instant::now();
    while at.elapsed() < Duration::from_secs(5) {
        gateway.zulip.send_event(&json!({"type": "presence", "user_id": 12}));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // At least 2 s apart.
    let requests = gateway.asked("realm/presence") - before;
    assert!((1..=4).contains(&requests), "{requests}");
}

#[tokio::test]
async fn new_people_are_found_at_once_in_organisations_of_every_size() {
    let zulip = organisation(4);
    for id in 10_000..10_200 {
        zulip.add(id, &format!("user{id}@example.com"), "Somebody", Activity::AtTheDesk);
    }
    let gateway = TestGateway::with(zulip, seldom()).await;
    until_queue(&gateway).await;
    let new = "/api/v1/users/77/presence";
    assert_eq!(gateway.get(new).await.status, StatusCode::BAD_REQUEST);
    gateway.zulip.add(77, "new@example.com", "New", Activity::AtTheDesk);
    gateway.until(new, |reply| reply.status == StatusCode::OK).await;
    gateway.zulip.deactivate(77);
    gateway.until(new, |reply| reply.status == StatusCode::BAD_REQUEST).await;
    // Presence events come in small organisations only, and here none is needed.
    gateway.zulip.set_activity(23, Activity::AtTheDesk);
    assert!(!metrics(&gateway).await.contains(r#"type="presence""#));
}

#[tokio::test]
async fn a_lost_queue_is_replaced() {
    let gateway = live(4).await;
    let mut stream = Stream::open(&gateway, "[23]").await;
    stream.message().await;
    gateway.zulip.lose_queues();
    gateway.until("/metrics", |_| gateway.zulip.queues() == 1).await;
    comes(&gateway, &mut stream).await;
}

/// Incoming-webhook bots, old servers, an event system that is down, login pages: polling is enough.
#[tokio::test]
async fn without_a_queue_polling_goes_on() {
    for fault in [
        Fault::Html(404),
        Fault::Html(502),
        Fault::ServerError,
        Fault::Body("{}"),
        Fault::TruncatedBody,
        Fault::Redirect,
        Fault::RateLimited { retry_after_s: 3.5, in_body: true },
    ] {
        let zulip = organisation(4);
        zulip.fail_at("/register", fault.clone());
        let options = Options { refresh: Duration::from_secs(10), ..Options::default() };
        let gateway = TestGateway::with(zulip, options).await;
        let first = gateway.get(ADA).await;
        assert_eq!(first.status, StatusCode::OK, "{fault:?}");
        gateway.until("/metrics", |_| gateway.asked("register") > 0).await;
        let text = metrics(&gateway).await;
        assert!(text.contains("\nzulip_presence_events_up 0\n"), "{fault:?}: {text}");
        assert!(text.contains("zulip_presence_upstream_up 1"), "{fault:?}: {text}");
        assert!(gateway.asked("register") <= 2, "{fault:?}: it is not asked again and again");
        // Whatever was wrong, it may be over.
        if fault == Fault::Html(502) {
            gateway.zulip.fail(None);
            gateway.until("/metrics", |_| gateway.zulip.queues() == 1).await;
        }
    }
}

#[tokio::test]
async fn a_queue_survives_a_failure_on_the_way() {
    let gateway = live(4).await;
    let mut stream = Stream::open(&gateway, "[23]").await;
    stream.message().await;
    gateway.zulip.set_heartbeat(Duration::from_millis(100));
    for fault in [Fault::Html(502), Fault::TruncatedBody, Fault::Body("<html>")] {
        gateway.zulip.fail_at("/events", fault);
        let before = gateway.asked("events");
        gateway.until("/metrics", |_| gateway.asked("events") >= before + 2).await;
        gateway.zulip.fail(None);
        comes(&gateway, &mut stream).await;
        until_queue(&gateway).await;
        goes(&gateway).await;
    }
    assert_eq!(gateway.asked("register"), 1);
}

#[tokio::test]
async fn off_asks_zulip_for_no_events() {
    let gateway = TestGateway::with(organisation(4), Options { live: None, ..seldom() }).await;
    assert_eq!(gateway.get(ADA).await.status, StatusCode::OK);
    assert!(!gateway.zulip.asked().iter().any(|path| path == "register" || path == "events"));
}

#[tokio::test]
async fn threshold_comes_from_zulip_unless_it_is_set() {
    let zulip = organisation(4);
    zulip.set_offline_threshold(140);
    for (offline_after, expected) in [(None, 140.0), (Some(Duration::from_secs(300)), 300.0)] {
        let gateway = TestGateway::with(zulip.clone(), Options { offline_after, ..seldom() }).await;
        gateway.until_events(true).await;
        let reply = gateway.get(BATCH).await;
        assert_eq!(reply.number("/server_presence_offline_threshold_seconds"), expected);
    }
    // A page is told when it comes to be known, or changes.
    let gateway = TestGateway::with(zulip, seldom()).await;
    gateway.until_events(true).await;
    let mut stream = Stream::open(&gateway, "[23]").await;
    assert_eq!(stream.message().await["server_presence_offline_threshold_seconds"], 140);
    gateway.zulip.set_offline_threshold(90);
    gateway.zulip.lose_queues();
    assert_eq!(stream.about("23").await["server_presence_offline_threshold_seconds"], 90);
}

#[tokio::test]
async fn presence_that_is_disabled_is_unknown_at_once() {
    let gateway = live(4).await;
    let mut stream = Stream::open(&gateway, "[12]").await;
    assert!(stream.message().await["presences"]["12"]["active_timestamp"].is_number());
    gateway.zulip.set_presence_disabled(true);
    assert_eq!(stream.about("12").await["presences"]["12"], json!({}));
    gateway.zulip.set_presence_disabled(false);
    assert!(stream.about("12").await["presences"]["12"]["active_timestamp"].is_number());
}

#[tokio::test]
async fn the_queue_ends_with_the_process() {
    let gateway = live(4).await;
    gateway.end.clone().end().await;
    assert_eq!(gateway.zulip.queues(), 0);
}

#[tokio::test]
async fn limits_of_streams_and_queue_are_one_setting() {
    let options = Options {
        live: Some(StreamConfig { max_streams: 0, ..StreamConfig::default() }),
        ..seldom()
    };
    let gateway = TestGateway::with(organisation(4), options).await;
    until_queue(&gateway).await;
    let refused = gateway.get("/api/v1/realm/presence/stream?users=[12]").await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
}
