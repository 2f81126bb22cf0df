//! The HTTP interface: API, SVG badges, static files, operations.

pub(crate) mod batch;
mod cache_policy;
mod conditional;
mod content_coding;
mod content_type;
pub(crate) mod cors;
pub(crate) mod error;
mod operations;
pub(crate) mod query;
pub(crate) mod response_cache;
pub(crate) mod routes;
pub(crate) mod static_files;
pub(crate) mod stream;
pub(crate) mod svg;
pub(crate) mod users;

use std::any::Any;
use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::extract::{FromRef, MatchedPath, Request, State};
use axum::http::header::X_CONTENT_TYPE_OPTIONS;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use self::cors::AllowedOrigins;
use self::error::ApiError;
use self::operations::plain;
use self::response_cache::ResponseCache;
use self::static_files::StaticFiles;
use self::stream::Streams;
use crate::metrics::Metrics;
use crate::store::shared::SharedStore;

const USER_PRESENCE: &str = "/api/v1/users/{user}/presence";
const REALM_PRESENCE: &str = "/api/v1/realm/presence";
const USER_STATUS: &str = "/api/v1/users/{user}/status";
const STREAM: &str = "/api/v1/realm/presence/stream";
const SERVER_SETTINGS: &str = "/api/v1/server_settings";
const OTHER_API: &str = "/api/{*rest}";
const SVG: &str = "/users/{user}/presence.svg";
const HEALTHZ: &str = "/healthz";
const READYZ: &str = "/readyz";
const METRICS: &str = "/metrics";
/// Everything without a route: the static files.
const FILES: &str = "files";
const ROUTES: [&str; 10] = [
    USER_PRESENCE,
    USER_STATUS,
    REALM_PRESENCE,
    STREAM,
    SERVER_SETTINGS,
    OTHER_API,
    SVG,
    HEALTHZ,
    READYZ,
    METRICS,
];

#[derive(Clone, FromRef)]
struct Shared {
    store: Arc<SharedStore>,
    streams: Option<Arc<Streams>>,
    metrics: Arc<Metrics>,
    files: Arc<StaticFiles>,
}

/// Everything that is served.
pub(crate) fn router(
    store: Arc<SharedStore>,
    streams: Option<Arc<Streams>>,
    cache: Arc<ResponseCache>,
    metrics: Arc<Metrics>,
    allow_origins: &AllowedOrigins,
    files: StaticFiles,
) -> Router {
    let api = Router::new()
        .route(USER_PRESENCE, get(routes::single))
        .route(USER_STATUS, get(routes::status))
        .route(REALM_PRESENCE, get(routes::realm))
        .route(SERVER_SETTINGS, get(routes::server_settings))
        .route(SVG, get(svg::picture))
        .route(OTHER_API, get(|| async { ApiError::NotFound }))
        .method_not_allowed_fallback(|| async { ApiError::Method })
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(cache, response_cache::cache_layer))
        // Neither compressed nor cached: both would hold messages back.
        .route(STREAM, get(stream::stream).fallback(|| async { ApiError::Method }))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(cors::presence_cors(allow_origins))
        .layer(middleware::from_fn(cors::complete_preflight));
    let operations = Router::new()
        .route(HEALTHZ, get(operations::healthz))
        .route(READYZ, get(operations::readyz))
        .route(METRICS, get(operations::metrics))
        .method_not_allowed_fallback(|| async { ApiError::Method });
    let files_router = Router::new()
        .fallback(file)
        .layer(cors::files_cors())
        .layer(middleware::from_fn(cors::complete_preflight));
    let state = Shared { store, streams, metrics: Arc::clone(&metrics), files: Arc::new(files) };
    api.merge(operations)
        .merge(files_router)
        .with_state(state)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(metrics, count))
}

/// Counts and times the response, and forbids browsers to guess its content type.
async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str);
    let route = ROUTES.into_iter().find(|route| matched == Some(*route)).unwrap_or(FILES);
    let mut response = next.run(request).await;
    metrics.request(route, response.status().as_u16(), started.elapsed());
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked; this is a bug");
    ApiError::Internal.into_response()
}

async fn file(State(files): State<Arc<StaticFiles>>, request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return ApiError::Method.into_response();
    }
    let uri = request.uri();
    match files.serve(uri.path(), request.headers()) {
        Some(response) => response,
        None if files.is_empty() && uri.path() == "/" => plain(
            StatusCode::NOT_FOUND,
            "This gateway was built without the widget's files: build them with `make dist` and start it with --dist dist.\n",
        ),
        None => plain(StatusCode::NOT_FOUND, "Not found\n"),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use tower::ServiceExt as _;

    use super::*;

    /// If a handler panics, the page gets a 500 and the process continues.
    #[tokio::test]
    async fn panic_in_a_handler_gives_500() {
        let panics = || async {
            if true {
                panic!("a bug")
            }
        };
        let app: Router =
            Router::new().route("/", get(panics)).layer(CatchPanicLayer::custom(panicked));
        for _ in 0..2 {
            let request = axum::http::Request::get("/").body(Body::empty()).expect("a request");
            let response = app.clone().oneshot(request).await.expect("infallible");
            assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        }
    }
}
