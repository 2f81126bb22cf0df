//! Replies that are kept for a second: the viewers of a page ask by the same URLs, so that all but
//! the first of a second get bytes that are there already, packed too.

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

use crate::clock;
use crate::http::error::Problem;
use crate::poller::Gateway;

/// For so long a reply is as good as new: it is a part of the sum of delays (DESIGN.md §2).
pub(crate) const KEPT_FOR: Duration = Duration::from_secs(1);
/// Most bytes kept: the 20 batches of a page of 1,000 people, plain and packed, are a quarter of a
/// megabyte.
const MAX_BYTES: usize = 8 << 20;
/// Besides the bytes of its URL, body and headers a reply takes about so many.
const OVERHEAD: usize = 1024;

/// All that was rendered since `since`, of what was known at `edition`.
#[derive(Debug, Default)]
pub(crate) struct Kept(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    edition: u64,
    since: Duration,
    bytes: usize,
    replies: HashMap<Vec<u8>, Reply>,
}

#[derive(Clone, Debug)]
struct Reply {
    headers: HeaderMap,
    body: Bytes,
}

impl Kept {
    fn find(&self, key: &[u8], edition: u64, now: Duration) -> Option<Reply> {
        let shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.is_current(edition, now).then(|| shelf.replies.get(key).cloned()).flatten()
    }

    /// Keeps what was rendered at `now` or later, if there is room.
    fn keep(&self, key: Vec<u8>, reply: Reply, edition: u64, now: Duration) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !shelf.is_current(edition, now) {
            *shelf = Shelf { edition, since: now, ..Shelf::default() };
        }
        let bytes = key.len() + reply.body.len() + OVERHEAD;
        if shelf.bytes + bytes <= MAX_BYTES {
            shelf.bytes += bytes;
            shelf.replies.insert(key, reply);
        }
    }
}

impl Shelf {
    fn is_current(&self, edition: u64, now: Duration) -> bool {
        self.edition == edition && now < self.since + KEPT_FOR
    }
}

/// What the reply depends on, besides what the gateway knows.
fn key(request: &Request) -> Vec<u8> {
    let url = request.uri().path_and_query().map_or("", |url| url.as_str());
    let mut key = Vec::with_capacity(url.len() + 32);
    for coding in request.headers().get_all(ACCEPT_ENCODING) {
        key.extend_from_slice(coding.as_bytes());
        // No header holds one.
        key.push(b'\n');
    }
    key.extend_from_slice(url.as_bytes());
    key
}

/// Answers with what is kept, else keeps what comes.
pub(crate) async fn keep(
    State(gateway): State<Arc<Gateway>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method() != Method::GET {
        return next.run(request).await;
    }
    let (key, edition, now) = (key(&request), gateway.edition(), clock::now().monotonic);
    if let Some(Reply { headers, body }) = gateway.kept.find(&key, edition, now) {
        return (headers, body).into_response();
    }
    let response = next.run(request).await;
    if response.status() != StatusCode::OK {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        return Problem::Internal.into_response();
    };
    // News that came meanwhile may be in it or not.
    if gateway.edition() == edition {
        gateway.kept.keep(
            key,
            Reply { headers: parts.headers.clone(), body: body.clone() },
            edition,
            now,
        );
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
    fn a_reply_is_kept_for_a_second_or_until_there_is_news() {
        let kept = Kept::default();
        kept.keep(b"a".to_vec(), reply(1), 1, at(5_000));
        kept.keep(b"b".to_vec(), reply(1), 1, at(5_900));
        assert!(kept.find(b"a", 1, at(5_999)).is_some() && kept.find(b"b", 1, at(5_999)).is_some());
        assert!(kept.find(b"c", 1, at(5_999)).is_none());
        assert!(kept.find(b"a", 2, at(5_100)).is_none(), "news");
        assert!(kept.find(b"a", 1, at(6_000)).is_none(), "a second");
        kept.keep(b"c".to_vec(), reply(1), 1, at(6_000));
        assert!(kept.find(b"a", 1, at(6_001)).is_none() && kept.find(b"c", 1, at(6_001)).is_some());
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let kept = Kept::default();
        for number in 0..100_000_u32 {
            kept.keep(number.to_be_bytes().to_vec(), reply(100), 1, at(0));
        }
        let shelf = kept.0.lock().expect("no panic");
        assert!(
            shelf.bytes <= MAX_BYTES && shelf.replies.len() < MAX_BYTES / OVERHEAD,
            "{} replies",
            shelf.replies.len()
        );
    }
}
