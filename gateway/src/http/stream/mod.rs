//! `GET /api/v1/realm/presence/stream`: what the batch endpoint replies, as it happens, as
//! server-sent events. First about everybody, then what the page cannot know by itself.

mod topics;

use std::convert::Infallible;
use std::hash::{BuildHasher as _, RandomState};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Extension;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, EXPIRES};
use axum::http::{HeaderName, StatusCode};
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

use self::topics::{StreamId, Subscribed, Topics, message};
use crate::clock;
use crate::http::batch::Batch;
use crate::http::error::ApiError;
use crate::http::routes::expires;
use crate::metrics::StreamNumbers;
use crate::server::connection::Connection;
use crate::store::shared::SharedStore;

/// nginx buffers no reply with this header.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
/// A comment: it keeps proxies from closing a silent stream, and shows pages that it is alive.
const COMMENT: Bytes = Bytes::from_static(b":\n\n");

/// Different people in all streams together: as they are all looked at whenever Zulip replies.
const MAX_PEOPLE: usize = 50_000;

/// How streams are served.
#[derive(Clone, Debug)]
pub struct StreamConfig {
    /// Maximum open streams.
    pub max_streams: usize,
    /// How long a stream lasts, so that replicas can be replaced. Random within these bounds, so
    /// that pages do not all come back at once.
    pub lifetime: Range<Duration>,
    /// After this time without a message a comment is sent. Pages expect something every 20 s.
    pub comment_after: Duration,
}

impl Default for StreamConfig {
    fn default() -> Self {
        Self {
            max_streams: 10_000,
            lifetime: Duration::from_secs(240)..Duration::from_secs(360),
            comment_after: Duration::from_secs(15),
        }
    }
}

/// All streams.
#[derive(Debug)]
pub(crate) struct Streams {
    config: StreamConfig,
    store: Arc<SharedStore>,
    topics: Mutex<Topics>,
    permits: Arc<Semaphore>,
    random: RandomState,
    opened: AtomicU64,
    counters: Counters,
}

/// Counts since the start.
#[derive(Debug, Default)]
struct Counters {
    messages: AtomicU64,
    dropped: AtomicU64,
}

impl Streams {
    pub(crate) fn new(config: StreamConfig, store: Arc<SharedStore>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(config.max_streams)),
            config,
            store,
            topics: Mutex::default(),
            random: RandomState::new(),
            opened: AtomicU64::new(0),
            counters: Counters::default(),
        }
    }

    pub(crate) fn numbers(&self) -> StreamNumbers {
        let open = self.config.max_streams.saturating_sub(self.permits.available_permits());
        StreamNumbers {
            open,
            lists: self.topics().len(),
            messages: self.counters.messages.load(Ordering::Relaxed),
            dropped: self.counters.dropped.load(Ordering::Relaxed),
        }
    }

    /// A panic elsewhere leaves it consistent enough: at worst a stream misses a message, as if
    /// polled less often.
    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the next stream lasts.
    fn lifetime(&self) -> Duration {
        let Range { start, end } = self.config.lifetime;
        let opened = self.opened.fetch_add(1, Ordering::Relaxed);
        let share = f64::from(self.random.hash_one(opened) as u32) / f64::from(u32::MAX);
        start + end.saturating_sub(start).mul_f64(share)
    }
}

/// Sends what is new, for as long as the runtime lives.
pub(crate) async fn run_streams(this: Arc<Streams>) {
    let mut epoch = this.store.epoch();
    loop {
        epoch.mark_unchanged();
        let news = this.store.lock().news(clock::now());
        if !news.people.is_empty() {
            let (sent, dropped) = this.topics().publish(&news);
            this.counters.messages.fetch_add(sent, Ordering::Relaxed);
            this.counters.dropped.fetch_add(dropped, Ordering::Relaxed);
        }
        tokio::select! {
            () = tokio::time::sleep(news.wait) => {}
            _ = epoch.changed() => {}
        }
    }
}

