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
    check_json(status, body);
    match reply.parse_user() {
        Ok(reply) => {
            check_reply(&reply);
            if let Ok(presence) = reply.content {
                assert_ne!(presence, Presence::default(), "a claim of nothing is no data");
                check_presence(presence, &reply);
            }
        }
        Err(failure) => check_failure(status, failure),
    }
    match reply.parse_realm() {
        Ok(reply) => {
            check_reply(&reply);
            for user in keys(body) {
                if let Some(Some(presence)) = reply.content.get(&user) {
                    check_presence(presence, &reply);
                }
            }
        }
        Err(failure) => check_failure(status, failure),
    }
}

/// Reads the body as serde_json does: what that refuses is no reply, and what it reads says the
/// same to us.
fn check_json(status: u16, body: &[u8]) {
    let json: Value = match serde_json::from_slice(body) {
        Ok(json) => json,
        Err(error) => {
            // To us a number out of range is infinite, and an instant at the end of time.
            if !error.to_string().contains("out of range") {
                let reply = HttpReply { status, header: &|_| None, body };
                assert!(
                    reply.parse_user().is_err() && reply.parse_realm().is_err(),
                    "{error}, but we read it"
                );
            }
            return;
        }
    };
    // Written anew no name is there twice.
    let text = json.to_string();
    let reply = HttpReply { status: 200, header: &|_| None, body: text.as_bytes() };
    let is_success = json["result"] == "success" && depth(&json) <= 60;
    match reply.parse_user() {
        Ok(reply) => {
            assert!(is_success && json["presence"].is_object(), "{text}");
            check_claims(&json["presence"], reply.content.ok());
            assert!(near(reply.server_timestamp, instant(&json["server_timestamp"])), "{text}");
        }
        Err(_) => assert!(!is_success || !json["presence"].is_object(), "{text}"),
    }
    match reply.parse_realm() {
        Ok(reply) => {
            assert!(is_success && json["presences"].is_object(), "{text}");
            for (key, claims) in json["presences"].as_object().into_iter().flatten() {
                let Ok(user) = key.parse() else {
                    continue;
                };
                let same = |other: &&String| other.parse().as_ref() == Ok(&user);
                // Of two notations of one person the first counts, and none that is no object.
                if json["presences"]
                    .as_object()
                    .is_some_and(|all| all.keys().filter(same).count() == 1)
                {
                    let entry = reply.content.get(&user);
                    assert_eq!(entry.is_some(), claims.is_object(), "{key} in {text}");
                    check_claims(claims, entry.flatten());
                }
            }
        }
        Err(_) => assert!(!is_success || !json["presences"].is_object(), "{text}"),
    }
}

fn depth(json: &Value) -> usize {
    match json {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn instant(json: &Value) -> Option<Timestamp> {
    json.as_f64().map(Timestamp::from_unix_s)
}

/// Apart by no more than two readings of one decimal number may be.
fn near(ours: Option<Timestamp>, theirs: Option<Timestamp>) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => ours.as_ms().abs_diff(theirs.as_ms()) <= 5,
        (ours, theirs) => ours == theirs,
    }
}

fn check_claims(json: &Value, ours: Option<Presence>) {
    let ours = ours.unwrap_or_default();
    let (active, idle) = (instant(&json["active_timestamp"]), instant(&json["idle_timestamp"]));
    if active.is_some() || idle.is_some() {
        assert!(
            near(ours.last_active, active) && near(ours.last_connected, idle) && !ours.offline,
            "{ours:?} in {json}"
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
    assert!(
        near(ours.last_active, newest(&["active"]))
            && near(ours.last_connected, newest(&["idle", "offline"])),
        "{ours:?} in {json}"
    );
    assert_eq!(
        ours.offline,
        json["aggregated"].is_object() && json["aggregated"]["status"] == "offline",
        "{json}"
    );
}

/// The users whom a body may name, found without our parser.
fn keys(body: &[u8]) -> Vec<UserRef> {
    String::from_utf8_lossy(body).split('"').filter_map(|key| key.parse().ok()).take(20).collect()
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
        RequestError::Unreachable | RequestError::TimedOut => panic!("there is a reply"),
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
