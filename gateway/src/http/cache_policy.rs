//! How long a built file may be cached.

use axum::http::HeaderValue;

/// The two files that the loader loads with `?v=`, in the order in which they are digested
/// (tools/postbuild.mjs).
pub(super) const VERSIONED: [&str; 2] =
    ["zulip-presence-widget.js", "zulip-presence-widget_bg.wasm"];
/// How the files begin that the glue loads with its own `?v=`; it holds their digests.
const WORDS: &str = "zulip-presence-words-";
/// The only URL that pages know: five minutes after an upgrade all have the new one.
const CACHE_SHORT: HeaderValue = HeaderValue::from_static("public, max-age=300");
const CACHE_IMMUTABLE: HeaderValue =
    HeaderValue::from_static("public, max-age=31536000, immutable");
/// A `?v=` of another version must not be kept under that name.
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// `Cache-Control` of the file `name`, asked for with `query`; `version` is that of the files here.
pub(super) fn cache_control(name: &str, query: Option<&str>, version: Option<&str>) -> HeaderValue {
    let asked = query.and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("v=")));
    match asked {
        Some(_) if !VERSIONED.contains(&name) && !name.starts_with(WORDS) => CACHE_SHORT,
        Some(asked) if Some(asked) == version => CACHE_IMMUTABLE,
        Some(_) => NO_STORE,
        None => CACHE_SHORT,
    }
}