/// `GET /api/v1/realm/presence/stream?users=[…]&slim_presence=true`.
pub(crate) async fn stream(
    State(streams): State<Option<Arc<Streams>>>,
    RawQuery(query): RawQuery,
    connection: Option<Extension<Connection>>,
) -> Result<Response, ApiError> {
    let Some(streams) = streams else {
        // Browsers put a line into the console for an error, which this is not.
        return Ok((StatusCode::NO_CONTENT, [(CACHE_CONTROL, "no-store")]).into_response());
    };
    let batch = Arc::new(Batch::parse(query.as_deref())?);
    let permit =
        Arc::clone(&streams.permits).try_acquire_owned().map_err(|_| ApiError::TooManyStreams)?;
    let connection = connection.map(|Extension(connection)| connection);
    let opened = streams.store.wait_for_result(|store, can_wait| {
        let now = clock::now();
        let first = match batch.body(store, can_wait, now)? {
            Ok(first) => first,
            Err(error) => return Some(Err(error)),
        };
        // While the store is locked, so that nothing that happens after `first` is missed.
        let subscribed = (store.followed() + batch.asked.len() <= MAX_PEOPLE)
            .then(|| streams.topics().subscribe(&batch, connection.clone()))
            .flatten();
        let Some(subscribed) = subscribed else {
            return Some(Err(ApiError::TooManyStreams));
        };
        store.follow(batch.users(), subscribed.is_new_list, now);
        Some(Ok((first, subscribed, expires(store, now, 0))))
    });
    let opened = opened.await.unwrap_or(Err(ApiError::Unavailable { retry_after_s: 1 }));
    let (first, Subscribed { id, messages, .. }, expires) = opened?;
    if let Some(connection) = &connection {
        connection.carry_stream();
    }
    let reader = Reader {
        first: Some(message(&first)),
        messages,
        ends_at: Instant::now() + streams.lifetime(),
        comment_after: streams.config.comment_after,
        connection,
        _subscription: Subscription { streams, id, _permit: permit },
    };
    let body = Body::from_stream(futures_util::stream::unfold(reader, Reader::next));
    let headers = [
        (CONTENT_TYPE, "text/event-stream"),
        (CACHE_CONTROL, "no-store"),
        (EXPIRES, &expires),
        (ACCEL_BUFFERING, "no"),
        // The limits of a connection for requests do not fit one that carried a stream.
        (CONNECTION, "close"),
    ];
    Ok((headers, body).into_response())
}

/// What a stream still sends.
struct Reader {
    first: Option<Bytes>,
    messages: mpsc::Receiver<Bytes>,
    ends_at: Instant,
    comment_after: Duration,
    connection: Option<Connection>,
    _subscription: Subscription,
}

impl Reader {
    /// The next message or comment. `None`: the stream ends.
    async fn next(mut self) -> Option<(Result<Bytes, Infallible>, Self)> {
        if let Some(first) = self.first.take() {
            return Some((Ok(first), self));
        }
        let comment_at = Instant::now() + self.comment_after;
        let shutdown = async {
            match &self.connection {
                Some(connection) => connection.shutdown().await,
                None => std::future::pending().await,
            }
        };
        let next = tokio::select! {
            biased;
            () = shutdown => None,
            () = tokio::time::sleep_until(self.ends_at) => None,
            message = self.messages.recv() => message,
            () = tokio::time::sleep_until(comment_at) => Some(COMMENT),
        };
        next.map(|bytes| (Ok(bytes), self))
    }
}

/// An open stream. It is closed when this is dropped.
struct Subscription {
    streams: Arc<Streams>,
    id: StreamId,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let unfollowed = self.streams.topics().unsubscribe(self.id);
        if let Some(batch) = unfollowed {
            self.streams.store.lock().unfollow(batch.users());
        }
    }
}
