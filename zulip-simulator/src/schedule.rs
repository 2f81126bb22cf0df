//! Simulated activity: a pure function of seed, person and time.

use std::time::Duration;

use crate::activity::ReportedTimestamps;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Seed of the simulated activity.
pub(crate) const SEED: u64 = 5;
/// Clients report once a minute (docs/zulip-wire.md §3).
const REPORT_EVERY: i64 = MINUTE;

/// The reported timestamps of `person` at `now` (UNIX seconds). `None`: never seen.
pub(crate) fn claims(seed: u64, person: u64, now: i64) -> Option<ReportedTimestamps> {
    let hash = splitmix64(seed ^ splitmix64(person));
    let phase = i64::try_from(hash >> 40).unwrap_or(0);
    match hash % 100 {
        0..10 => Some(at_the_desk(phase, now)),
        10..17 => Some(away_from_the_desk(phase, now)),
        17..32 => Some(long_offline(hash >> 8, now)),
        _ => Some(active_cycle(hash >> 8, phase, now)),
    }
}

/// Reports every minute that they are active.
pub(crate) fn at_the_desk(phase: i64, now: i64) -> ReportedTimestamps {
    let report = now - (now + phase).rem_euclid(REPORT_EVERY);
    ReportedTimestamps { active: Some(report), idle: report }
}

/// Connected, and last active `ago`.
pub(crate) fn away_since(ago: Duration, now: i64) -> ReportedTimestamps {
    ReportedTimestamps { active: left(ago, now).active, ..at_the_desk(0, now) }
}

/// Last active and last connected `ago`.
pub(crate) fn left(ago: Duration, now: i64) -> ReportedTimestamps {
    let ReportedTimestamps { active, idle } = at_the_desk(0, now);
    let ago = i64::try_from(ago.as_secs()).unwrap_or(DAY);
    ReportedTimestamps { active: active.map(|at| at - ago), idle: idle - ago }
}

/// Always connected, and active only at the beginning of every third hour.
fn away_from_the_desk(phase: i64, now: i64) -> ReportedTimestamps {
    let report = now - (now + phase).rem_euclid(REPORT_EVERY);
    ReportedTimestamps { active: Some(now - (now + phase).rem_euclid(3 * HOUR)), idle: report }
}

/// Last active hours, days or years ago.
fn long_offline(hash: u64, now: i64) -> ReportedTimestamps {
    let ago = match hash % 8 {
        0 => 40 * MINUTE,
        1 | 2 => 3 * HOUR,
        3 => 9 * HOUR,
        4 => 4 * DAY,
        5 => 11 * DAY,
        6 => 40 * DAY,
        _ => 500 * DAY,
    };
    // A fixed instant, which moves on once a day.
    let left = now - now.rem_euclid(DAY) - ago;
    let left = if ago < DAY { now - now.rem_euclid(HOUR) - ago } else { left };
    ReportedTimestamps { active: Some(left), idle: left }
}

/// Alternates between active, idle and offline.
fn active_cycle(hash: u64, phase: i64, now: i64) -> ReportedTimestamps {
    let cycle = 10 * MINUTE + i64::try_from(hash % 600).unwrap_or(0);
    let at = (now + phase).rem_euclid(cycle);
    let came = now - at;
    let (leaves_desk, closes_lid) = (cycle * 30 / 100, cycle * 55 / 100);
    let last_report_by = |end: i64| came + at.min(end) / REPORT_EVERY * REPORT_EVERY;
    ReportedTimestamps {
        active: Some(last_report_by(leaves_desk)),
        idle: last_report_by(closes_lid),
    }
}

/// SplitMix64.
fn splitmix64(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::people;

    const NOW: i64 = 1_795_448_000;

    fn word(person: u64, now: i64) -> &'static str {
        word_for(claims(SEED, person, now).expect("everybody was here once"), now)
    }

    fn word_for(claims: ReportedTimestamps, now: i64) -> &'static str {
        match (now - claims.active.unwrap_or(0), now - claims.idle) {
            (..=200, _) => "active",
            (_, ..=200) => "idle",
            _ => "offline",
        }
    }

    #[test]
    fn every_status_occurs_at_any_time() {
        let people: Vec<u64> = people::people().iter().map(|person| person.id).collect();
        for now in (NOW..NOW + 2 * DAY).step_by(97) {
            for wanted in ["active", "idle", "offline"] {
                let count = people.iter().filter(|person| word(**person, now) == wanted).count();
                assert!(count >= 5, "{count} {wanted} at {now}");
            }
        }
    }

    #[test]
    fn badges_change_by_reply_and_by_age_within_two_minutes() {
        let people: Vec<u64> = people::people().iter().map(|person| person.id).collect();
        for now in (NOW..NOW + DAY).step_by(61) {
            let became = |wanted: &str| {
                people.iter().any(|person| {
                    word(*person, now) != wanted && word(*person, now + 120) == wanted
                })
            };
            assert!(became("active"), "nobody came by {now}");
            assert!(became("offline") || became("idle"), "nobody aged by {now}");
        }
    }

    #[test]
    fn fixed_states_stay_fixed() {
        for now in NOW..NOW + HOUR {
            assert_eq!(word_for(at_the_desk(0, now), now), "active");
            assert_eq!(word_for(away_since(Duration::from_secs(95 * 60), now), now), "idle");
            let gone = left(Duration::from_secs(12 * 60), now);
            assert_eq!(word_for(gone, now), "offline");
            assert!((12 * MINUTE..13 * MINUTE).contains(&(now - gone.idle)), "at {now}");
        }
    }

    #[test]
    fn reported_timestamps_behave_like_real_ones() {
        for person in 1..200 {
            let mut before = claims(SEED, person, NOW).expect("seen");
            for now in NOW..NOW + HOUR {
                let after = claims(SEED, person, now).expect("seen");
                assert!(after.idle <= now && after.active <= Some(now));
                assert!(
                    after.idle >= before.idle && after.active >= before.active,
                    "{person} at {now}"
                );
                if word(person, now) == "active" && after.idle != before.idle {
                    assert!(
                        after.idle - before.idle >= 55,
                        "{person} at {now}: stored at most every 55 s"
                    );
                }
                before = after;
            }
        }
    }
}
