//! Caches rendered and compressed responses for one second: all viewers of a page send the same
//! URLs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::ACCEPT_ENCODING;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::watch;

use crate::clock;
use crate::http::error::ApiError;
use crate::store::delays::RESPONSE_CACHE_TTL;

/// Maximum bytes cached: the 20 batches of a page of 1,000 people, plain and compressed, are a
/// quarter of a megabyte.
const MAX_BYTES: usize = 8 << 20;
/// Bytes per reply in addition to its URL and body.
const OVERHEAD: usize = 1024;

/// Rendered and compressed replies of one epoch.
#[derive(Debug)]
pub(crate) struct ResponseCache {
    generation: Mutex<Generation>,
    /// Replies of an earlier epoch are out of date.
    epoch: watch::Receiver<u64>,
}

#[derive(Debug, Default)]
struct Generation {
    epoch: u64,
    since: Duration,
    bytes: usize,
    replies: HashMap<Vec<u8>, Reply>,
}

#[derive(Clone, Debug)]
struct Reply {
    headers: HeaderMap,
    body: Bytes,
}

impl ResponseCache {
    /// `epoch` changes whenever replies may change.
    pub(crate) fn new(epoch: watch::Receiver<u64>) -> Self {
        Self { generation: Mutex::default(), epoch }
    }

    fn epoch(&self) -> u64 {
        *self.epoch.borrow()
    }

    fn find(&self, key: &[u8], epoch: u64, now: Duration) -> Option<Reply> {
        let generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        generation.is_current(epoch, now).then(|| generation.replies.get(key).cloned()).flatten()
    }

    /// Caches a reply that was rendered at `now` or later, if there is room.
    fn insert(&self, key: Vec<u8>, reply: Reply, epoch: u64, now: Duration) {
        let mut generation = self.generation.lock().unwrap_or_else(PoisonError::into_inner);
        if !generation.is_current(epoch, now) {
            *generation = Generation { epoch, since: now, ..Generation::default() };
        }
        let bytes = key.len() + reply.body.len() + OVERHEAD;
        if generation.bytes + bytes <= MAX_BYTES {
            generation.bytes += bytes;
            generation.replies.insert(key, reply);
        }
    }
}

impl Generation {
    fn is_current(&self, epoch: u64, now: Duration) -> bool {
        self.epoch == epoch && now < self.since + RESPONSE_CACHE_TTL
    }
}

/// The cache key: everything in the request that the reply depends on.
fn key(request: &Request) -> Vec<u8> {
    let url = request.uri().path_and_query().map_or("", |url| url.as_str());
    let mut key = Vec::with_capacity(url.len() + 32);
    for coding in request.headers().get_all(ACCEPT_ENCODING) {
        key.extend_from_slice(coding.as_bytes());
        // No header contains a line feed.
        key.push(b'\n');
    }
    key.extend_from_slice(url.as_bytes());
    key
}

/// Serves the cached reply, else caches the new one.
pub(crate) async fn cache_layer(
    State(cache): State<Arc<ResponseCache>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let (key, epoch, now) = (key(&request), cache.epoch(), clock::now().monotonic);
    if let Some(Reply { headers, body }) = cache.find(&key, epoch, now) {
        return (headers, body).into_response();
    }
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return ApiError::Internal.into_response();
    };
    // A change that came meanwhile may be included or not.
    if cache.epoch() == epoch {
        cache.insert(key, Reply { headers: parts.headers.clone(), body: body.clone() }, epoch, now);
    }
    Response::from_parts(parts, Body::from(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(bytes: usize) -> Reply {
        Reply { headers: HeaderMap::new(), body: vec![0; bytes].into() }
    }

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn reply_is_cached_for_one_second_or_until_a_change() {
        let cache = ResponseCache::new(watch::channel(0).1);
        cache.insert(b"a".to_vec(), reply(1), 1, at(5_000));
        cache.insert(b"b".to_vec(), reply(1), 1, at(5_900));
        assert!(
            cache.find(b"a", 1, at(5_999)).is_some() && cache.find(b"b", 1, at(5_999)).is_some()
        );
        assert!(cache.find(b"c", 1, at(5_999)).is_none());
        assert!(cache.find(b"a", 2, at(5_100)).is_none(), "news");
        assert!(cache.find(b"a", 1, at(6_000)).is_none(), "a second");
        cache.insert(b"c".to_vec(), reply(1), 1, at(6_000));
        assert!(
            cache.find(b"a", 1, at(6_001)).is_none() && cache.find(b"c", 1, at(6_001)).is_some()
        );
    }

    #[test]
    fn cache_size_is_bounded() {
        let cache = ResponseCache::new(watch::channel(0).1);
        for number in 0..100_000_u32 {
            cache.insert(number.to_be_bytes().to_vec(), reply(100), 1, at(0));
        }
        let generation = cache.generation.lock().expect("no panic");
        assert!(
            generation.bytes <= MAX_BYTES && generation.replies.len() < MAX_BYTES / OVERHEAD,
            "{} replies",
            generation.replies.len()
        );
    }
}
