//! What pages get while Zulip fails in every way that it does.

use std::time::Duration;

use axum::http::StatusCode;
use tokio::task::JoinSet;
use zulip_simulator::{Activity, EMAIL, Fault};

use crate::cli::file;
use crate::test_gateway::{ADA, Options, PAGE, Reply, TestGateway, on_a_port, organisation};

fn faults() -> Vec<Fault> {
    vec![
        Fault::RateLimited { retry_after_s: 6.466_876_268_386_841, in_body: true },
        Fault::RateLimited { retry_after_s: 6.466_876_268_386_841, in_body: false },
        Fault::ServerError,
        Fault::Html(502),
        Fault::Html(503),
        Fault::Html(504),
        Fault::Html(404),
        Fault::Html(200),
        Fault::Redirect,
        Fault::Body("{\"result\":\"success\",\"msg\":\"\",\"presences\":"),
        Fault::Body("null"),
        Fault::Body(""),
        Fault::Body("{\"result\":\"success\",\"msg\":\"\"}"),
        Fault::Hang,
        Fault::TruncatedBody,
    ]
}

#[track_caller]
fn is_unavailable(reply: &Reply, why: &impl std::fmt::Debug) {
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{why:?}: {}", reply.text());
    assert_eq!(reply.word("/result"), "error", "{why:?}");
    assert_eq!(reply.header("cache-control"), "no-store", "{why:?}");
    assert_eq!(reply.header("access-control-allow-origin"), PAGE, "{why:?}");
    assert!(
        reply.header("retry-after").parse::<u64>().is_ok_and(|wait| (1..=60).contains(&wait)),
        "{why:?}: {reply:?}"
    );
}

/// Neither 401 nor 429 nor anything else is passed on where there is no answer yet: 503, by single and
/// by batch.
#[tokio::test]
async fn faults_before_the_first_answer_give_503() {
    let mut rows = JoinSet::new();
    for fault in faults() {
        for all in [false, true] {
            let fault = fault.clone();
            rows.spawn(async move {
                let zulip = organisation(4);
                if all {
                    zulip.fail(Some(fault.clone()));
                } else {
                    zulip.fail_at("realm/presence", fault.clone());
                }
                let gateway = TestGateway::with(zulip, Options::default()).await;
                let (single, batch) = tokio::join!(
                    gateway.get(ADA),
                    gateway.get("/api/v1/realm/presence?users=[12,17]")
                );
                is_unavailable(&single, &fault);
                is_unavailable(&batch, &fault);
                assert_eq!(gateway.get("/healthz").await.status, StatusCode::OK);
                assert_eq!(
                    gateway.get("/readyz").await.status,
                    if all {
                        StatusCode::SERVICE_UNAVAILABLE
                    } else {
                        gateway.get("/readyz").await.status
                    }
                );
                let picture = gateway.get("/users/12/presence.svg").await;
                assert!(
                    picture.status == StatusCode::OK && picture.text().contains("Activity unknown"),
                    "{fault:?}"
                );
            });
        }
    }
    while let Some(row) = rows.join_next().await {
        row.expect("the row holds");
    }
}

/// Where there is an answer, it stays, with its old date; when Zulip is back, a newer one comes.
#[tokio::test]
async fn last_answer_is_served_during_an_outage() {
    let mut rows = JoinSet::new();
    for fault in faults() {
        // A hang is noticed after 10 s, a 429 imposes its wait: both are long enough as it is.
        if fault == Fault::Hang || matches!(fault, Fault::RateLimited { .. }) {
            continue;
        }
        rows.spawn(async move {
            let gateway = TestGateway::with(
                organisation(4),
                Options { refresh: Duration::from_millis(200), ..Options::default() },
            )
            .await;
            let before = gateway.get(ADA).await.number("/server_timestamp");
            gateway.zulip.fail(Some(fault.clone()));
            gateway.until("/readyz", |reply| reply.status == StatusCode::SERVICE_UNAVAILABLE).await;
            let during = gateway.get(ADA).await;
            assert_eq!(during.status, StatusCode::OK, "{fault:?}");
            assert!(during.number("/server_timestamp") >= before);
            let frozen = gateway.get(ADA).await.number("/server_timestamp");
            assert!(
                (frozen - during.number("/server_timestamp")).abs() < f64::EPSILON,
                "{fault:?}"
            );
            gateway.zulip.fail(None);
            gateway.until(ADA, |reply| reply.number("/server_timestamp") > frozen).await;
            assert_eq!(gateway.get("/readyz").await.status, StatusCode::OK);
        });
    }
    while let Some(row) = rows.join_next().await {
        row.expect("the row holds");
    }
}

