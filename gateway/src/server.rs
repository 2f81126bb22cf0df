//! Takes connections. Cuts off clients that never finish a request, and ends gracefully.

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
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tower::ServiceExt as _;

/// A request's head must be here by then, also the next one on a kept connection.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// Most bytes of a request's head: a URL of 4,000 bytes, and cookies that are not ours.
const MAX_HEAD_BYTES: usize = 32 << 10;
/// Most connections at once; HTTP/1, so most requests too.
const MAX_CONNECTIONS: usize = 4096;
/// A connection that lives longer is ended after its request: nobody holds one for ever by reading slowly.
const MAX_LIFE: Duration = Duration::from_secs(600);
/// How long requests under way may take at the end.
const GRACE: Duration = Duration::from_secs(5);

/// Serves `router` until `end`, then lets requests under way end.
pub async fn serve(listener: TcpListener, router: Router, end: impl Future<Output = ()>) {
    let mut server = http1::Builder::new();
    server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD_BYTES);
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let ending = watch::Sender::new(());
    let mut end = pin!(end);
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accepted = tokio::select! {
            () = &mut end => break,
            accepted = async { (place.await, listener.accept().await) } => accepted,
        };
        let (Ok(place), connection) = accepted else {
            break;
        };
        let stream = match connection {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, mostly: connections that end make room.
                tracing::warn!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Without it only slower.
        let _ = stream.set_nodelay(true);
        let router = router.clone();
        let service = service_fn(move |request: Request<Incoming>| router.clone().oneshot(request.map(Body::new)));
        let connection = server.serve_connection(TokioIo::new(stream), service);
        let mut ending = ending.subscribe();
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            tokio::select! {
                // What goes wrong on a connection is the client's own affair.
                _ = &mut connection => return,
                () = tokio::time::sleep(MAX_LIFE) => {}
                _ = ending.changed() => {}
            }
            connection.as_mut().graceful_shutdown();
            let _ = tokio::time::timeout(GRACE, connection).await;
            drop(place);
        });
    }
    drop(listener);
    ending.send_replace(());
    let all = u32::try_from(MAX_CONNECTIONS).unwrap_or(u32::MAX);
    if tokio::time::timeout(GRACE, places.acquire_many(all)).await.is_err() {
        tracing::warn!("requests under way were cut off");
    }
}
