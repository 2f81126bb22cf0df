//! Health, readiness and metrics.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::clock;
use crate::http::stream::Streams;
use crate::metrics::{Gauges, Metrics};
use crate::store::shared::SharedStore;

/// `GET /healthz`: whether the process and its poll loop run.
pub(crate) async fn healthz(State(store): State<Arc<SharedStore>>) -> Response {
    if store.is_polled(Instant::now()) {
        plain(
            StatusCode::OK,
            "ok
",
        )
    } else {
        plain(
            StatusCode::SERVICE_UNAVAILABLE,
            "the poll loop has not run for a minute
",
        )
    }
}

pub(crate) fn plain(status: StatusCode, text: impl Into<String>) -> Response {
    (
        status,
        [(CONTENT_TYPE, "text/plain; charset=utf-8"), (CACHE_CONTROL, "no-store")],
        text.into(),
    )
        .into_response()
}

/// Whether Zulip replies.
pub(crate) async fn readyz(State(store): State<Arc<SharedStore>>) -> Response {
    if store.lock().is_healthy() {
        plain(StatusCode::OK, "ok\n")
    } else {
        plain(StatusCode::SERVICE_UNAVAILABLE, "Zulip gave no useful answer to the last request\n")
    }
}

pub(crate) async fn metrics(
    State(store): State<Arc<SharedStore>>,
    State(streams): State<Option<Arc<Streams>>>,
    State(metrics): State<Arc<Metrics>>,
) -> Response {
    let streams = streams.map(|streams| streams.numbers());
    let gauges = {
        let store = store.lock();
        Gauges {
            watched: store.watched(),
            accounts: store.accounts(),
            answer_age_s: store.answer_age(clock::now()).map(|age| age.as_secs_f64()),
            healthy: store.is_healthy(),
            streams,
        }
    };
    let mut response = plain(StatusCode::OK, metrics.text(&gauges));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8"),
    );
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;
    use crate::store::{Store, StoreConfig};
    use crate::zulip::allow_list::AllowList;

    #[tokio::test]
    async fn healthz_fails_when_the_poll_loop_is_stuck() {
        let store = Arc::new(SharedStore::new(Store::new(
            StoreConfig::default(),
            AllowList::default(),
            clock::now(),
        )));
        for (ago, expected) in [(0, 200), (59, 200), (61, 503)] {
            let turned_at = Instant::now().checked_sub(Duration::from_secs(ago));
            store.record_turn(turned_at.expect("this machine runs for longer"));
            let reply = healthz(State(Arc::clone(&store))).await;
            assert_eq!(reply.status().as_u16(), expected, "{ago} s ago");
        }
    }
}
