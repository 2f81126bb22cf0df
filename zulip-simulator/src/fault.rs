//! Failures of Zulip or of a proxy in front of it (docs/zulip-wire.md §4).

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::Frame;
use serde_json::json;

/// What happens instead of a reply.
#[derive(Clone, PartialEq, Debug)]
pub enum Fault {
    /// 429 with Zulip's fractional `Retry-After`, in the header and optionally in the body.
    RateLimited {
        /// Seconds.
        retry_after_s: f64,
        /// Whether the body says it too.
        in_body: bool,
    },
    /// 500 without `code`.
    ServerError,
    /// An error as Zulip's API words it.
    Error {
        /// The HTTP status code.
        status: u16,
        /// `code`.
        code: &'static str,
        /// `msg`.
        msg: &'static str,
    },
    /// A status with a page of HTML: 502, 503, 504, 404, or 200 for a login page.
    Html(u16),
    /// 302 to a login page.
    Redirect,
    /// 200 with this body.
    Body(&'static str),
    /// The reply never comes.
    Hang,
    /// The reply is delayed by this time.
    Slow(Duration),
    /// The connection breaks in the middle of the reply.
    TruncatedBody,
}

impl Fault {
    /// The reply in place of `reply`.
    pub(crate) async fn answer(self, reply: impl Future<Output = Response>) -> Response {
        let html = |status: StatusCode| {
            (status, [(CONTENT_TYPE, "text/html")], "<html><body>Zulip</body></html>")
                .into_response()
        };
        match self {
            Self::RateLimited { retry_after_s, in_body } => {
                let field = if in_body {
                    format!(r#","retry-after":{retry_after_s}"#)
                } else {
                    String::new()
                };
                let body = format!(
                    r#"{{"result":"error","msg":"API usage exceeded rate limit","code":"RATE_LIMIT_HIT"{field}}}"#
                );
                let mut response =
                    (StatusCode::TOO_MANY_REQUESTS, [(CONTENT_TYPE, "application/json")], body)
                        .into_response();
                if let Ok(value) = HeaderValue::from_str(&retry_after_s.to_string()) {
                    response.headers_mut().insert(RETRY_AFTER, value);
                }
                response
            }
            Self::ServerError => {
                let body = r#"{"result":"error","msg":"Internal server error"}"#;
                (StatusCode::INTERNAL_SERVER_ERROR, [(CONTENT_TYPE, "application/json")], body)
                    .into_response()
            }
            Self::Error { status, code, msg } => {
                let body = json!({"result": "error", "msg": msg, "code": code}).to_string();
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
                (status, [(CONTENT_TYPE, "application/json")], body).into_response()
            }
            Self::Html(status) => {
                html(StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY))
            }
            Self::Redirect => {
                let mut response = html(StatusCode::FOUND);
                response.headers_mut().insert(LOCATION, HeaderValue::from_static("/login/"));
                response
            }
            Self::Body(body) => {
                (StatusCode::OK, [(CONTENT_TYPE, "application/json")], body).into_response()
            }
            Self::Hang => std::future::pending().await,
            Self::Slow(wait) => {
                tokio::time::sleep(wait).await;
                reply.await
            }
            Self::TruncatedBody => reply.await.map(|_| {
                Body::new(TruncatedBody(Some(Bytes::from_static(
                    br#"{"result":"success","msg":"","pre"#,
                ))))
            }),
        }
    }
}

/// A body that is cut off.
struct TruncatedBody(Option<Bytes>);

impl http_body::Body for TruncatedBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        Poll::Ready(Some(
            self.0
                .take()
                .map(Frame::data)
                .ok_or_else(|| std::io::ErrorKind::ConnectionReset.into()),
        ))
    }
}
