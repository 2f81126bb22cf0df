//! `Accept-Encoding`.

use axum::http::HeaderMap;
use axum::http::header::ACCEPT_ENCODING;

/// Whether the client accepts `coding`.
pub(super) fn accepts_coding(request: &HeaderMap, coding: &str) -> bool {
    let codings = request
        .get_all(ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    codings.map(|value| value.split_once(';').unwrap_or((value, ""))).any(|(name, parameters)| {
        let refused = matches!(
            parameters.trim().strip_prefix("q=").map(|q| q.trim_end_matches('0')),
            Some("" | "0." | "0")
        );
        name.trim().eq_ignore_ascii_case(coding) && !refused
    })
}
