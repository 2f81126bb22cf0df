//! What people say of themselves: only where that is shown.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use zulip_simulator::{Fault, Simulator};

use crate::streams::Stream;
use crate::test_gateway::{Options, TestGateway, organisation};

const BATCH: &str = "/api/v1/realm/presence?users=[12,17,23,999]&slim_presence=true";
const ADAS: &str = "/api/v1/users/12/status";

/// Ada is on holiday, Tomasz is invisible, and Mateo is deactivated.
fn talkative() -> Simulator {
    let zulip = organisation(4);
    zulip.set_status(12, &holiday());
    zulip.set_status(17, &json!({"status_text": "<b>Out</b> & \"about\"", "away": true}));
    zulip.set_status(44, &json!({"status_text": "Gone"}));
    zulip
}

fn holiday() -> Value {
    json!({"status_text": "On holiday", "emoji_name": "beach", "emoji_code": "1f3d6", "reaction_type": "unicode_emoji"})
}

fn shown() -> Options {
    Options { show_statuses: true, refresh: Duration::from_secs(45), ..Options::default() }
}

#[tokio::test]
async fn hidden_by_default_in_every_reply() {
    let gateway = TestGateway::with(talkative(), Options::default()).await;
    let unknown = gateway.get("/api/v1/unknown").await;
    let reply = gateway.get(ADAS).await;
    assert_eq!((reply.status, reply.json()), (StatusCode::NOT_FOUND, unknown.json()));
    gateway.until_events(true).await;
    let mut stream = Stream::open(&gateway, "[12,17,23]").await;
    let first = stream.message().await;
    gateway.zulip.set_status(23, &holiday());
    gateway
        .zulip
        .send_event(&json!({"type": "user_status", "user_id": 12, "status_text": "secret"}));
    gateway.zulip.set_activity(23, zulip_simulator::Activity::AtTheDesk);
    let news = stream.about("23").await;
    for text in [
        first.to_string(),
        news.to_string(),
        gateway.get(BATCH).await.text(),
        gateway.get("/api/v1/users/12/presence").await.text(),
        gateway.get("/users/12/presence.svg").await.text(),
    ] {
        for hidden in ["holiday", "status_text", "user_status", "secret", "about"] {
            assert!(!text.contains(hidden), "{hidden} in {text}");
        }
    }
    assert!(!gateway.zulip.asked().iter().any(|path| path.ends_with("/status")));
}

#[tokio::test]
async fn told_by_the_event_queue() {
    let gateway = TestGateway::with(talkative(), shown()).await;
    gateway.until_events(true).await;
    let expected = json!({"12": holiday(), "17": {"status_text": "<b>Out</b> & \"about\""}});
    let batch = gateway.get(BATCH).await.json();
    assert_eq!(batch["user_statuses"], expected);
    let reply = gateway.get(ADAS).await;
    assert_eq!(reply.json()["status"], holiday());
    assert!(reply.header("cache-control").starts_with("public, max-age="), "{reply:?}");
    assert_eq!(gateway.get("/api/v1/users/23/status").await.json()["status"], json!({}));
    for nobody in ["999", "44", "x"] {
        let reply = gateway.get(&format!("/api/v1/users/{nobody}/status")).await;
        assert_eq!((reply.status, &*reply.word("/msg")), (StatusCode::BAD_REQUEST, "No such user"));
    }

    let mut stream = Stream::open(&gateway, "[12,17,23]").await;
    assert_eq!(stream.message().await["user_statuses"], expected);
    gateway.zulip.set_status(23, &json!({"status_text": "Back at three"}));
    let news = stream.about("23").await;
    assert_eq!(news["user_statuses"], json!({"23": {"status_text": "Back at three"}}));
    assert!(news["presences"]["23"]["active_timestamp"].is_number(), "{news}");
    // Who has an entry and no status says nothing any more.
    gateway.zulip.set_status(12, &json!({}));
    let news = stream.about("12").await;
    assert_eq!(news["user_statuses"]["12"], Value::Null, "{news}");
    assert_eq!(gateway.get(ADAS).await.json()["status"], json!({}));
    // Only what changed.
    gateway.zulip.send_event(&json!({"type": "user_status", "user_id": 23, "emoji_name": "coffee", "emoji_code": "2615", "reaction_type": "unicode_emoji"}));
    let news = stream.about("23").await;
    assert_eq!(news["user_statuses"]["23"]["status_text"], "Back at three");
    assert_eq!(news["user_statuses"]["23"]["emoji_code"], "2615");
    assert!(!gateway.zulip.asked().iter().any(|path| path.ends_with("/status")));
}

