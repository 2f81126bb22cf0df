//! Properties that hold for all input.

use std::time::Duration;

use proptest::prelude::*;
use zulip_presence_core::reply::HttpReply;
use zulip_presence_core::{Observation, Presence, Timestamp, UserRef};

fn timestamp() -> impl Strategy<Value = Timestamp> {
    prop_oneof![1_799_999_000_000..1_800_001_000_000_i64, any::<i64>()].prop_map(Timestamp::from_ms)
}

fn observed() -> impl Strategy<Value = Observation> {
    let presence =
        (proptest::option::of(timestamp()), proptest::option::of(timestamp()), any::<bool>());
    (presence, timestamp()).prop_map(|((last_active, last_connected, offline), at)| Observation {
        presence: Presence { last_active, last_connected, offline, ..Presence::default() },
        at,
    })
}

/// Tokens of Zulip's format in random order.
fn almost_json() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("{".to_owned()),
        Just("}".to_owned()),
        Just("[".to_owned()),
        Just("]".to_owned()),
        Just(":".to_owned()),
        Just(",".to_owned()),
        prop::sample::select(vec![
            "result",
            "success",
            "msg",
            "code",
            "BAD_REQUEST",
            "presence",
            "presences",
            "aggregated",
            "website",
            "status",
            "timestamp",
            "active",
            "idle",
            "offline",
            "active_timestamp",
            "idle_timestamp",
            "server_timestamp",
            "retry-after",
            "12",
            "a@b",
        ])
        .prop_map(|word| format!("\"{word}\"")),
        any::<f64>().prop_map(|number| number.to_string()),
        any::<i64>().prop_map(|number| number.to_string()),
    ];
    prop::collection::vec(word, 0..60).prop_map(|words| words.concat())
}

fn parse(status: u16, header: &str, body: &[u8]) {
    let reply = HttpReply { status, header: &|_| Some(header.to_owned()), body };
    let _ = (reply.parse_user(), reply.parse_realm());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_096, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn parsing_never_panics(status in prop::sample::select(vec![200_u16, 400, 401, 429, 500]), header in ".*", body in any::<Vec<u8>>()) {
        parse(status, &header, &body);
    }

    #[test]
    fn parsing_almost_json_never_panics(status in prop::sample::select(vec![200_u16, 400, 429]), body in almost_json()) {
        parse(status, "1", body.as_bytes());
        parse(status, "1", format!(r#"{{"result":"success","presence":{body}}}"#).as_bytes());
        parse(status, "1", format!(r#"{{"result":"success","presences":{{"12":{body}}}}}"#).as_bytes());
    }

    #[test]
    fn status_only_decays_as_time_passes(observed in observed(), start in timestamp(), spans in prop::collection::vec(0..400_000_u64, 1..20), offline_threshold in 60..3_600_u64) {
        let offline_threshold = Duration::from_secs(offline_threshold);
        let mut now = start;
        let mut last = observed.status(now, offline_threshold);
        for span in spans {
            let foretold = observed.next_change(now, offline_threshold);
            now = now + Duration::from_millis(span);
            let status = observed.status(now, offline_threshold);
            prop_assert!(status >= last, "{last} became {status}");
            if status != last {
                prop_assert!(foretold.is_some_and(|at| at <= now), "a change that was not foretold");
            }
            last = status;
        }
    }

    #[test]
    fn any_parsed_user_is_a_safe_path_segment(written in ".*") {
        if let Ok(user) = written.parse::<UserRef>() {
            let segment = user.path_segment();
            prop_assert!(segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~%".contains(&byte)));
            prop_assert!(!segment.is_empty() && segment != "." && segment != "..");
            prop_assert_eq!(user.to_string().parse(), Ok(user), "its own notation is the same person");
        }
    }

    #[test]
    fn any_email_is_a_safe_path_segment(local in "[^@/\\\\\\s\\p{Cc}]{1,30}", domain in "[^@/\\\\\\s\\p{Cc}]{1,30}") {
        if let Ok(user) = format!("{local}@{domain}").parse::<UserRef>() {
            prop_assert!(user.path_segment().contains("%40"));
            prop_assert_eq!(user.to_string().parse(), Ok(user));
        }
    }
}
