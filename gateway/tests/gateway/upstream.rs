//! A Zulip, or what answers in its place, that means harm: what it sends is bounded, and pages get
//! a plain 503 or what was known before.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tower::ServiceExt as _;
use zulip_simulator::{Activity, Fault};

use crate::test_gateway::{ADA, Options, Reply, TestGateway, on_a_port, organisation};

const MIB: usize = 1 << 20;
/// Most bytes of a reply that the gateway keeps.
const MOST: usize = 64 * MIB;

/// A body that never ends: hands out pieces as they are wanted, and counts.
struct Flood {
    piece: Bytes,
    /// Before each piece.
    pause: Duration,
    taken: Arc<AtomicUsize>,
    sleep: Pin<Box<tokio::time::Sleep>>,
}

impl Flood {
    fn of(piece: Vec<u8>, pause: Duration) -> (Self, Arc<AtomicUsize>) {
        let taken = Arc::new(AtomicUsize::new(0));
        (
            Self {
                piece: piece.into(),
                pause,
                taken: taken.clone(),
                sleep: Box::pin(tokio::time::sleep(Duration::ZERO)),
            },
            taken,
        )
    }
}

impl hyper::body::Body for Flood {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.pause.is_zero() {
            if self.sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            let next = tokio::time::Instant::now() + self.pause;
            self.sleep.as_mut().reset(next);
        }
        self.taken.fetch_add(self.piece.len(), Ordering::Relaxed);
        Poll::Ready(Some(Ok(Frame::data(self.piece.clone()))))
    }
}

/// A gateway whose Zulip answers about everybody by `reply`, and about all else as it should.
async fn gateway(reply: impl Fn() -> Response + Clone + Send + Sync + 'static) -> TestGateway {
    let zulip = organisation(4);
    let realm = get(move || std::future::ready(reply()));
    let router =
        Router::new().route("/api/v1/realm/presence", realm).fallback_service(zulip.router());
    TestGateway::asking(on_a_port(router).await, zulip, Options::default())
}

fn json(body: impl Into<Body>) -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], body.into()).into_response()
}

/// How often a reply about everybody came to `outcome`.
async fn came_to(gateway: &TestGateway, outcome: &str) {
    let row = format!(r#"kind="realm_presence",outcome="{outcome}"}}"#);
    gateway.until("/metrics", |reply| reply.text().contains(&row)).await;
    assert_eq!(gateway.get("/healthz").await.status, StatusCode::OK);
    let reply: Reply = gateway.get(ADA).await;
    assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{}", reply.text());
    assert_eq!(reply.word("/result"), "error");
}

#[tokio::test]
async fn endless_body_is_cut_off_at_64_mib() {
    let (flood, taken) = Flood::of(vec![b' '; MIB], Duration::ZERO);
    let once = Arc::new(std::sync::Mutex::new(Some(flood)));
    let gateway =
        gateway(move || json(once.lock().unwrap().take().map_or_else(Body::empty, Body::new)))
            .await;
    gateway.get(ADA).await;
    came_to(&gateway, "not_zulip").await;
    let taken = taken.load(Ordering::Relaxed);
    // What is on the way in sockets and buffers comes on top.
    assert!((MOST..MOST + 24 * MIB).contains(&taken), "{} MiB", taken / MIB);
}

#[tokio::test]
async fn drip_fed_body_times_out_after_10_s() {
    let gateway = gateway(|| {
        let (drip, _) = Flood::of(vec![b' '], Duration::from_secs(1));
        json(Body::new(drip))
    })
    .await;
    gateway.get(ADA).await;
    came_to(&gateway, "timed_out").await;
}

#[tokio::test]
async fn deeply_nested_json_is_refused() {
    for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
        let nested = [open.repeat(10_000), "1".into(), close.repeat(10_000)].concat();
        let body = format!(
            r#"{{"result":"success","msg":"","presences":{{"ada@example.com":{nested}}},"server_timestamp":1}}"#
        );
        let gateway = gateway(move || json(body.clone())).await;
        gateway.get(ADA).await;
        came_to(&gateway, "not_zulip").await;
    }
}

/// What no clock can mean imposes no wait; what would be years is told to pages as a minute at
/// most.
#[tokio::test]
async fn absurd_retry_after_is_ignored() {
    let mut rows = JoinSet::new();
    for (retry_after_s, is_kept) in
        [(-5.0, false), (f64::NAN, false), (0.0, false), (1e9, true), (f64::INFINITY, false)]
    {
        for in_body in [true, false] {
            rows.spawn(async move {
                let zulip = organisation(4);
                zulip.fail_at("realm/presence", Fault::RateLimited { retry_after_s, in_body });
                let gateway = TestGateway::with(
                    zulip,
                    Options { refresh: Duration::from_millis(200), ..Options::default() },
                )
                .await;
                let reply = gateway.get(ADA).await;
                assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE, "{retry_after_s}");
                let wait = reply.header("retry-after").parse::<u64>().expect("whole seconds");
                assert!((1..=60).contains(&wait), "{retry_after_s}: {wait}");
                if is_kept {
                    assert_eq!(gateway.asked("realm/presence"), 1, "{retry_after_s}");
                } else {
                    // The gateway's own wait is 5 s at most.
                    gateway.until("/metrics", |_| gateway.asked("realm/presence") > 1).await;
                }
            });
        }
    }
    while let Some(row) = rows.join_next().await {
        row.expect("the row holds");
    }
}

/// Serves `router` on connections that stay when this is given up.
async fn serve_connections(listener: tokio::net::TcpListener, router: Router) {
    loop {
        let (stream, _) = listener.accept().await.expect("a connection");
        let router = router.clone();
        let service = hyper::service::service_fn(move |request: hyper::Request<Incoming>| {
            router.clone().oneshot(request.map(Body::new))
        });
        let server = hyper::server::conn::http1::Builder::new();
        let connection = server.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(connection);
    }
}

/// Zulip's name moves to another address, while the old host answers on, on the connections that it has:
/// with errors, redirects, or what it knew before.
#[tokio::test]
async fn zulip_that_moved_is_found() {
    let mut rows = JoinSet::new();
    for fault in [None, Some(Fault::Html(503)), Some(Fault::ServerError), Some(Fault::Redirect)] {
        rows.spawn(async move {
            let old = organisation(4);
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("it has one");
            let accepting = tokio::spawn(serve_connections(listener, old.router()));
            let options = Options { refresh: Duration::from_millis(200), ..Options::default() };
            let gateway = TestGateway::asking(address, old.clone(), options);
            assert_eq!(gateway.get(ADA).await.word("/presence/aggregated/status"), "active");
            old.fail(fault.clone());
            accepting.abort();
            let new = organisation(4);
            new.set_activity(12, Activity::AwayFromTheDesk);
            assert!(accepting.await.is_err_and(|error| error.is_cancelled()));
            let _server = new.start_at(address).expect("only its listener is gone");
            let is_idle = |reply: &Reply| {
                reply.status == StatusCode::OK
                    && reply.word("/presence/aggregated/status") == "idle"
            };
            gateway.until(ADA, is_idle).await;
            assert!(!new.asked().is_empty(), "{fault:?}");
        });
    }
    while let Some(row) = rows.join_next().await {
        row.expect("the row holds");
    }
}
