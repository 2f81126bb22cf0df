//! Accepts connections, cuts off clients that never finish a request, and ends gracefully.

mod activity;
pub(crate) mod background;
pub(crate) mod connection;
mod connection_limit;
pub(crate) mod file_limit;
pub(crate) mod listener;
pub(crate) mod logging;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tower::ServiceExt as _;

use self::activity::Activity;
use self::background::{BackgroundTasks, TaskEnded};
use self::connection::Connection;
use self::connection_limit::ConnectionLimiter;
use self::file_limit::max_connections;
use self::listener::Listener;

/// Time limit for a request's head, also of the next request on a kept-alive connection.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(15);
/// Maximum bytes of a request's head: a URL of 4,000 bytes, and cookies of other applications.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// Minimum time between two log lines about connections that cannot be accepted.
const ACCEPT_ERROR_LOG_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum age of a connection, so that a slow reader cannot hold one for ever. The request in
/// progress is completed.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);
/// How much older a connection may become that carries a stream: a stream ends by itself sooner.
const MAX_STREAM_AGE: Duration = Duration::from_secs(400);
/// How long requests in flight may take at shutdown.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `router` until `end`, then lets requests in flight finish.
pub async fn serve(listener: impl Into<Listener>, router: Router, end: impl Future<Output = ()>) {
    serve_at_most(max_connections(), listener.into(), router, end).await;
}

/// Serves `router` until `end`, or until one of `tasks` ends.
///
/// # Errors
/// Which task ended.
pub async fn serve_with(
    mut tasks: BackgroundTasks,
    listener: impl Into<Listener>,
    router: Router,
    end: impl Future<Output = ()>,
) -> Result<(), TaskEnded> {
    let mut result = Ok(());
    let end = async {
        tokio::select! {
            () = end => {}
            ended = tasks.first_end() => result = Err(ended),
        }
    };
    serve(listener, router, end).await;
    result
}

async fn serve_at_most(
    limit: usize,
    listener: Listener,
    router: Router,
    end: impl Future<Output = ()>,
) {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES);
    let limiter = Arc::new(ConnectionLimiter::new(limit));
    let mut error_logged_at: Option<Instant> = None;
    let shutdown = watch::Sender::new(());
    // Each connection holds a sender: when the last one is gone, all have ended.
    let (open, mut all_ended) = mpsc::channel::<()>(1);
    let mut end = pin!(end);
    loop {
        let accepted = tokio::select! {
            () = &mut end => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match accepted {
            Ok(stream) => stream,
            Err(error) => {
                // Mostly out of file descriptors: connections that end free some.
                if error_logged_at.is_none_or(|at| at.elapsed() >= ACCEPT_ERROR_LOG_INTERVAL) {
                    tracing::warn!(%error, "a connection was not accepted");
                    error_logged_at = Some(Instant::now());
                }
                drop(limiter.evict().await);
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        // Only now, so that none is ended before another one needs its place.
        let permit = tokio::select! {
            () = &mut end => break,
            permit = limiter.acquire() => permit,
        };
        let Some(permit) = permit else {
            break;
        };
        let (router, activity) = (router.clone(), Activity::default());
        let this = Connection::new(permit, shutdown.subscribe());
        let (observer, extension) = (activity.clone(), this.clone());
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(extension.clone());
            observer.clone().during(router.clone().oneshot(request))
        });
        let stream = TokioIo::new(activity.observe(stream));
        let connection = server.serve_connection(stream, service);
        let (limiter, open) = (Arc::clone(&limiter), open.clone());
        tokio::spawn(async move {
            let mut connection = Box::pin(connection);
            tokio::select! {
                evicted = limiter.run_until_evicted(connection.as_mut(), &activity) => {
                    drop(connection);
                    if let (Some(successor), Some(permit)) = (evicted, this.take_permit()) {
                        // Whoever needed it may have ended meanwhile.
                        let _ = successor.send(permit);
                    }
                    return;
                }
                () = this.aborted() => return,
                () = max_age(&this) => {}
                () = this.shutdown() => {}
            }
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, connection).await;
            drop((this, open));
        });
    }
    drop((listener, open));
    shutdown.send_replace(());
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, all_ended.recv()).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
}