#[tokio::test]
async fn asked_for_one_by_one_without_a_queue() {
    let options = Options { live: None, ..shown() };
    let gateway = TestGateway::with(talkative(), options).await;
    gateway.get(BATCH).await;
    let is_known = |reply: &crate::test_gateway::Reply| {
        let statuses = &reply.json()["user_statuses"];
        statuses["12"] == holiday() && statuses["17"]["status_text"].is_string()
    };
    let reply = gateway.until(BATCH, is_known).await;
    assert_eq!(reply.json()["user_statuses"]["23"], Value::Null);
    let asked = gateway.zulip.asked();
    let asked: Vec<_> = asked.iter().filter(|path| path.ends_with("/status")).collect();
    // Those who are watched, each once, and nobody else.
    assert!(asked.len() <= 3, "{asked:?}");
    assert!(!asked.iter().any(|path| path.contains("44") || path.contains("999")), "{asked:?}");
}

/// Zulip registers a queue that cannot be read, after one that could not be registered.
#[tokio::test]
async fn asked_for_one_by_one_while_the_new_queue_cannot_be_read() {
    let zulip = talkative();
    zulip.fail_at("/register", Fault::Html(500));
    let gateway = TestGateway::with(zulip, shown()).await;
    let is_refused = r#"kind="register",outcome="status"} 1"#;
    gateway.until("/metrics", |reply| reply.text().contains(is_refused)).await;
    gateway.zulip.fail_at("/events", Fault::Html(502));
    gateway.until("/metrics", |_| gateway.asked("events") > 0).await;
    gateway.zulip.set_status(12, &json!({"status_text": "Back"}));
    let expected = json!({"status_text": "Back"});
    gateway.until(BATCH, |reply| reply.json()["user_statuses"]["12"] == expected).await;
}

/// A restart of Zulip's event system: the queue is the same, and has everything that happened.
#[tokio::test]
async fn told_again_by_the_queue_that_comes_back() {
    let gateway = TestGateway::with(talkative(), shown()).await;
    gateway.until_events(true).await;
    gateway.zulip.set_heartbeat(Duration::from_millis(100));
    gateway.zulip.fail_at("/events", Fault::Html(502));
    gateway.until_events(false).await;
    gateway.zulip.set_status(23, &json!({"status_text": "Back at three"}));
    gateway.zulip.fail(None);
    gateway.until_events(true).await;
    // Who is not told of is asked about together with their presence.
    let statuses = gateway.get(BATCH).await.json()["user_statuses"].clone();
    assert_eq!(
        (&statuses["12"], &statuses["23"]["status_text"]),
        (&holiday(), &json!("Back at three"))
    );
    gateway.zulip.set_status(12, &json!({"status_text": "Back"}));
    let expected = json!({"status_text": "Back"});
    gateway.until(BATCH, |reply| reply.json()["user_statuses"]["12"] == expected).await;
    assert_eq!(gateway.asked("register"), 1);
    let asked = gateway.zulip.asked();
    assert!(!asked.iter().any(|path| path.ends_with("/status")), "{asked:?}");
}

/// Servers before feature level 262.
#[tokio::test]
async fn unsupported_is_no_problem() {
    let zulip = talkative();
    zulip.fail_at("/status", Fault::Html(404));
    let gateway = TestGateway::with(zulip, Options { live: None, ..shown() }).await;
    gateway.get(BATCH).await;
    let is_refused = |reply: &crate::test_gateway::Reply| {
        reply.text().contains(r#"kind="user_status",outcome="status"} 1"#)
    };
    let metrics = gateway.until("/metrics", is_refused).await;
    assert!(metrics.text().contains("zulip_presence_upstream_up 1"), "{}", metrics.text());
    let reply = gateway.get(BATCH).await;
    assert_eq!((reply.status, &reply.json()["user_statuses"]), (StatusCode::OK, &json!({})));
}

#[tokio::test]
async fn only_allow_listed_people_say_anything() {
    let file = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"))
        .join(format!("statuses-people-{}", std::process::id()));
    std::fs::write(&file, "12\n").expect("a file");
    let options = Options { people: Some(file.clone()), ..shown() };
    let gateway = TestGateway::with(talkative(), options).await;
    gateway.until_events(true).await;
    assert_eq!(gateway.get(BATCH).await.json()["user_statuses"], json!({"12": holiday()}));
    let mut stream = Stream::open(&gateway, "[12,17,23]").await;
    assert_eq!(stream.message().await["user_statuses"], json!({"12": holiday()}));
    gateway.zulip.set_status(17, &json!({"status_text": "Still out"}));
    gateway.zulip.set_status(12, &json!({"status_text": "Back"}));
    let news = stream.about("12").await;
    assert_eq!(news["user_statuses"], json!({"12": {"status_text": "Back"}}));
    let reply = gateway.get("/api/v1/users/17/status").await;
    assert_eq!((reply.status, &*reply.word("/msg")), (StatusCode::BAD_REQUEST, "No such user"));
    std::fs::remove_file(&file).expect("there is one");
}
