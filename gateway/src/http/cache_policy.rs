//! How long a built file may be cached.

use axum::http::HeaderValue;

/// The two files that the loader loads with `?v=`, in the order in which they are digested
/// (tools/postbuild.mjs).
pub(super) const VERSIONED: [&str; 2] =
    ["zulip-presence-widget.js", "zulip-presence-widget_bg.wasm"];
/// The name prefix of the files that the glue loads with its own `?v=`; it contains their digests.
const WORDS: &str = "zulip-presence-words-";
/// The only URL that pages name: five minutes after an upgrade all pages have the new file.
const CACHE_SHORT: HeaderValue = HeaderValue::from_static("public, max-age=300");
const CACHE_IMMUTABLE: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");
/// The file must not be cached under the `?v=` of another version.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// `Cache-Control` of the file `name`, requested with `query`; `version` is that of the files here.
pub(super) fn cache_control(name: &str, query: Option<&str>, version: Option<&str>) -> HeaderValue {
    let asked = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("v=")));
    match asked {
        Some(_) if !VERSIONED.contains(&name) && !name.starts_with(WORDS) => CACHE_SHORT,
        Some(asked) if Some(asked) == version => CACHE_IMMUTABLE,
        Some(_) => NO_STORE,
        None => CACHE_SHORT,
    }
}
