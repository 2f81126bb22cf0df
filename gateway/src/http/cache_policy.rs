//! How long a built file may be cached.

use axum::http::HeaderValue;

/// The file may change under its name: after five minutes browsers ask whether it has.
const CACHE_SHORT: HeaderValue = HeaderValue::from_static("public, max-age=300, must-revalidate");
/// The file is named by its content, so that another content has another name.
const CACHE_IMMUTABLE: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");

/// `Cache-Control` of the file `name`; `digest` is that of its content (tools/postbuild.mjs).
pub(super) fn cache_control(name: &str, digest: &str) -> HeaderValue {
    if name.contains(digest) { CACHE_IMMUTABLE } else { CACHE_SHORT }
}
