//! Every row of docs/zulip-wire.md §2–§4 and §7, in every generation.

use std::time::Duration;

use zulip_presence_core::reply::{HttpReply, NoPresenceReason, Reply, RequestError};
use zulip_presence_core::{OFFLINE_THRESHOLD, Observation, Status, Timestamp, UserRef};

/// When the server replied: Monday 2026-11-23 19:30:00 GMT.
const NOW_S: i64 = 1_795_462_200;
const NOW_DATE: &str = "Mon, 23 Nov 2026 19:30:00 GMT";

fn now() -> Timestamp {
    Timestamp::from_ms(NOW_S * 1000)
}

fn reply<'a>(
    status: u16,
    body: &'a str,
    header: &'a dyn Fn(&str) -> Option<String>,
) -> HttpReply<'a> {
    HttpReply { status, header, body: body.as_bytes() }
}

fn no_header(_: &str) -> Option<String> {
    None
}

fn dated(name: &str) -> Option<String> {
    (name == "date").then(|| NOW_DATE.to_owned())
}

/// The status from a 200 reply about one user with this `presence`.
fn status_of(presence: &str) -> Status {
    let body = format!(r#"{{"result":"success","msg":"","presence":{presence}}}"#);
    let Ok(reply) = reply(200, &body, &dated).parse_user() else {
        panic!("no reply in {body}");
    };
    let claims = reply.content.ok().and_then(|presence| presence.without_future_timestamps(now()));
    claims.map_or(Status::Unknown, |presence| {
        Observation { presence, at: now() }.status(now(), OFFLINE_THRESHOLD)
    })
}

/// `presence` of each generation for a user who was active `active` seconds ago and connected
/// `idle` seconds ago, as the servers write it.
fn generations(active: i64, idle: i64, offline: bool) -> [String; 5] {
    let (active_s, idle_s) = (NOW_S - active, NOW_S - idle);
    // Legacy flips to idle 71 s after the last activity, and then carries the time of the
    // connection.
    let (word, at) =
        if active <= 70 || active <= idle { ("active", active_s) } else { ("idle", idle_s) };
    let aggregated = if offline { "offline" } else { word };
    let legacy = format!(
        r#""aggregated":{{"status":"{aggregated}","timestamp":{at}}},"website":{{"status":"{word}","timestamp":{at}}}"#
    );
    let modern = format!(r#""active_timestamp":{active_s},"idle_timestamp":{idle_s}"#);
    [
        format!(r#"{{{legacy},"ZulipMobile":{{"status":"idle","timestamp":{}}}}}"#, NOW_S - 86_400),
        format!("{{{legacy}}}"),
        format!("{{{modern}}}"),
        format!("{{{legacy},{modern}}}"),
        format!(r#"{{{modern},"a_key_of_the_future":{{"deep":[1,2,{{}}]}}}}"#),
    ]
}

#[test]
fn status_at_each_age_in_every_generation() {
    // A client reports every minute while it is open: `idle` is small while somebody is connected.
    for (active, idle, offline, expected) in [
        (0, 0, false, [Status::Active; 5]),
        (70, 0, false, [Status::Active; 5]),
        // The legacy status is idle already, the web app's is not.
        (
            71,
            0,
            false,
            [Status::Idle, Status::Idle, Status::Active, Status::Active, Status::Active],
        ),
        (199, 199, false, [Status::Active; 5]),
        (200, 200, false, [Status::Active; 5]),
        (201, 201, true, [Status::Offline; 5]),
        (201, 0, false, [Status::Idle; 5]),
        (86_400, 200, false, [Status::Idle; 5]),
        (86_400, 201, true, [Status::Offline; 5]),
        (3 * 365 * 86_400, 3 * 365 * 86_400, true, [Status::Offline; 5]),
    ] {
        for (generation, (presence, expected)) in
            generations(active, idle, offline).iter().zip(expected).enumerate()
        {
            assert_eq!(status_of(presence), expected, "generation {}: {presence}", generation + 1);
        }
    }
}

#[test]
fn malformed_timestamps_and_statuses() {
    let claim =
        |status: &str, age: i64| format!(r#"{{"status":"{status}","timestamp":{}}}"#, NOW_S - age);
    for (presence, expected) in [
        // Gone for 3 h: `website` never says offline.
        (
            format!(
                r#"{{"website":{},"aggregated":{}}}"#,
                claim("active", 10_800),
                claim("offline", 10_800)
            ),
            Status::Offline,
        ),
        // A server with a lower threshold than ours: its status counts.
        (
            format!(
                r#"{{"website":{},"aggregated":{}}}"#,
                claim("active", 150),
                claim("offline", 150)
            ),
            Status::Offline,
        ),
        (r#"{"aggregated":{"status":"offline"}}"#.into(), Status::Offline),
        // A stale "active" is never green.
        (format!(r#"{{"aggregated":{}}}"#, claim("active", 10_800)), Status::Offline),
        // An idle phone does not hide an active desktop.
        (
            format!(
                r#"{{"aggregated":{0},"ZulipMobile":{0},"website":{1}}}"#,
                claim("idle", 5),
                claim("active", 50)
            ),
            Status::Active,
        ),
        // One client only, and no `aggregated`.
        (format!(r#"{{"ZulipElectron":{}}}"#, claim("idle", 5)), Status::Idle),
        // Modern fields win over a server's "offline", and each is optional.
        (
            format!(
                r#"{{"active_timestamp":{},"aggregated":{}}}"#,
                NOW_S - 50,
                claim("offline", 50)
            ),
            Status::Active,
        ),
        (format!(r#"{{"idle_timestamp":{}}}"#, NOW_S - 50), Status::Idle),
        (format!(r#"{{"idle_timestamp":{},"active_timestamp":null}}"#, NOW_S - 50), Status::Idle),
        // Floats, also with an exponent.
        (format!(r#"{{"active_timestamp":{}.25}}"#, NOW_S - 200), Status::Active),
        (format!(r#"{{"active_timestamp":{}.75}}"#, NOW_S - 201), Status::Offline),
        (r#"{"active_timestamp":1.7954622e9}"#.into(), Status::Active),
        // The future: a little is skew, more is nonsense.
        (format!(r#"{{"active_timestamp":{}}}"#, NOW_S + 60), Status::Active),
        (format!(r#"{{"active_timestamp":{}}}"#, NOW_S + 61), Status::Unknown),
        (
            format!(r#"{{"active_timestamp":{},"idle_timestamp":{}}}"#, NOW_S + 9_999, NOW_S - 9),
            Status::Idle,
        ),
        (r#"{"active_timestamp":1e300}"#.into(), Status::Unknown),
        (r#"{"active_timestamp":-1e300}"#.into(), Status::Offline),
        // If several members have the same name, the last counts.
        (format!(r#"{{"active_timestamp":1,"active_timestamp":{NOW_S}}}"#), Status::Active),
        (r#"{"active_timestamp":-5}"#.into(), Status::Offline),
        // Nothing usable.
        ("{}".into(), Status::Unknown),
        (r#"{"active_timestamp":"1795462200","idle_timestamp":[1]}"#.into(), Status::Unknown),
        (r#"{"aggregated":{"status":"active"}}"#.into(), Status::Unknown),
        (r#"{"aggregated":{"timestamp":1795462200}}"#.into(), Status::Unknown),
        (r#"{"aggregated":{"status":"busy","timestamp":1795462200}}"#.into(), Status::Unknown),
        (r#"{"aggregated":"active"}"#.into(), Status::Unknown),
        (r#"{"aggregated":{"status":1,"timestamp":1795462200}}"#.into(), Status::Unknown),
    ] {
        assert_eq!(status_of(&presence), expected, "{presence}");
    }
}

#[test]
fn of_two_entries_of_one_client_the_last_counts() {
    let entry = |word| format!(r#""website":{{"status":"{word}","timestamp":{}}}"#, NOW_S - 10);
    for (first, last, expected) in
        [("active", "idle", Status::Idle), ("idle", "active", Status::Active)]
    {
        let presence = format!("{{{},{}}}", entry(first), entry(last));
        assert_eq!(status_of(&presence), expected, "{presence}");
    }
}

#[test]
fn server_timestamp_and_date_bounds() {
    #[track_caller]
    fn check(
        extra: &str,
        headers: &[(&str, &str)],
        observed_at: Option<i64>,
        lower_bound: Option<i64>,
    ) {
        let body = format!(r#"{{"result":"success","presence":{{"idle_timestamp":1}}{extra}}}"#);
        let header = |name: &str| {
            headers.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        };
        let Ok(Reply { server_timestamp, date_lower_bound, .. }) =
            reply(200, &body, &header).parse_user()
        else {
            panic!("no reply");
        };
        let ms = |at: Option<Timestamp>| at.map(|at| at.as_ms() - NOW_S * 1000);
        assert_eq!(ms(server_timestamp.or(date_lower_bound)), observed_at);
        assert_eq!(ms(server_timestamp.max(date_lower_bound)), lower_bound);
    }
    check("", &[], None, None);
    check(r#","server_timestamp":1795462230.25"#, &[], Some(30_250), Some(30_250));
    check("", &[("date", NOW_DATE)], Some(0), Some(0));
    check("", &[("expires", NOW_DATE)], Some(0), Some(0));
    check("", &[("expires", NOW_DATE), ("cache-control", "max-age=0, no-store")], Some(0), Some(0));
    // A reply from a cache: the body is old, the date is not.
    check(r#","server_timestamp":1795462170.5"#, &[("date", NOW_DATE)], Some(-29_500), Some(0));
    // A cache that prolongs the life of a reply does so in both headers.
    check(
        "",
        &[("expires", "Mon, 23 Nov 2026 19:31:00 GMT"), ("cache-control", "public, max-age=60")],
        Some(0),
        Some(0),
    );
    for directive in
        ["Max-Age=60", "PUBLIC, MAX-AGE=60", "max-age=\"60\"", "no-cache , max-age = 60"]
    {
        let headers = [("expires", "Mon, 23 Nov 2026 19:31:00 GMT"), ("cache-control", directive)];
        check("", &headers, Some(0), Some(0));
    }
    // The clock of a proxy or of the gateway is five minutes ahead.
    check(
        r#","server_timestamp":1795462170.5"#,
        &[
            ("date", "Mon, 23 Nov 2026 19:35:00 GMT"),
            ("expires", "Mon, 23 Nov 2026 19:30:15 GMT"),
            ("cache-control", "public, max-age=15, stale-while-revalidate=10"),
        ],
        Some(-29_500),
        Some(0),
    );
    // A proxy replaces `Cache-Control`, and leaves `Expires`, or switches caching off by it.
    for expires in ["Mon, 23 Nov 2026 19:30:15 GMT", "Thu, 01 Jan 1970 00:00:01 GMT", "-1"] {
        let kept = ("cache-control", "private, no-cache");
        check("", &[("date", NOW_DATE), ("expires", expires), kept], Some(0), Some(0));
    }
    check("", &[("date", "yesterday"), ("expires", "-1")], None, None);
    check(r#","server_timestamp":"soon""#, &[], None, None);
}

#[test]
fn offline_threshold_field() {
    for (value, expected) in
        [("140", Some(140_000)), ("0", None), ("-5", None), ("\"140\"", None), ("null", None)]
    {
        let body = format!(
            r#"{{"result":"success","presences":{{}},"server_presence_offline_threshold_seconds":{value}}}"#
        );
        let told = reply(200, &body, &no_header).parse_realm().map(|reply| reply.offline_threshold);
        assert_eq!(told, Ok(expected.map(Duration::from_millis)), "{value}");
    }
}

#[test]
fn no_presence_reasons_of_http_400() {
    for (msg, expected) in [
        ("No such user", NoPresenceReason::NoSuchUser),
        ("Presence is not supported for bot users.", NoPresenceReason::Bot),
        ("No presence data for 12", NoPresenceReason::NoData),
        ("No presence data for ada@example.com", NoPresenceReason::NoData),
        ("Insufficient permission", NoPresenceReason::NotPermitted),
        ("Kein solcher Benutzer", NoPresenceReason::Other),
        ("", NoPresenceReason::Other),
    ] {
        let body = format!(r#"{{"result":"error","msg":"{msg}","code":"BAD_REQUEST"}}"#);
        let content = reply(400, &body, &no_header).parse_user().map(|reply| reply.content);
        assert_eq!(content, Ok(Err(expected)), "{msg}");
        // For an organisation-wide request they say nothing about any user.
        let failure = RequestError::Status { code: 400, retry_after: None };
        assert_eq!(reply(400, &body, &no_header).parse_realm(), Err(failure), "{msg}");
    }
}

#[test]
fn request_errors() {
    const HTML: &str = "<html><head><title>502 Bad Gateway</title></head></html>";
    let status = |code| RequestError::Status { code, retry_after: None };
    let limited =
        |ms: Option<u64>| RequestError::RateLimited { retry_after: ms.map(Duration::from_millis) };
    for (code, header, body, expected) in [
        (
            401,
            None,
            r#"{"result":"error","msg":"Invalid API key","code":"UNAUTHORIZED"}"#,
            RequestError::Unauthorized,
        ),
        (
            429,
            None,
            r#"{"result":"error","msg":"","code":"RATE_LIMIT_HIT","retry-after":6.466876268386841}"#,
            limited(Some(6_466)),
        ),
        (
            429,
            Some("6.466876268386841"),
            r#"{"result":"error","msg":"","code":"RATE_LIMIT_HIT"}"#,
            limited(Some(7_000)),
        ),
        (429, Some("6"), "", limited(Some(6_000))),
        (429, Some("0"), "", limited(None)),
        (429, Some("-3"), "", limited(None)),
        (429, Some("soon"), HTML, limited(None)),
        (429, None, r#"{"retry-after":-3}"#, limited(None)),
        (429, None, r#"{"retry-after":"3"}"#, limited(None)),
        (429, None, "", limited(None)),
        (429, Some("99999999999999999999999"), "", limited(Some(u64::MAX))),
        (500, None, r#"{"result":"error","msg":"Internal server error"}"#, status(500)),
        (502, None, HTML, status(502)),
        (
            503,
            Some("5"),
            HTML,
            RequestError::Status { code: 503, retry_after: Some(Duration::from_secs(5)) },
        ),
        (504, None, HTML, status(504)),
        (404, None, HTML, status(404)),
        (302, None, "", status(302)),
        (204, None, "", status(204)),
        (400, None, HTML, status(400)),
        (400, None, r#"{"result":"error","msg":"?","code":"INVALID_JSON"}"#, status(400)),
        (200, None, HTML, RequestError::InvalidResponse),
        (200, None, "", RequestError::InvalidResponse),
        (200, None, "{", RequestError::InvalidResponse),
        (
            200,
            None,
            r#"{"result":"success","presence":{"idle_timestamp":1e999},"presences":{}}"#,
            RequestError::InvalidResponse,
        ),
        (
            200,
            None,
            r#"{"result":"success","presence":{},"presences":{},"msg":"\ud83d"}"#,
            RequestError::InvalidResponse,
        ),
        (200, None, "[]", RequestError::InvalidResponse),
        (200, None, "null", RequestError::InvalidResponse),
        (200, None, "{}", RequestError::InvalidResponse),
        (200, None, r#"{"result":"success","msg":""}"#, RequestError::InvalidResponse),
        (
            200,
            None,
            r#"{"result":"error","msg":"","presence":{},"presences":{}}"#,
            RequestError::InvalidResponse,
        ),
        (
            200,
            None,
            r#"{"result":"success","presence":1,"presences":1}"#,
            RequestError::InvalidResponse,
        ),
        (
            200,
            None,
            r#"{"result":"success","presence":{},"presences":{}} trailing"#,
            RequestError::InvalidResponse,
        ),
        (
            200,
            None,
            "{\"result\":\"success\",\"presence\":{},\"presences\":{},\"\u{0}\":1}",
            RequestError::InvalidResponse,
        ),
    ] {
        let found = |name: &str| header.filter(|_| name == "retry-after").map(str::to_owned);
        let expected = match expected {
            // `u64::MAX` milliseconds in the table stand for `u64::MAX` seconds, which they cannot
            // express.
            RequestError::RateLimited { retry_after: Some(long) }
                if long.as_millis() == u128::from(u64::MAX) =>
            {
                RequestError::RateLimited { retry_after: Some(Duration::from_secs(u64::MAX)) }
            }
            other => other,
        };
        assert_eq!(
            reply(code, body, &found).parse_user().map(drop),
            Err(expected),
            "single: {code} {body}"
        );
        assert_eq!(
            reply(code, body, &found).parse_realm().map(drop),
            Err(expected),
            "realm: {code} {body}"
        );
    }
}

#[test]
fn realm_reply_entries() {
    let body = format!(
        r#"{{"result":"success","msg":"","presences":{{
            "Ada@Example.com":{{"aggregated":{{"client":"website","status":"idle","timestamp":{0}}},"website":{{"client":"website","status":"idle","timestamp":{0},"pushable":false}}}},
            "12":{{"active_timestamp":{0}}}, "013":{{}}, "nobody at all":{{"active_timestamp":{0}}}, "14":null, "15":7, "12 ":{{}}
        }},"server_timestamp":{NOW_S}.26,"ignored_parameters_unsupported":["users"]}}"#,
        NOW_S - 3
    );
    let Ok(reply) = reply(200, &body, &no_header).parse_realm() else {
        panic!("no reply");
    };
    let entry = |user: &str| user.parse().ok().and_then(|user: UserRef| reply.content.get(&user));
    let seen = Timestamp::from_ms((NOW_S - 3) * 1000);
    assert_eq!(
        entry("ada@example.com").map(|found| found.map(|presence| presence.last_connected)),
        Some(Ok(Some(seen)))
    );
    assert_eq!(
        entry("12").map(|found| found.map(|presence| presence.last_active)),
        Some(Ok(Some(seen)))
    );
    assert_eq!(entry("13"), Some(Err(NoPresenceReason::NoData)), "an entry without data");
    assert_eq!((entry("14"), entry("15"), entry("16")), (None, None, None));
    assert_eq!(reply.server_timestamp, Some(Timestamp::from_ms(NOW_S * 1000 + 260)));
}

#[test]
fn rejects_deeply_nested_json() {
    for depth in [1_000, 10_000, 1_000_000] {
        for body in
            ["[".repeat(depth), r#"{"presence":"#.repeat(depth), r#"{"presences":"#.repeat(depth)]
        {
            assert_eq!(
                reply(200, &body, &no_header).parse_user().map(drop),
                Err(RequestError::InvalidResponse)
            );
            assert_eq!(
                reply(200, &body, &no_header).parse_realm().map(drop),
                Err(RequestError::InvalidResponse)
            );
        }
    }
}
