//! The API: Zulip's two presence endpoints, served from memory.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, EXPIRES};
use axum::response::{IntoResponse, Response};
use zulip_presence_core::reply::NoPresenceReason;
use zulip_presence_core::{ClockReading, Observation, UserRef};

use crate::clock;
use crate::http::batch::{Batch, push_metadata};
use crate::http::error::ApiError;
use crate::store::shared::SharedStore;
use crate::store::{Lookup, Store};
use crate::zulip::wire::push_presence;

const STALE_IF_ERROR_S: u64 = 60;

/// What the path of a request names as the user.
type Written = Result<Path<String>, PathRejection>;

/// `GET /api/v1/users/{user}/presence`.
pub(crate) async fn single(
    State(store): State<Arc<SharedStore>>,
    user: Written,
) -> Result<Response, ApiError> {
    about_user(&store, user, |store, _, known, now| {
        let observation = known?;
        let render = store.render(now);
        let mut json = String::from(r#"{"result":"success","msg":"","presence":"#);
        push_presence(&observation, render, &mut json);
        push_metadata(observation.at, render, &mut json);
        Ok(json)
    })
    .await
}

/// `GET /api/v1/users/{user}/status`, where that is shown.
pub(crate) async fn status(
    State(store): State<Arc<SharedStore>>,
    user: Written,
) -> Result<Response, ApiError> {
    if !store.lock().shows_statuses() {
        return Err(ApiError::NotFound);
    }
    about_user(&store, user, |store, user, _, _| {
        let mut json = String::from(r#"{"result":"success","msg":"","status":"#);
        match store.status_message(user) {
            Some(status) => status.push(&mut json),
            None => json.push_str("{}"),
        }
        json.push('}');
        Ok(json)
    })
    .await
}

/// Waits until it is known whether Zulip has presence of the user `written`, or why not, and replies
/// with what `body` makes of it.
async fn about_user(
    store: &SharedStore,
    written: Written,
    body: impl Fn(
        &Store,
        &UserRef,
        Result<Box<Observation>, NoPresenceReason>,
        ClockReading,
    ) -> Result<String, NoPresenceReason>,
) -> Result<Response, ApiError> {
    let written = written.map(|Path(user)| user).unwrap_or_default();
    let nobody = |now: ClockReading, store: &Store, why| ApiError::NoPresence {
        why,
        asked: written.clone(),
        max_age_s: store.max_age(now).as_secs(),
    };
    let Ok(user) = written.parse::<UserRef>() else {
        return Err(nobody(clock::now(), &store.lock(), NoPresenceReason::NoSuchUser));
    };
    let result = store.wait_for_result(|store, can_wait| {
        let now = clock::now();
        store.watch(&user, now);
        let known = match store.lookup(&user, can_wait, now) {
            Lookup::Pending => return None,
            Lookup::Unavailable => return Some(Err(ApiError::unavailable(store, now))),
            Lookup::Nobody(why) => return Some(Err(nobody(now, store, why))),
            Lookup::NoData(why) => Err(why),
            Lookup::CachedPresence(observation) => Ok(observation),
        };
        let body = body(store, &user, known, now).map_err(|why| nobody(now, store, why));
        Some(body.map(|json| presence(json, store, now)))
    });
    result.await.unwrap_or_else(|| Err(ApiError::Unavailable { retry_after_s: 1 }))
}

/// `GET /api/v1/realm/presence?users=[…]`, with Zulip's own `slim_presence=true` for the modern
/// fields only.
pub(crate) async fn realm(
    State(store): State<Arc<SharedStore>>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let batch = Batch::parse(query.as_deref())?;
    let result = store.wait_for_result(|store, can_wait| {
        let now = clock::now();
        let body = batch.body(store, can_wait, now)?;
        Some(body.map(|json| presence(json, store, now)))
    });
    result.await.unwrap_or_else(|| Err(ApiError::Unavailable { retry_after_s: 1 }))
}

/// `GET /api/v1/server_settings`: Zulip's clients request it first. The version is that of the
/// format served here: generation 4 begins with feature level 497 (docs/zulip-wire.md §2).
pub(crate) async fn server_settings() -> Response {
    const BODY: &str =
        r#"{"result":"success","msg":"","zulip_version":"12.0","zulip_feature_level":497}"#;
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "public, max-age=300")], BODY)
        .into_response()
}

/// Adds the headers of a presence reply.
fn presence(json: String, store: &Store, now: ClockReading) -> Response {
    let (max_age_s, stale_s) =
        (store.max_age(now).as_secs(), store.stale_while_revalidate().as_secs());
    let cache = format!(
        "public, max-age={max_age_s}, stale-while-revalidate={stale_s}, stale-if-error={STALE_IF_ERROR_S}"
    );
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CACHE_CONTROL, cache),
        (EXPIRES, expires(store, now, max_age_s)),
    ];
    (headers, json).into_response()
}

/// The value of `Expires` for a reply that may be cached for `max_age_s`, by Zulip's clock, as Zulip
/// has it: pages tell Zulip's time by it. `Date` is by the clock of this machine, or of a proxy.
pub(super) fn expires(store: &Store, now: ClockReading, max_age_s: u64) -> String {
    let now_ms = u64::try_from(store.render(now).now.as_ms()).unwrap_or_default();
    let at = UNIX_EPOCH + Duration::from_millis(now_ms) + Duration::from_secs(max_age_s);
    httpdate::fmt_http_date(at)
}
