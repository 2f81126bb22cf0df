//! The API: Zulip's two presence endpoints, served from memory.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use zulip_presence_core::reply::NoPresenceReason;
use zulip_presence_core::{ClockReading, UserRef};

use crate::clock;
use crate::http::batch::{Batch, push_metadata};
use crate::http::error::ApiError;
use crate::http::query::{ParameterError, parameter};
use crate::store::shared::SharedStore;
use crate::store::{Lookup, Store};
use crate::zulip::wire::push_presence;

/// Maximum people of one organisation-wide request.
const MAX_USERS: usize = 1_000;
const STALE_IF_ERROR_S: u64 = 60;

/// `GET /api/v1/users/{user}/presence`.
pub(crate) async fn single(
    State(store): State<Arc<SharedStore>>,
    user: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    let written = user.map(|Path(user)| user).unwrap_or_default();
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
        match store.lookup(&user, can_wait, now) {
            Lookup::Pending => None,
            Lookup::Nobody(why) | Lookup::NoData(why) => Some(Err(nobody(now, store, why))),
            Lookup::Unavailable => Some(Err(unavailable(store, now))),
            Lookup::CachedPresence(observation) => {
                let render = store.render(now);
                let mut json = String::from(r#"{"result":"success","msg":"","presence":"#);
                push_presence(&observation, render, &mut json);
                push_metadata(observation.at, render, &mut json);
                Some(Ok(presence(json, store, now)))
            }
        }
    });
    result.await.unwrap_or_else(|| Err(ApiError::Unavailable { retry_after_s: 1 }))
}

/// `GET /api/v1/users/{user}/status`, where that is shown.
pub(crate) async fn status(
    State(store): State<Arc<SharedStore>>,
    user: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    if !store.lock().shows_statuses() {
        return Err(ApiError::NotFound);
    }
    let written = user.map(|Path(user)| user).unwrap_or_default();
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
        match store.lookup(&user, can_wait, now) {
            Lookup::Pending => None,
            Lookup::Unavailable => Some(Err(unavailable(store, now))),
            Lookup::Nobody(why) => Some(Err(nobody(now, store, why))),
            Lookup::CachedPresence(_) | Lookup::NoData(_) => {
                let mut json = String::from(r#"{"result":"success","msg":"","status":"#);
                match store.status_message(&user) {
                    Some(status) => status.push(&mut json),
                    None => json.push_str("{}"),
                }
                json.push('}');
                Some(Ok(presence(json, store, now)))
            }
        }
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

/// Zulip cannot be reached in time.
pub(crate) fn unavailable(store: &Store, now: ClockReading) -> ApiError {
    ApiError::Unavailable { retry_after_s: store.retry_after(now).as_secs().max(1) }
}

/// Adds the headers of a presence reply.
fn presence(json: String, store: &Store, now: ClockReading) -> Response {
    let (max_age_s, stale_s) =
        (store.max_age(now).as_secs(), store.stale_while_revalidate().as_secs());
    let cache = format!(
        "public, max-age={max_age_s}, stale-while-revalidate={stale_s}, stale-if-error={STALE_IF_ERROR_S}"
    );
    ([(CONTENT_TYPE, "application/json".to_owned()), (CACHE_CONTROL, cache)], json).into_response()
}

/// The keys of the reply, as JSON strings, and the user that each names; each key once.
pub(crate) fn users(query: &str) -> Result<Vec<(String, Option<UserRef>)>, ApiError> {
    let expected = |what: &str| {
        ApiError::Users(format!(
            "users {what}: expected a JSON list of user IDs and emails, like [\"12\",\"ada@example.com\"]"
        ))
    };
    let written = parameter(query, "users").map_err(|error| match error {
        ParameterError::Repeated => expected("is there more than once"),
        ParameterError::EncodedName => expected("has a percent-encoded name"),
        ParameterError::NotUtf8 => expected("is not UTF-8"),
    })?;
    let written = written.filter(|value| !value.is_empty()).ok_or(ApiError::UsersMissing)?;
    let Ok(value) = serde_json::from_str::<Value>(&written) else {
        return Err(expected("is not JSON"));
    };
    let Value::Array(list) = value else {
        return Err(expected("is not a list"));
    };
    if list.is_empty() {
        return Err(expected("is empty"));
    }
    if list.len() > MAX_USERS {
        return Err(expected(&format!("has {} entries, more than {MAX_USERS}", list.len())));
    }
    let mut asked: Vec<(String, Option<UserRef>)> = Vec::with_capacity(list.len());
    let mut seen = std::collections::HashSet::with_capacity(list.len());
    for entry in list {
        let key = match entry {
            Value::String(key) => key,
            Value::Number(number) => number.to_string(),
            _ => return Err(expected("holds something that is neither a string nor a number")),
        };
        if seen.insert(key.clone()) {
            let user = key.parse().ok();
            asked.push((Value::String(key).to_string(), user));
        }
    }
    Ok(asked)
}

/// Whether only the modern fields are requested.
pub(crate) fn is_slim(query: &str) -> Result<bool, ApiError> {
    match parameter(query, "slim_presence").as_ref().map(Option::as_deref) {
        Ok(None | Some("" | "false")) => Ok(false),
        Ok(Some("true")) => Ok(true),
        Ok(Some(_)) | Err(_) => {
            Err(ApiError::Users("slim_presence: expected true or false, once".into()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(query: &str) -> Vec<String> {
        users(query).expect(query).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn users_parameter_is_parsed() {
        assert_eq!(
            keys("users=[%2212%22,%22ada@example.com%22]"),
            [r#""12""#, r#""ada@example.com""#]
        );
        assert_eq!(keys("x=1&users=[12,12,\"012\"]"), [r#""12""#, r#""012""#]);
        assert_eq!(keys("users=%5B%22a%2Bb%40c%22%5D"), [r#""a+b@c""#]);
    }

    #[test]
    fn invalid_users_parameter_names_the_problem() {
        #[track_caller]
        fn says(query: &str, expected: &str) {
            match users(query) {
                Err(ApiError::Users(msg)) => {
                    assert!(
                        msg.contains(expected) && msg.contains("expected a JSON list"),
                        "{msg}"
                    );
                }
                other => panic!("{query}: {other:?}"),
            }
        }
        for missing in ["", "users", "users=", "user=[1]"] {
            assert_eq!(users(missing), Err(ApiError::UsersMissing), "{missing}");
        }
        says("users=[12]&users=[13]", "more than once");
        says("%75sers=[13]&users=[12]", "more than once");
        says("%75sers=[13]", "percent-encoded name");
        says("users=12,13", "not JSON");
        says("users=%ff", "not UTF-8");
        says("users=%2", "not JSON");
        says("users=12", "not a list");
        says("users={}", "not a list");
        says("users=[]", "empty");
        says("users=[[1]]", "neither");
        assert_eq!(is_slim("users=[1]"), Ok(false));
        assert_eq!(is_slim("users=[1]&slim_presence=true"), Ok(true));
        for invalid in ["slim_presence=1", "slim_presence=true&slim_presence=true"] {
            assert!(is_slim(invalid).is_err(), "{invalid}");
        }
        says("users=[null]", "neither");
        says("users=[{\"a\":1}]", "neither");
        let many: Vec<String> = (0..1_001).map(|id| id.to_string()).collect();
        says(&format!("users=[{}]", many.join(",")), "1001 entries");
        says(&format!("users={}1{}", "[".repeat(5_000), "]".repeat(5_000)), "not JSON");
    }
}
