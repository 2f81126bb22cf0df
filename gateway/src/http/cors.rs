//! Which pages may read the replies.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ALLOW,
    CACHE_CONTROL, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::config::origin::AllowedOrigin;

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

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

    /// The headers for a request from `origin`: a listed origin is echoed and may send cookies; `*`
    /// never goes with them.
    pub(crate) fn headers(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        headers.append(VARY, HeaderValue::from_static("Origin"));
        let listed = origin.filter(|origin| {
            self.0
                .iter()
                .any(|allowed| matches!(allowed, AllowedOrigin::Origin(known) if known == *origin))
        });
        if let Some(origin) = listed {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            // Any sandboxed frame has the origin null.
            if origin != "null" {
                headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            }
        } else if self.is_any() {
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        } else {
            return;
        }
        headers
            .insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("Date, Retry-After"));
    }
}

/// Adds the headers to every reply, errors too, and answers `OPTIONS`.
pub(crate) async fn cors(
    State(origins): State<AllowedOrigins>,
    request: Request,
    next: Next,
) -> Response {
    let origin = request.headers().get(ORIGIN).cloned();
    let mut response =
        if request.method() == Method::OPTIONS { preflight() } else { next.run(request).await };
    origins.headers(origin.as_ref(), response.headers_mut());
    response
}

fn preflight() -> Response {
    let headers = [
        (ALLOW, METHODS),
        (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
        (
            ACCESS_CONTROL_ALLOW_HEADERS,
            HeaderValue::from_static("Accept-Language, Authorization, Cache-Control, Content-Type"),
        ),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}
