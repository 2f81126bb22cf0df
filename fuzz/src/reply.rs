//! Whatever comes back over HTTP is read without panic into statuses that decay, spans that are
//! positive and instants in range.

use std::time::Duration;

use serde_json::Value;
use zulip_presence_core::reply::{HttpReply, Reply, RequestError};
use zulip_presence_core::{
    MAX_OFFLINE_THRESHOLD, MIN_OFFLINE_THRESHOLD, OFFLINE_THRESHOLD, Observation, Presence, Status,
    Timestamp, UserRef,
};

/// Checks `input`, written like a reply of HTTP: the status code, lines of headers, an empty line,
/// the body.
pub fn check(input: &[u8]) {
    let end = input.windows(2).position(|pair| pair == b"\n\n");
    let (head, body) = end.map_or((&b""[..], input), |end| (&input[..end], &input[end + 2..]));
    let head = String::from_utf8_lossy(head);
    let mut lines = head.lines();
    let status = lines.next().and_then(|code| code.trim().parse().ok()).unwrap_or(200);
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |name: &str| {
        headers.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    };
    let reply = HttpReply { status, header: &header, body };
    check_json(body);
    match reply.parse_user() {
        Ok(reply) => {
            check_reply(&reply);
            if let Ok(presence) = reply.content {
                assert!(
                    presence.last_active.is_some()
                        || presence.last_connected.is_some()
                        || presence.offline,
                    "an object without timestamps is no data"
                );
                check_presence(presence, &reply);
            }
        }
        Err(failure) => check_failure(status, failure),
    }
    match reply.parse_realm() {
        Ok(reply) => {
            check_reply(&reply);
            for user in keys(body).into_iter().take(20) {
                if let Some(Ok(presence)) = reply.content.get(&user) {
                    check_presence(presence, &reply);
                }
            }
        }
        Err(failure) => check_failure(status, failure),
    }
}

/// Compares our types with `serde_json::Value`: what that refuses is no reply, and both read the
/// same timestamps and statuses.
fn check_json(body: &[u8]) {
    let reply = HttpReply { status: 200, header: &|_| None, body };
    let (user, realm) = (reply.parse_user(), reply.parse_realm());
    let Ok(json) = serde_json::from_slice::<Value>(body) else {
        assert!(user.is_err() && realm.is_err(), "serde_json refuses it");
        return;
    };
    let is_success = json["result"] == "success";
    assert_eq!(user.is_ok(), is_success && json["presence"].is_object(), "{json}");
    assert_eq!(realm.is_ok(), is_success && json["presences"].is_object(), "{json}");
    if let Ok(reply) = user {
        check_claims(&json["presence"], reply.content.ok());
        assert_eq!(reply.server_timestamp, instant(&json["server_timestamp"]), "{json}");
    }
    let Ok(reply) = realm else {
        return;
    };
    let presences = json["presences"].as_object().into_iter().flatten();
    let users: Vec<(Option<UserRef>, &Value)> =
        presences.map(|(key, entry)| (key.parse().ok(), entry)).collect();
    for (user, entry) in &users {
        // Two notations of one user are one entry to us.
        let Some(user) = user else { continue };
        if users.iter().filter(|(other, _)| other.as_ref() == Some(user)).count() == 1
            && is_written_once(body, user)
        {
            let ours = reply.content.get(user);
            assert_eq!(ours.is_some(), entry.is_object(), "{user} in {json}");
            check_claims(entry, ours.and_then(Result::ok));
        }
    }
}

/// Whether no other entry can stand under the same name: serde_json's map keeps the last one.
fn is_written_once(body: &[u8], user: &UserRef) -> bool {
    keys(body).iter().filter(|key| *key == user).count() == 1
}

fn instant(json: &Value) -> Option<Timestamp> {
    json.as_f64().map(Timestamp::from_unix_s)
}

