//! Error responses, with Zulip's messages where it has one (docs/zulip-wire.md §4).

use axum::http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use zulip_presence_core::ClockReading;
use zulip_presence_core::reply::NoPresenceReason;

use crate::http::users::UsersError;
use crate::store::Store;

/// What is wrong with the parameters of a picture.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum PictureError {
    #[error("size must be a number of pixels from 1 to 512, once")]
    Size,
    #[error("scheme must be light or dark, once")]
    Scheme,
}

/// Why a page gets no presence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum ApiError {
    /// Zulip has no presence for `asked`.
    NoPresence { why: NoPresenceReason, asked: String, max_age_s: u64 },
    /// The parameters of a request about many people are invalid.
    Users(UsersError),
    /// Those of a picture.
    Picture(PictureError),
    /// No such path.
    NotFound,
    /// The path does not support the method.
    Method,
    /// No reply from Zulip yet.
    Unavailable { retry_after_s: u64 },
    /// As many streams are open as may be.
    TooManyStreams,
    /// A handler panicked.
    Internal,
}

/// Seconds until a page that was refused a stream may try again; it polls meanwhile.
const STREAM_RETRY_AFTER_S: u64 = 60;

impl ApiError {
    /// Zulip cannot be reached in time.
    pub(crate) fn unavailable(store: &Store, now: ClockReading) -> Self {
        Self::Unavailable { retry_after_s: store.retry_after(now).as_secs().max(1) }
    }
}

impl From<UsersError> for ApiError {
    fn from(error: UsersError) -> Self {
        Self::Users(error)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        const NO_STORE: &str = "no-store";
        let bad_request =
            |msg: String| json!({"result": "error", "msg": msg, "code": "BAD_REQUEST"});
        let (status, cache, body) = match &self {
            Self::NoPresence { why, asked, max_age_s } => {
                let msg = match why {
                    NoPresenceReason::NoSuchUser => "No such user".to_owned(),
                    NoPresenceReason::Bot => "Presence is not supported for bot users.".to_owned(),
                    NoPresenceReason::NoData => format!("No presence data for {asked}"),
                    NoPresenceReason::NotPermitted => "Insufficient permission".to_owned(),
                    _ => "No presence to be had".to_owned(),
                };
                (StatusCode::BAD_REQUEST, format!("public, max-age={max_age_s}"), bad_request(msg))
            }
            Self::Users(error @ UsersError::Missing) => {
                let body = json!({"result": "error", "msg": error.to_string(), "code": "REQUEST_VARIABLE_MISSING", "var_name": "users"});
                (StatusCode::BAD_REQUEST, NO_STORE.into(), body)
            }
            Self::Users(error) => {
                (StatusCode::BAD_REQUEST, NO_STORE.into(), bad_request(error.to_string()))
            }
            Self::Picture(error) => {
                (StatusCode::BAD_REQUEST, NO_STORE.into(), bad_request(error.to_string()))
            }
            Self::NotFound => {
                let body = json!({"result": "error", "msg": "Not found", "code": "NOT_FOUND"});
                (StatusCode::NOT_FOUND, NO_STORE.into(), body)
            }
            Self::Method => {
                let status = StatusCode::METHOD_NOT_ALLOWED;
                let body = json!({"result": "error", "msg": status.canonical_reason(), "allowed_methods": ["GET", "HEAD", "OPTIONS"]});
                (status, NO_STORE.into(), body)
            }
            Self::Unavailable { retry_after_s } => {
                let msg = "Zulip gave no answer; try again later";
                let body = json!({"result": "error", "msg": msg, "code": "SERVICE_UNAVAILABLE", "retry-after": retry_after_s});
                (StatusCode::SERVICE_UNAVAILABLE, NO_STORE.into(), body)
            }
            Self::TooManyStreams => {
                let msg = "Too many streams are open; poll instead";
                let body = json!({"result": "error", "msg": msg, "code": "SERVICE_UNAVAILABLE", "retry-after": STREAM_RETRY_AFTER_S});
                (StatusCode::SERVICE_UNAVAILABLE, NO_STORE.into(), body)
            }
            Self::Internal => {
                let body = json!({"result": "error", "msg": "Internal server error"});
                (StatusCode::INTERNAL_SERVER_ERROR, NO_STORE.into(), body)
            }
        };
        let mut response =
            (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response();
        let headers = response.headers_mut();
        if let Ok(cache) = HeaderValue::from_str(&cache) {
            headers.insert(CACHE_CONTROL, cache);
        }
        match self {
            Self::Unavailable { retry_after_s } => {
                headers.insert(RETRY_AFTER, retry_after_s.into());
            }
            Self::TooManyStreams => {
                headers.insert(RETRY_AFTER, STREAM_RETRY_AFTER_S.into());
            }
            Self::Method => {
                headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD, OPTIONS"));
            }
            _ => {}
        }
        response
    }
}
