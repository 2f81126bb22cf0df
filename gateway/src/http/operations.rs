//! What operators ask: is it alive, is it ready, and numbers for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::clock;
use crate::metrics::{Gauges, Metrics};
use crate::store::shared::SharedStore;

/// `GET /healthz`: whether the process lives.
pub(crate) async fn healthz() -> Response {
    plain(StatusCode::OK, "ok\n")
}

pub(crate) fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    (
        status,
        [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")],
        text.into(),
    )
        .into_response()
}

/// Whether Zulip answers.
pub(crate) async fn readyz(State(store): State<Arc<SharedStore>>) -> Response {
    if store.lock().is_healthy() {
        plain(StatusCode::OK, "ok\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "Zulip gave no useful answer to the last request\n")
    }
}

pub(crate) async fn metrics(
    State(store): State<Arc<SharedStore>>,
    State(metrics): State<Arc<Metrics>>,
) -> Response {
    let gauges = {
        let store = store.lock();
        Gauges {
            watched: store.watched(),
            accounts: store.accounts(),
            answer_age_s: store.answer_age(clock::now()).map(|age| age.as_secs_f64()),
            healthy: store.is_healthy(),
        }
    };
    let mut response = plain(StatusCode::OK, metrics.text(&gauges));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8"));
    response
}
