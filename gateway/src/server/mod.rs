//! Takes connections. Cuts off clients that never finish a request, makes room for whoever comes
//! when all places are taken, and ends gracefully.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;
use tower::ServiceExt as _;

/// A request's head must be here by then, also the next one on a kept connection.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(15);
/// Most bytes of a request's head: a URL of 4,000 bytes, and cookies that are not ours.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// Most connections at once; HTTP/1, so most requests too. Fewer where the system allows fewer open
/// files.
const MAX_CONNECTIONS: usize = 4096;
/// Open files that are not connections of clients: to Zulip, the log, what is read again.
const OTHER_FILES: usize = 64;
/// How often the log says that connections cannot be taken.
const ACCEPT_ERROR_LOG_INTERVAL: Duration = Duration::from_secs(60);
/// A connection that lives longer is ended after its request: nobody holds one for ever by reading
/// slowly.
const MAX_CONNECTION_AGE: Duration = Duration::from_secs(600);
/// How long requests under way may take at the end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves `router` until `end`, then lets requests under way end.
pub async fn serve(listener: TcpListener, router: Router, end: impl Future<Output = ()>) {
    serve_at_most(max_connections(), listener, router, end).await;
}

/// As many as the system lets this process have.
fn max_connections() -> usize {
    let limits = std::fs::read_to_string("/proc/self/limits").unwrap_or_default();
    let soft = limits.lines().find_map(|line| {
        line.strip_prefix("Max open files")?.split_whitespace().next()?.parse::<usize>().ok()
    });
    soft.map_or(MAX_CONNECTIONS, |files| {
        files.saturating_sub(OTHER_FILES).clamp(1, MAX_CONNECTIONS)
    })
}

/// The places for connections.
struct ConnectionLimiter {
    free: Arc<Semaphore>,
    /// Somebody waits for one: of the connections on which nothing is being answered, the one that
    /// has waited longest makes room.
    eviction: Notify,
}

impl ConnectionLimiter {
    async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.free).try_acquire_owned() {
            return Some(permit);
        }
        self.eviction.notify_one();
        Arc::clone(&self.free).acquire_owned().await.ok()
    }
}

async fn serve_at_most(
    most: usize,
    listener: TcpListener,
    router: Router,
    end: impl Future<Output = ()>,
) {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_READ_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES);
    let limiter = Arc::new(ConnectionLimiter {
        free: Arc::new(Semaphore::new(most)),
        eviction: Notify::new(),
    });
    let mut complained_at: Option<Instant> = None;
    let ending = watch::Sender::new(());
    let mut end = pin!(end);
    loop {
        let accepted = tokio::select! {
            () = &mut end => break,
            accepted = async { (limiter.acquire().await, listener.accept().await) } => accepted,
        };
        let (Some(permit), connection) = accepted else {
            break;
        };
        let stream = match connection {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, mostly: connections that end make room.
                if complained_at.is_none_or(|at| at.elapsed() >= ACCEPT_ERROR_LOG_INTERVAL) {
                    tracing::warn!(%error, "a connection was not accepted");
                    complained_at = Some(Instant::now());
                }
                limiter.eviction.notify_one();
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            }
        };
        // Without it only slower.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        // Counts up when a request is there and when its answer is: odd while something is being
        // answered.
        let request_count = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&request_count);
        let service = service_fn(move |request: Request<Incoming>| {
            let (answer, counter) =
                (router.clone().oneshot(request.map(Body::new)), Arc::clone(&counter));
            counter.fetch_add(1, Ordering::Relaxed);
            async move {
                let answer = answer.await;
                counter.fetch_add(1, Ordering::Relaxed);
                answer
            }
        });
        let connection = server.serve_connection(TokioIo::new(stream), service);
        let mut ending = ending.subscribe();
        let limiter = Arc::clone(&limiter);
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            let mut eviction = pin!(limiter.eviction.notified());
            let mut last = 0;
            // What goes wrong on a connection is the client's own affair.
            let over = poll_fn(|context| {
                if connection.as_mut().poll(context).is_ready() {
                    return Poll::Ready(());
                }
                let counter = request_count.load(Ordering::Relaxed);
                if counter != last {
                    last = counter;
                    // At the end of the queue again.
                    eviction.set(limiter.eviction.notified());
                }
                if counter.is_multiple_of(2) {
                    eviction.as_mut().poll(context)
                } else {
                    Poll::Pending
                }
            });
            tokio::select! {
                () = over => return,
                () = tokio::time::sleep(MAX_CONNECTION_AGE) => {}
                _ = ending.changed() => {}
            }
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(SHUTDOWN_TIMEOUT, connection).await;
            drop(permit);
        });
    }
    drop(listener);
    ending.send_replace(());
    let all = u32::try_from(most).unwrap_or(u32::MAX);
    if tokio::time::timeout(SHUTDOWN_TIMEOUT, limiter.free.acquire_many(all)).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpStream;

    use super::*;

    /// Of three connections the one that asked first and last stays.
    #[tokio::test]
    async fn recently_used_connection_is_not_evicted() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it has one");
        let router = Router::new().route("/", get(|| async { "here\n" }));
        tokio::spawn(serve_at_most(3, listener, router, std::future::pending()));
        let connect = async || TcpStream::connect(address).await.expect("it listens");
        let ask = async |stream: &mut TcpStream| {
            stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("it reads");
            let mut reply = vec![0; 1024];
            let length = stream.read(&mut reply).await.expect("it answers");
            assert!(reply[..length].ends_with(b"here\n"), "{}", String::from_utf8_lossy(&reply));
        };
        let (mut first, mut idle) = (connect().await, connect().await);
        ask(&mut first).await;
        ask(&mut idle).await;
        for _ in 0..10 {
            ask(&mut first).await;
        }
        let _third = connect().await;
        assert_eq!(
            idle.read(&mut [0]).await.expect("no reset"),
            0,
            "the longest idle one is ended"
        );
        ask(&mut first).await;
    }

    /// Eight places, all taken by connections that send nothing, half a head, or a request that
    /// takes its time.
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
        tokio::spawn(serve_at_most(8, listener, router, std::future::pending()));
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
}
