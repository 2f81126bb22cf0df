//! A row per rule of Status in docs/design.md §2.

use std::time::Duration;

use zulip_presence_core::Status::{Active, Idle, Offline, Unknown};
use zulip_presence_core::{OFFLINE_THRESHOLD, Observation, Presence, Status, Timestamp};

const SERVER_S: i64 = 1_800_000_000;

/// `seconds` after the reply.
fn at(seconds: i64) -> Timestamp {
    Timestamp::from_ms((SERVER_S + seconds) * 1000)
}

/// A reply with timestamps of these ages in seconds.
fn answer(active: Option<i64>, connected: Option<i64>, offline: bool) -> Observation {
    let presence = Presence {
        last_active: active.map(|age| at(-age)),
        last_connected: connected.map(|age| at(-age)),
        offline,
        ..Presence::default()
    };
    Observation { presence, at: at(0) }
}

/// Checks the status at each number of seconds after the reply, and that each change is predicted
/// to the millisecond.
#[track_caller]
fn course(answer: &Observation, offline_threshold: Duration, expected: &[(i64, Status)]) {
    for &(seconds, status) in expected {
        assert_eq!(
            answer.status(at(seconds), offline_threshold),
            status,
            "{seconds} s after the reply"
        );
    }
    let mut now = at(0);
    while let Some(next) = answer.next_change(now, offline_threshold) {
        let last = next - Duration::from_millis(1);
        assert_eq!(
            answer.status(last, offline_threshold),
            answer.status(now, offline_threshold),
            "just before {next:?}"
        );
        assert_ne!(
            answer.status(next, offline_threshold),
            answer.status(last, offline_threshold),
            "at {next:?}"
        );
        now = next;
    }
    assert_eq!(answer.status(now, offline_threshold), Unknown, "in the end nothing is known");
}

#[test]
fn observation_older_than_the_threshold_is_unknown() {
    course(
        &answer(Some(0), Some(0), false),
        OFFLINE_THRESHOLD,
        &[(0, Active), (200, Active), (201, Unknown), (1_000_000, Unknown)],
    );
    course(
        &answer(None, None, true),
        OFFLINE_THRESHOLD,
        &[(0, Offline), (200, Offline), (201, Unknown)],
    );
}

#[test]
fn active_wins_over_idle_until_it_expires() {
    course(
        &answer(Some(100), Some(0), false),
        OFFLINE_THRESHOLD,
        &[(0, Active), (100, Active), (101, Idle), (200, Idle), (201, Unknown)],
    );
    course(&answer(Some(201), Some(0), false), OFFLINE_THRESHOLD, &[(0, Idle), (200, Idle)]);
    course(&answer(None, Some(0), false), OFFLINE_THRESHOLD, &[(0, Idle)]);
}

#[test]
fn stale_at_observation_is_offline() {
    course(
        &answer(Some(201), Some(201), false),
        OFFLINE_THRESHOLD,
        &[(0, Offline), (121, Offline), (200, Offline), (201, Unknown)],
    );
    course(&answer(Some(99_999), None, false), OFFLINE_THRESHOLD, &[(0, Offline), (200, Offline)]);
}

#[test]
fn stale_by_age_alone_is_offline_then_unknown() {
    // Gone for 150 s when the reply was made: offline 50 s later, and unknown after 120 s.
    course(
        &answer(Some(150), Some(150), false),
        OFFLINE_THRESHOLD,
        &[(0, Active), (50, Active), (51, Offline), (120, Offline), (121, Unknown)],
    );
    // A person who is online has a timestamp of at most 65 s: an outage leads to unknown, never to
    // offline.
    course(
        &answer(Some(65), Some(65), false),
        OFFLINE_THRESHOLD,
        &[(0, Active), (135, Active), (136, Unknown)],
    );
}

#[test]
fn server_reported_offline_wins() {
    course(
        &answer(Some(10), Some(10), true),
        OFFLINE_THRESHOLD,
        &[(0, Offline), (200, Offline), (201, Unknown)],
    );
}

#[test]
fn threshold_moves_all_bounds() {
    let offline_threshold = Duration::from_secs(140);
    course(
        &answer(Some(100), None, false),
        offline_threshold,
        &[(0, Active), (40, Active), (41, Offline), (60, Offline), (61, Unknown)],
    );
    course(&answer(Some(65), None, false), offline_threshold, &[(75, Active), (76, Unknown)]);
    course(&answer(Some(30), None, false), Duration::from_secs(60), &[(30, Active), (31, Unknown)]);
}

#[test]
fn observation_ahead_of_the_clock_has_age_zero() {
    assert_eq!(answer(Some(0), None, false).status(at(-500), OFFLINE_THRESHOLD), Active);
    assert_eq!(
        answer(Some(500), None, false).status(at(-500), OFFLINE_THRESHOLD),
        Active,
        "as of then it was"
    );
}

#[test]
fn last_active_for_each_status() {
    assert_eq!(
        answer(Some(300), Some(0), false).last_active(at(0), OFFLINE_THRESHOLD),
        Some(at(-300))
    );
    assert_eq!(
        answer(None, Some(0), false).last_active(at(0), OFFLINE_THRESHOLD),
        None,
        "idle since when cannot be known"
    );
    assert_eq!(
        answer(None, Some(300), false).last_active(at(0), OFFLINE_THRESHOLD),
        Some(at(-300)),
        "gone: the last connection stands in"
    );
    assert_eq!(answer(None, None, true).last_active(at(0), OFFLINE_THRESHOLD), None);
}
