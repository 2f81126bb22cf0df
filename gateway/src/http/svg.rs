//! The badge as an SVG image, for wikis, Markdown and mail, where no script may run.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue};
use axum::response::{IntoResponse, Response};
use zulip_presence_core::{Status, UserRef, VIEWBOX_SIZE};

use crate::clock;
use crate::http::error::{ApiError, PictureError};
use crate::http::query::parameter;
use crate::store::Lookup;
use crate::store::shared::SharedStore;

/// The default in pixels, the height of text.
const SIZE: u16 = 16;
const MAX_SIZE: u16 = 512;
/// `max-age` of an image without a status because Zulip does not reply.
const UNAVAILABLE_MAX_AGE_S: u64 = 5;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Scheme {
    Light,
    Dark,
    /// The setting of the reader's system.
    Auto,
}

/// `GET /users/{user}/presence.svg[?size=&scheme=light|dark]`. Always an image, also for an
/// unknown user: a broken image is no badge.
pub(crate) async fn picture(
    State(store): State<Arc<SharedStore>>,
    user: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let (size, scheme) =
        parse_params(query.as_deref().unwrap_or_default()).map_err(ApiError::Picture)?;
    let user = user.ok().and_then(|Path(user)| user.parse::<UserRef>().ok());
    let result = store.wait_for_result(|store, can_wait| {
        let now = clock::now();
        let max_age = store.max_age(now).as_secs();
        let asked = user.as_ref().map(|user| {
            store.watch(user, now);
            store.lookup(user, can_wait, now)
        });
        match asked {
            Some(Lookup::Pending) => None,
            Some(Lookup::CachedPresence(known)) => {
                let render = store.render(now);
                Some((known.status(render.now, render.offline_threshold), max_age))
            }
            Some(Lookup::Unavailable) => Some((Status::Unknown, UNAVAILABLE_MAX_AGE_S)),
            None | Some(Lookup::Nobody(_) | Lookup::NoData(_)) => Some((Status::Unknown, max_age)),
        }
    });
    let (status, max_age_s) = result.await.unwrap_or((Status::Unknown, UNAVAILABLE_MAX_AGE_S));
    let cache = format!(
        "public, max-age={max_age_s}, stale-while-revalidate={}",
        store.lock().stale_while_revalidate().as_secs()
    );
    let mut response = (
        [(CONTENT_TYPE, "image/svg+xml".to_owned()), (CACHE_CONTROL, cache)],
        svg(status, size, scheme),
    )
        .into_response();
    let headers = response.headers_mut();
    headers.insert(
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("cross-origin"),
    );
    headers.insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; style-src 'unsafe-inline'"),
    );
    Ok(response)
}

/// The parameters. Others are ignored, so that pages can append one that bypasses a cache.
fn parse_params(query: &str) -> Result<(u16, Scheme), PictureError> {
    let size = match parameter(query, "size").map_err(|_| PictureError::Size)? {
        None => SIZE,
        Some(size) => size
            .parse()
            .ok()
            .filter(|size| (1..=MAX_SIZE).contains(size))
            .ok_or(PictureError::Size)?,
    };
    let scheme = match parameter(query, "scheme").map_err(|_| PictureError::Scheme)?.as_deref() {
        None => Scheme::Auto,
        Some("light") => Scheme::Light,
        Some("dark") => Scheme::Dark,
        Some(_) => return Err(PictureError::Scheme),
    };
    Ok((size, scheme))
}

fn svg(status: Status, size: u16, scheme: Scheme) -> String {
    // Zulip's own wording (docs/zulip-wire.md §9).
    let title = match status {
        Status::Active => "Active",
        Status::Idle => "Idle",
        Status::Offline => "Offline",
        Status::Unknown => "Activity unknown",
    };
    let side = VIEWBOX_SIZE;
    let dark = status.colour_on_dark();
    let fill = if scheme == Scheme::Dark { dark } else { status.colour() };
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" width="{size}" height="{size}" viewBox="0 0 {side} {side}" role="img">"#
    );
    let _ = write!(svg, "<title>{title}</title>");
    if scheme == Scheme::Auto {
        let _ = write!(
            svg,
            "<style>@media (prefers-color-scheme: dark) {{ path {{ fill: {dark} }} }}</style>"
        );
    }
    let _ =
        write!(svg, r#"<path fill="{fill}" fill-rule="evenodd" d="{}"/></svg>"#, status.svg_path());
    svg
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_validated() {
        assert_eq!(parse_params(""), Ok((16, Scheme::Auto)));
        assert_eq!(parse_params("size=24&scheme=dark&t=1"), Ok((24, Scheme::Dark)));
        assert_eq!(parse_params("size=%32%34&scheme=d%61rk"), Ok((24, Scheme::Dark)));
        for wrong in [
            "size=0",
            "size=513",
            "size=",
            "size=1e9",
            "size=-1",
            "scheme=",
            "scheme=<script>",
            "size=1&size=2",
            "size=1&si%7Ae=2",
            "%73ize=24",
            "scheme=dark&%73cheme=light",
            "size",
        ] {
            assert!(parse_params(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_status_has_its_own_path_and_title() {
        let mut seen = std::collections::HashSet::new();
        for status in Status::ALL {
            let svg = svg(status, 16, Scheme::Light);
            assert!(svg.contains("<title>") && svg.contains(status.svg_path()), "{svg}");
            assert!(!svg.contains("<script") && !svg.contains("<style"), "{svg}");
            assert!(seen.insert(svg));
        }
    }
}
