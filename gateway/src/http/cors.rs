//! Which pages may read the replies.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use axum::http::header::{ALLOW, CACHE_CONTROL, DATE, ORIGIN, RETRY_AFTER};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use tower_http::cors::{AllowCredentials, AllowHeaders, AllowOrigin, Any, CorsLayer};

use crate::config::origin::AllowedOrigin;

/// How long a browser may cache the response to a preflight; Chromium caches it for two hours at
/// most.
const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(86_400);

/// All of `--allow-origin`. Empty: pages of the gateway's own origin only.
#[derive(Clone, Default, Debug)]
pub struct AllowedOrigins(Arc<[AllowedOrigin]>);

impl FromIterator<AllowedOrigin> for AllowedOrigins {
    fn from_iter<I: IntoIterator<Item = AllowedOrigin>>(origins: I) -> Self {
        Self(origins.into_iter().collect())
    }
}

impl AllowedOrigins {
    /// Whether every page may read.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.contains(&AllowedOrigin::Any)
    }

    fn lists(&self, origin: &HeaderValue) -> bool {
        self.0.iter().any(|known| matches!(known, AllowedOrigin::Origin(known) if known == origin))
    }
}

/// For presence: a listed origin is echoed and may send cookies; `*` is never combined with
/// cookies. Preflights allow whatever headers the page asks for: monitoring scripts add theirs to
/// every request.
pub(crate) fn presence_cors(origins: &AllowedOrigins) -> CorsLayer {
    let is_any = origins.is_any();
    let only_any = is_any && origins.0.len() == 1;
    let (listed, trusted) = (origins.clone(), origins.clone());
    let allow_origin = if only_any {
        AllowOrigin::any()
    } else {
        AllowOrigin::predicate(move |origin, _| is_any || listed.lists(origin))
    };
    layer()
        .allow_origin(allow_origin)
        // Every sandboxed frame has the origin `null`.
        .allow_credentials(AllowCredentials::predicate(move |origin, _| {
            origin != "null" && trusted.lists(origin)
        }))
        .expose_headers([DATE, RETRY_AFTER])
        .vary([ORIGIN])
}

/// For the widget's files, which hold nothing private.
pub(crate) fn files_cors() -> CorsLayer {
    layer().allow_origin(Any).vary([])
}

fn layer() -> CorsLayer {
    CorsLayer::new()
        .allow_methods([Method::GET, Method::HEAD, Method::OPTIONS])
        .allow_headers(AllowHeaders::mirror_request())
        .max_age(PREFLIGHT_MAX_AGE)
}

/// Completes `CorsLayer`'s response to `OPTIONS`.
pub(crate) async fn complete_preflight(request: Request, next: Next) -> Response {
    let is_options = request.method() == Method::OPTIONS;
    let mut response = next.run(request).await;
    if is_options && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::NO_CONTENT;
        let headers = response.headers_mut();
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
