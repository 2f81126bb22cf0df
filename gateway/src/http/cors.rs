//! Which pages may read the replies.

use std::str::FromStr;
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

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, OPTIONS");

/// One `--allow-origin`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AllowedOrigin {
    /// `*`: every page, without its cookies.
    Any,
    /// One origin, as browsers write it, or `null` (pages from files).
    Origin(HeaderValue),
}

/// No origin.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "an origin is `*`, `null`, or scheme and host with nothing after them, like https://wiki.example.com"
)]
pub struct InvalidOrigin;

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(written: &str) -> Result<Self, InvalidOrigin> {
        let written = written.trim().to_ascii_lowercase();
        if written == "*" {
            return Ok(Self::Any);
        }
        let is_origin = || {
            let (scheme, authority) = written.split_once("://")?;
            let authority = axum::http::uri::Authority::from_str(authority).ok()?;
            Some(
                !scheme.is_empty()
                    && !authority.as_str().contains('@')
                    && !authority.host().contains('*'),
            )
        };
        if written != "null" && is_origin() != Some(true) {
            return Err(InvalidOrigin);
        }
        // Browsers leave the scheme's own port out.
        let origin = match written.split_once("://") {
            Some(("https", authority)) => {
                format!("https://{}", authority.strip_suffix(":443").unwrap_or(authority))
            }
            Some(("http", authority)) => {
                format!("http://{}", authority.strip_suffix(":80").unwrap_or(authority))
            }
            _ => written,
        };
        HeaderValue::from_str(&origin).map(Self::Origin).map_err(|_| InvalidOrigin)
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_normalized_as_browsers_send_them() {
        #[track_caller]
        fn origin(written: &str, expected: &'static str) {
            assert_eq!(
                written.parse(),
                Ok(AllowedOrigin::Origin(HeaderValue::from_static(expected)))
            );
        }
        origin("https://Wiki.example.com", "https://wiki.example.com");
        origin("https://wiki.example.com:443", "https://wiki.example.com");
        origin("http://localhost:8080", "http://localhost:8080");
        origin("http://localhost:80", "http://localhost");
        origin("null", "null");
        assert_eq!("*".parse(), Ok(AllowedOrigin::Any));
        for wrong in [
            "",
            "wiki.example.com",
            "https://wiki.example.com/",
            "https://x/y",
            "https://*.example.com",
            "https://u@x",
            "https://a b",
            "://x",
        ] {
            assert_eq!(wrong.parse::<AllowedOrigin>(), Err(InvalidOrigin), "{wrong}");
        }
    }
}