/// Completes when a connection is as old as it may become.
async fn max_age(connection: &Connection) {
    tokio::time::sleep(MAX_CONNECTION_AGE).await;
    if connection.carries_stream() {
        tokio::time::sleep(MAX_STREAM_AGE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::Extension;
    use axum::body::Bytes;
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// Larger than what sockets and hyper buffer.
    const LARGE: usize = 64 << 20;

    /// A server of at most `limit` connections.
    async fn server(limit: usize) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let large = Bytes::from(vec![b'x'; LARGE]);
        let router = Router::new()
            .route("/", get(|| async { "here\n" }))
            .route("/large", get(move || async move { large }));
        tokio::spawn(serve_at_most(limit, listener.into(), router, std::future::pending()));
        address
    }

    async fn connect(address: SocketAddr) -> TcpStream {
        TcpStream::connect(address).await.expect("it listens")
    }

    async fn ask(stream: &mut TcpStream) {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it reads");
        let mut reply = vec![0; 1024];
        let length = stream.read(&mut reply).await.expect("it answers");
        assert!(reply[..length].ends_with(b"here\n"), "{}", String::from_utf8_lossy(&reply));
    }

    /// Of four connections, the one that was used first and last is kept.
    #[tokio::test]
    async fn recently_used_connection_is_not_evicted() {
        let address = server(3).await;
        let (mut first, mut idle) = (connect(address).await, connect(address).await);
        ask(&mut first).await;
        ask(&mut idle).await;
        for _ in 0..10 {
            ask(&mut first).await;
        }
        let (_third, _fourth) = (connect(address).await, connect(address).await);
        assert_eq!(
            idle.read(&mut [0]).await.expect("no reset"),
            0,
            "the longest idle one is ended"
        );
        ask(&mut first).await;
    }

    #[tokio::test]
    async fn as_many_connections_as_the_limit_stay_open() {
        let address = server(3).await;
        let mut streams = Vec::new();
        for _ in 0..3 {
            streams.push(connect(address).await);
        }
        for _ in 0..10 {
            for stream in &mut streams {
                ask(stream).await;
            }
        }
    }

    /// A reader that is slow while all connections are taken, and new ones come.
    #[tokio::test]
    async fn answer_that_is_being_sent_is_not_cut() {
        for limit in [1, 2] {
            let address = server(limit).await;
            let mut slow = connect(address).await;
            slow.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                .await
                .expect("it reads");
            let mut reply = vec![0; 1 << 10];
            slow.read_exact(&mut reply).await.expect("it begins");
            let mut others: Vec<_> = Vec::new();
            for _ in 0..10 {
                let mut stream = connect(address).await;
                if limit > 1 {
                    ask(&mut stream).await;
                }
                others.push(stream);
            }
            slow.read_to_end(&mut reply).await.expect("no reset");
            assert!(reply.len() > LARGE, "{} of {LARGE} bytes", reply.len());
            ask(others.last_mut().expect("ten")).await;
        }
    }

    /// A limit of eight, used up by connections that send nothing, half a head, or a slow request.
    #[tokio::test]
    async fn idle_connections_are_evicted_for_new_ones() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let (release, released) = watch::channel(false);
        let slow = move || {
            let mut released = released.clone();
            async move { released.wait_for(|released| *released).await.map_or("", |_| "slow\n") }
        };
        let router = Router::new().route("/", get(|| async { "here\n" })).route("/slow", get(slow));
        tokio::spawn(serve_at_most(8, listener.into(), router, std::future::pending()));
        let connect = async |sent: &str| {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            stream.write_all(sent.as_bytes()).await.expect("it reads");
            stream
        };
        let rest = async |mut stream: TcpStream| {
            let mut reply = String::new();
            stream.read_to_string(&mut reply).await.expect("an answer");
            reply
        };
        let closing =
            |path: &str| format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        let at_work = [connect(&closing("/slow")).await, connect(&closing("/slow")).await];
        let mut idle = Vec::new();
        for number in 0..40 {
            idle.push(connect(if number % 2 == 0 { "" } else { "GET / HTTP/1.1\r\nX: " }).await);
        }
        for _ in 0..20 {
            let stream = connect(&closing("/")).await;
            let reply = tokio::time::timeout(HEADER_READ_TIMEOUT / 3, rest(stream))
                .await
                .expect("sooner than those are timed out");
            assert!(reply.ends_with("here\n"), "{reply}");
        }
        release.send_replace(true);
        for stream in at_work {
            assert!(
                rest(stream).await.ends_with("slow\n"),
                "what is being answered keeps its permit"
            );
        }
    }

    /// Connections that carry streams are neither counted nor evicted.
    #[tokio::test]
    async fn streams_leave_connections_to_requests() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let (news, _) = watch::channel(());
        let messages = news.clone();
        let stream = move |Extension(connection): Extension<Connection>| {
            connection.carry_stream();
            let messages = messages.subscribe();
            let body =
                futures_util::stream::unfold((true, messages), async |(is_first, mut messages)| {
                    if !is_first {
                        messages.changed().await.ok()?;
                    }
                    Some((Ok::<_, std::io::Error>("message\n"), (false, messages)))
                });
            std::future::ready(Body::from_stream(body))
        };
        let router =
            Router::new().route("/", get(|| async { "here\n" })).route("/stream", get(stream));
        tokio::spawn(serve_at_most(2, listener.into(), router, std::future::pending()));
        let ask = async |path: &str| {
            let mut stream = TcpStream::connect(address).await.expect("it listens");
            let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
            stream.write_all(head.as_bytes()).await.expect("it reads");
            stream
        };
        let read_until = async |stream: &mut TcpStream, wanted: &str| {
            let mut reply = String::new();
            while !reply.contains(wanted) {
                let mut part = [0; 1024];
                let length = stream.read(&mut part).await.expect("no reset");
                assert!(length > 0, "it ended: {reply}");
                reply.push_str(std::str::from_utf8(&part[..length]).expect("text"));
            }
        };
        let mut streams = Vec::new();
        for _ in 0..5 {
            let mut stream = ask("/stream").await;
            read_until(&mut stream, "message\n").await;
            streams.push(stream);
        }
        // Each takes the place of one that is idle by then.
        let mut idle = Vec::new();
        for _ in 0..10 {
            let mut connection = ask("/").await;
            read_until(&mut connection, "here\n").await;
            idle.push(connection);
        }
        news.send_replace(());
        for stream in &mut streams {
            read_until(stream, "message\n").await;
        }
    }

    #[tokio::test]
    async fn a_background_task_that_ends_ends_the_server() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let mut tasks = BackgroundTasks::default();
        tasks.spawn("poll loop", async { panic!("a bug") });
        let ended = serve_with(tasks, listener, Router::new(), std::future::pending()).await;
        assert!(ended.is_err_and(|error| error.to_string().contains("poll loop")));
    }
}