fn check_claims(json: &Value, ours: Option<Presence>) {
    let ours = ours.unwrap_or_default();
    let (active, idle) = (instant(&json["active_timestamp"]), instant(&json["idle_timestamp"]));
    if active.is_some() || idle.is_some() {
        assert_eq!(
            (ours.last_active, ours.last_connected, ours.offline, ours.fields.modern),
            (active, idle, false, true),
            "{json}"
        );
        return;
    }
    let entries = || json.as_object().into_iter().flatten().filter(|(_, claim)| claim.is_object());
    let newest = |words: &[&str]| {
        let said = entries().filter(|(_, claim)| {
            claim["status"].as_str().is_some_and(|word| words.contains(&word))
        });
        said.filter_map(|(_, claim)| instant(&claim["timestamp"])).max()
    };
    assert_eq!(
        (ours.last_active, ours.last_connected),
        (newest(&["active"]), newest(&["idle", "offline"])),
        "{json}"
    );
    assert_eq!(
        ours.offline,
        json["aggregated"].is_object() && json["aggregated"]["status"] == "offline",
        "{json}"
    );
}

/// The users whom a body may name, found without our parser.
fn keys(body: &[u8]) -> Vec<UserRef> {
    String::from_utf8_lossy(body).split('"').filter_map(|key| key.parse().ok()).collect()
}

fn check_failure(status: u16, failure: RequestError) {
    let retry_after = match failure {
        RequestError::RateLimited { retry_after } => {
            assert_eq!(status, 429);
            retry_after
        }
        RequestError::Status { code, retry_after } => {
            assert!(code == status && status != 200);
            retry_after
        }
        RequestError::Unauthorized => {
            assert_eq!(status, 401);
            None
        }
        RequestError::InvalidResponse => {
            assert_eq!(status, 200);
            None
        }
        RequestError::UsersMissing => {
            assert_eq!(status, 400);
            None
        }
        _ => panic!("there is a reply"),
    };
    assert_ne!(retry_after, Some(Duration::ZERO), "no wait is None");
}

fn check_reply<T>(reply: &Reply<T>) {
    assert_ne!(reply.offline_threshold, Some(Duration::ZERO));
    assert!(reply.lower_bound() >= reply.observed_at());
    for at in
        [reply.server_timestamp, reply.date_lower_bound, reply.lower_bound()].into_iter().flatten()
    {
        check_instant(at);
    }
}

fn check_instant(at: Timestamp) {
    assert!((0..=253_402_300_799_999).contains(&at.as_ms()), "{at:?}");
}

fn check_presence<T>(presence: Presence, reply: &Reply<T>) {
    let at = reply.observed_at().unwrap_or(Timestamp::from_ms(1_800_000_000_000));
    let Some(presence) = presence.without_future_timestamps(at) else {
        return;
    };
    for claim in [presence.last_active, presence.last_connected].into_iter().flatten() {
        check_instant(claim);
        assert!(claim <= at + Duration::from_secs(60), "a claim from the future is believed");
    }
    for offline_threshold in [
        OFFLINE_THRESHOLD,
        MIN_OFFLINE_THRESHOLD,
        MAX_OFFLINE_THRESHOLD,
        reply.offline_threshold.unwrap_or(OFFLINE_THRESHOLD),
    ] {
        check_decay(Observation { presence, at }, offline_threshold);
    }
}

/// As time goes by the status only decays, at the foretold instants and at no other.
fn check_decay(observed: Observation, offline_threshold: Duration) {
    let mut now = observed.at;
    let mut status = observed.status(now, offline_threshold);
    assert_ne!(status, Status::Unknown, "there is data, and it is new");
    for _ in 0..5 {
        if status == Status::Active {
            let claim = observed.presence.last_active.expect("green needs a claim");
            assert!(
                claim.age(now) <= offline_threshold && !observed.presence.offline,
                "green on an old claim"
            );
        }
        let Some(next) = observed.next_change(now, offline_threshold) else {
            break;
        };
        assert!(next > now);
        assert_eq!(
            observed.status(next - Duration::from_millis(1), offline_threshold),
            status,
            "it changed before it was foretold to"
        );
        let decayed = observed.status(next, offline_threshold);
        assert!(decayed > status, "{status} became {decayed}");
        (now, status) = (next, decayed);
    }
    assert_eq!(
        observed.next_change(now, offline_threshold),
        None,
        "more changes than there are statuses"
    );
    assert_eq!(
        observed.status(now + Duration::from_secs(86_400), offline_threshold),
        status,
        "a change that was not foretold"
    );
}
