//! `If-None-Match`.

use axum::http::header::IF_NONE_MATCH;
use axum::http::{HeaderMap, HeaderValue};

/// Whether the client already has the version that `etag` names.
pub(super) fn is_not_modified(request: &HeaderMap, etag: &HeaderValue) -> bool {
    let is_known = |etags: &HeaderValue| {
        etags.to_str().is_ok_and(|etags| {
            etags.split(',').map(str::trim).any(|known| known == "*" || same_etag(known, etag))
        })
    };
    request.get_all(IF_NONE_MATCH).iter().any(is_known)
}

/// A weak comparison.
fn same_etag(asked: &str, ours: &HeaderValue) -> bool {
    let opaque = |etag: &str| etag.strip_prefix("W/").unwrap_or(etag).to_owned();
    ours.to_str().is_ok_and(|ours| opaque(ours) == opaque(asked))
}