#[tokio::test]
async fn rate_limit_is_respected_to_its_fraction() {
    let gateway = TestGateway::with(
        organisation(4),
        Options { refresh: Duration::from_millis(200), ..Options::default() },
    )
    .await;
    gateway.get(ADA).await;
    gateway.zulip.fail(Some(Fault::RateLimited { retry_after_s: 2.3, in_body: true }));
    gateway.until("/readyz", |reply| reply.status == StatusCode::SERVICE_UNAVAILABLE).await;
    let limited_at = tokio::time::Instant::now();
    gateway.zulip.fail(None);
    let asked = gateway.asked("realm/presence");
    let deadline = limited_at + Duration::from_secs(30);
    while gateway.asked("realm/presence") == asked {
        assert!(tokio::time::Instant::now() < deadline, "it asks again");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(limited_at.elapsed() > Duration::from_millis(2_250), "{:?}", limited_at.elapsed());
}

/// A key that is revoked while the gateway runs: pages notice nothing but age, and Zulip is left
/// alone.
#[tokio::test]
async fn revoked_key_is_not_retried() {
    let gateway = TestGateway::with(
        organisation(4),
        Options { refresh: Duration::from_millis(200), ..Options::default() },
    )
    .await;
    assert_eq!(gateway.get(ADA).await.status, StatusCode::OK);
    gateway.zulip.set_api_key("another");
    gateway.until("/readyz", |reply| reply.status == StatusCode::SERVICE_UNAVAILABLE).await;
    let asked = gateway.zulip.asked().len();
    for _ in 0..100 {
        let reply = gateway.get(ADA).await;
        assert_eq!(reply.status, StatusCode::OK, "a 401 is never passed on");
        assert_eq!(reply.word("/presence/aggregated/status"), "active");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(gateway.zulip.asked().len(), asked);
    assert!(
        gateway
            .get("/metrics")
            .await
            .text()
            .contains(r#"kind="realm_presence",outcome="unauthorized"} 1"#)
    );
    let newcomer = gateway.get("/api/v1/realm/presence?users=[12,17]").await;
    assert_eq!(
        newcomer.json()["presences"]["12"]["aggregated"]["status"],
        "active",
        "who is known stays known beside who is not"
    );
}

/// A gateway that was started with a zuliprc, and what writes another key into that.
async fn with_zuliprc(name: &str) -> (TestGateway, impl Fn(&str)) {
    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let address = server.address();
    let text = move |key: &str| format!("[api]\nemail={EMAIL}\nkey={key}\nsite=http://{address}\n");
    let zuliprc = file(name, &text(&zulip.key()));
    let options = Options {
        refresh: Duration::from_millis(200),
        zuliprc: Some(zuliprc.clone()),
        ..Options::default()
    };
    let gateway = TestGateway::asking(address, zulip, options).with_server(server);
    (gateway, move |key| {
        std::fs::write(&zuliprc, text(key)).expect("ours");
    })
}

fn is_ready(reply: &Reply) -> bool {
    reply.status == StatusCode::OK
}

/// Replacing the zuliprc is all that is needed.
#[tokio::test]
async fn new_key_is_used_without_restart() {
    let (gateway, write_key) = with_zuliprc("new-key").await;
    assert_eq!(gateway.get(ADA).await.status, StatusCode::OK);
    gateway.zulip.set_api_key("regenerated");
    gateway.until("/readyz", |reply| !is_ready(reply)).await;
    // But for the end of the former key's event queue.
    let asked = || gateway.zulip.asked().iter().filter(|path| *path != "events").count();
    let (refused, before) = (asked(), gateway.get(ADA).await.number("/server_timestamp"));
    for wrong in ["wrong\nnonsense", "wrong"] {
        write_key(wrong);
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(
            gateway.get("/readyz").await.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{wrong:?}"
        );
    }
    let asked = asked() - refused;
    assert!(
        (1..=2).contains(&asked),
        "a wrong key is tried once, a broken file not at all: {asked} requests"
    );
    write_key("regenerated");
    gateway.until("/readyz", is_ready).await;
    gateway.until(ADA, |reply| reply.number("/server_timestamp") > before).await;
}

/// The former key is refused only after the new one is in force.
#[tokio::test]
async fn late_refusal_of_the_old_key_does_not_block_the_new_one() {
    let (gateway, write_key) = with_zuliprc("former-key").await;
    assert_eq!(gateway.get(ADA).await.status, StatusCode::OK);
    let hold = || (gateway.zulip.hold_next("realm/presence"), gateway.asked("realm/presence"));
    // Two holds, so that no request with the revoked key is refused before the second.
    let (accepted, asked) = hold();
    gateway.until("/healthz", |_| gateway.asked("realm/presence") > asked).await;
    gateway.zulip.set_api_key("regenerated");
    let (refused, asked) = hold();
    drop(accepted);
    gateway.until("/healthz", |_| gateway.asked("realm/presence") > asked).await;
    let before = gateway.get(ADA).await.number("/server_timestamp");
    write_key("regenerated");
    gateway.reload();
    gateway.until(ADA, |reply| reply.number("/server_timestamp") > before).await;
    let before = gateway.get(ADA).await.number("/server_timestamp");
    drop(refused);
    gateway.until(ADA, |reply| reply.number("/server_timestamp") > before).await;
    assert_eq!(gateway.get("/readyz").await.status, StatusCode::OK);
}

/// The list of users that was requested with the former key arrives after the new one is in force: the
/// new bot sees more people.
#[tokio::test]
async fn directory_of_the_former_key_is_not_used() {
    let (gateway, write_key) = with_zuliprc("former-directory").await;
    let tomasz = "/api/v1/users/17/presence";
    gateway.zulip.set_listed(17, false);
    let held = gateway.zulip.hold_next("users");
    gateway.until("/healthz", |_| gateway.asked("users") == 1).await;
    gateway.zulip.set_listed(17, true);
    gateway.zulip.set_api_key("regenerated");
    write_key("regenerated");
    gateway.reload();
    gateway.until(tomasz, is_ready).await;
    drop(held);
    let arrived = r#"kind="users",outcome="ok"} 2"#;
    gateway.until("/metrics", |reply| reply.text().contains(arrived)).await;
    assert_eq!(gateway.get(tomasz).await.status, StatusCode::OK);
    assert_eq!(gateway.asked("users"), 2);
}

/// Nor does it fail for good, or make the new key wait, whatever becomes of it.
#[tokio::test]
async fn replies_to_the_former_key_neither_count_nor_delay() {
    let (gateway, write_key) = with_zuliprc("former-replies").await;
    assert_eq!(gateway.get(ADA).await.status, StatusCode::OK);
    gateway.zulip.set_activity(12, Activity::Left(Duration::from_secs(3600)));
    let held = gateway.zulip.hold_next("realm/presence");
    let asked = gateway.asked("realm/presence");
    gateway.until("/healthz", |_| gateway.asked("realm/presence") > asked).await;
    gateway.zulip.set_activity(12, Activity::AtTheDesk);
    gateway.zulip.set_api_key("regenerated");
    write_key("regenerated");
    let before = gateway.get(ADA).await.number("/server_timestamp");
    gateway.reload();
    gateway.until(ADA, |reply| reply.number("/server_timestamp") > before).await;
    assert_eq!(gateway.get("/readyz").await.status, StatusCode::OK);
    let now = gateway.get(ADA).await.number("/server_timestamp");
    drop(held);
    let newer = gateway.until(ADA, |reply| reply.number("/server_timestamp") > now).await;
    assert_eq!(newer.word("/presence/aggregated/status"), "active");
    let metrics = gateway.get("/metrics").await.text();
    assert!(!metrics.contains("timed_out") && !metrics.contains("unauthorized"), "{metrics}");
}

#[tokio::test]
async fn changed_site_is_ignored_until_restart() {
    let (gateway, _) = with_zuliprc("other-site").await;
    let stranger = organisation(4);
    let server = stranger.start().expect("a free port");
    let elsewhere = server.address();
    file(
        "other-site",
        &format!("[api]\nemail={EMAIL}\nkey={}\nsite=http://{elsewhere}\n", stranger.key()),
    );
    let start = gateway.get(ADA).await.number("/server_timestamp");
    gateway.until(ADA, |reply| reply.number("/server_timestamp") > start + 7.0).await;
    assert_eq!(
        stranger.asked(),
        Vec::<String>::new(),
        "what is known of one organisation is not splitmix64 with another"
    );
}

#[tokio::test]
async fn wrong_key_gives_503() {
    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let gateway = TestGateway::asking(server.address(), zulip.clone(), Options::default());
    zulip.set_api_key("another");
    is_unavailable(&gateway.get(ADA).await, &"401");
    assert_eq!(zulip.asked(), ["users"]);
}

#[tokio::test]
async fn refused_connection_gives_503() {
    let zulip = organisation(4);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    drop(listener);
    let gateway = TestGateway::asking(address, zulip.clone(), Options::default());
    is_unavailable(&gateway.get(ADA).await, &"refused");
    let _server = zulip.start_at(address).expect("still free");
    gateway.until(ADA, |reply| reply.status == StatusCode::OK).await;
}

/// Zulip needs three seconds: the first request waits for it, and gets its answer at once when it
/// is there.
#[tokio::test]
async fn slow_replies_are_awaited() {
    let zulip = organisation(4);
    zulip.fail_at("realm/presence", Fault::Slow(Duration::from_secs(3)));
    let gateway = TestGateway::with(zulip, Options::default()).await;
    let started = tokio::time::Instant::now();
    assert_eq!(gateway.get(ADA).await.status, StatusCode::OK);
    let took = started.elapsed();
    assert!(took >= Duration::from_secs(3), "{took:?}");
}

/// A Zulip whose organisation-wide reply is this router's.
async fn with_realm(realm: axum::routing::MethodRouter) -> TestGateway {
    let zulip = organisation(4);
    let front =
        axum::Router::new().route("/api/v1/realm/presence", realm).fallback_service(zulip.router());
    TestGateway::asking(on_a_port(front).await, zulip, Options::default())
}

/// Zulip's reply with `blanks` after it, packed.
async fn packed(blanks: usize) -> axum::body::Bytes {
    use tower::ServiceExt as _;
    let reply = r#"{"result":"success","msg":"","presences":{"ada@example.com":{"active_timestamp":1795448000}},"server_timestamp":1795448000.5}"#;
    let padded = format!("{reply}{}", " ".repeat(blanks));
    let packing = axum::Router::new().route("/", axum::routing::get(|| async { padded }));
    let request = axum::http::Request::get("/")
        .header("accept-encoding", "gzip")
        .body(axum::body::Body::empty());
    let packing = packing.layer(tower_http::compression::CompressionLayer::new());
    let response = packing.oneshot(request.expect("a request")).await.expect("infallible");
    axum::body::to_bytes(response.into_body(), usize::MAX).await.expect("in memory")
}

/// What counts of a packed reply is its size when it is unpacked.
#[tokio::test]
async fn gzip_reply_is_read_and_a_gzip_bomb_refused() {
    for (megabytes, expected) in [(5, StatusCode::OK), (66, StatusCode::SERVICE_UNAVAILABLE)] {
        let body = packed(megabytes << 20).await;
        assert!(body.len() < 1 << 20, "{} bytes", body.len());
        let gateway = with_realm(axum::routing::get(move || async move {
            ([("content-encoding", "gzip")], body)
        }))
        .await;
        // A busy machine may need longer than the first request waits.
        gateway.until(ADA, |reply| reply.status == expected).await;
        let of_use =
            gateway.get("/metrics").await.text().contains(r#"kind="realm_presence",outcome="ok""#);
        assert_eq!(of_use, expected == StatusCode::OK, "{megabytes} MB");
    }
}

/// The key goes to the one server that was configured.
#[tokio::test]
async fn redirects_are_not_followed() {
    let stranger = organisation(4);
    let server = stranger.start().expect("a free port");
    let elsewhere = server.address();
    for status in [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ] {
        let location = format!("http://{elsewhere}/api/v1/realm/presence");
        let gateway =
            with_realm(axum::routing::get(
                move || async move { (status, [("location", location)]) },
            ))
            .await;
        is_unavailable(&gateway.get(ADA).await, &status);
    }
    assert_eq!(stranger.asked(), Vec::<String>::new());
}
