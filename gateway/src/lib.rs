//! Serves Zulip presence to web pages, and keeps the bot's API key off them.
//!
//! [`app`] is the whole gateway as a [`Router`]; everything else is what it is made of and what the
//! binary needs around it.

mod clock;
pub mod config;
pub mod demo;
pub mod doctor;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
mod metrics;
mod poller;
mod server;
mod store;
mod zulip;

use std::any::Any;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

pub use crate::config::secret::Secret;
pub use crate::config::zuliprc::{CredentialsError, Tls, ZulipCredentials};
pub use crate::http::cors::{AllowedOrigin, AllowedOrigins, InvalidOrigin};
use crate::http::error::ApiError;
pub use crate::http::static_files::{DistError, StaticFiles};
use crate::http::{cors, response_cache, routes, svg};
use crate::metrics::Gauges;
use crate::poller::Gateway;
pub use crate::poller::PeopleError;
pub use crate::server::serve;
use crate::store::StoreConfig;
pub use crate::zulip::client::{TlsError, ZulipClient};

/// All that a gateway needs to know.
#[derive(Debug)]
pub struct Config {
    /// How Zulip is asked.
    pub client: ZulipClient,
    /// The file that tells it: read again when it changes, so that a new key needs no restart.
    /// `None`: never.
    pub zuliprc: Option<PathBuf>,
    /// Time between two organisation-wide requests to Zulip.
    pub refresh: Duration,
    /// The threshold of "offline".
    pub offline_after: Duration,
    /// Most requests to Zulip in any 60 s.
    pub budget: u32,
    /// Which pages may read the replies.
    pub allow_origins: AllowedOrigins,
    /// The file of those who may be seen; `None`: everybody.
    pub people: Option<PathBuf>,
    /// People who are offline carry no times.
    pub hide_last_active: bool,
    /// What is served besides.
    pub files: StaticFiles,
    /// Seed of the jitter.
    pub seed: u64,
}

/// The whole gateway. It asks Zulip from now on, as long as the runtime lives.
///
/// # Errors
/// [`PeopleError`] where the people file cannot be used.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn app(config: Config) -> Result<Router, PeopleError> {
    let Config {
        client,
        zuliprc,
        refresh,
        offline_after,
        budget,
        allow_origins,
        people,
        hide_last_active,
        files,
        seed,
    } = config;
    let policy = StoreConfig {
        refresh,
        offline_threshold: offline_after,
        budget,
        hide_times: hide_last_active,
        seed,
    };
    let gateway = Gateway::start(client, zuliprc, policy, people)?;
    let api = Router::new()
        .route("/api/v1/users/{user}/presence", get(routes::single))
        .route("/api/v1/realm/presence", get(routes::realm))
        .route("/api/v1/server_settings", get(routes::server_settings))
        .route("/users/{user}/presence.svg", get(svg::picture))
        .route("/api/{*rest}", get(|| async { ApiError::NotFound }))
        .method_not_allowed_fallback(|| async { ApiError::Method })
        .layer(CompressionLayer::new())
        .layer(middleware::from_fn_with_state(Arc::clone(&gateway), response_cache::cache_layer))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(allow_origins, cors::cors));
    let rest = Router::new()
        .route("/healthz", get(|| async { plain(StatusCode::OK, "ok\n") }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .method_not_allowed_fallback(|| async { ApiError::Method })
        .fallback(file)
        .layer(CatchPanicLayer::custom(panicked));
    let state = Shared { gateway: Arc::clone(&gateway), files: Arc::new(files) };
    Ok(api
        .with_state(Arc::clone(&gateway))
        .merge(rest.with_state(state))
        .layer(middleware::from_fn_with_state(gateway, count)))
}

#[derive(Clone)]
struct Shared {
    gateway: Arc<Gateway>,
    files: Arc<StaticFiles>,
}

/// Counts the reply, and tells browsers to believe its type.
async fn count(State(gateway): State<Arc<Gateway>>, request: Request, next: Next) -> Response {
    let route = match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
        Some("/api/v1/users/{user}/presence") => "user_presence",
        Some("/api/v1/realm/presence") => "realm_presence",
        Some("/users/{user}/presence.svg") => "picture",
        Some("/healthz" | "/readyz" | "/metrics") => "operations",
        _ => "files",
    };
    let mut response = next.run(request).await;
    gateway.metrics.request(route, response.status().as_u16());
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn panicked(_: Box<dyn Any + Send + 'static>) -> Response {
    tracing::error!("a handler panicked; this is a bug");
    ApiError::Internal.into_response()
}

fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    (
        status,
        [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")],
        text.into(),
    )
        .into_response()
}

/// Whether Zulip answers.
async fn readyz(State(Shared { gateway, .. }): State<Shared>) -> Response {
    if gateway.store().is_healthy() {
        plain(StatusCode::OK, "ok\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "Zulip gave no useful answer to the last request\n")
    }
}

async fn metrics(State(Shared { gateway, .. }): State<Shared>) -> Response {
    let gauges = {
        let store = gateway.store();
        Gauges {
            watched: store.watched(),
            accounts: store.accounts(),
            answer_age_s: store.answer_age(clock::now()).map(|age| age.as_secs_f64()),
            healthy: store.is_healthy(),
        }
    };
    let mut response = plain(StatusCode::OK, gateway.metrics.text(&gauges));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    response
}

async fn file(State(Shared { files, .. }): State<Shared>, request: Request) -> Response {
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return ApiError::Method.into_response();
    }
    let uri = request.uri();
    match files.serve(uri.path(), uri.query(), request.headers()) {
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

    /// Were a handler to panic, the page would get a 500 and the process would live.
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
