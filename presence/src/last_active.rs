//! Chooses how to word when a user was last active, independent of the language.

use core::time::Duration;

use crate::watchlist::View;
use crate::{Status, Timestamp};

/// Which wording applies, as Zulip's web app chooses it (docs/zulip-wire.md §9).
///
/// ```
/// use std::time::Duration;
/// use zulip_presence_core::watchlist::View;
/// use zulip_presence_core::{LastActive, Status, Timestamp};
///
/// let now = Timestamp::from_unix_s(1_800_000_000.0);
/// let view = View {
///     status: Status::Offline,
///     last_active: Some(now - Duration::from_secs(3 * 3600)),
///     message: None,
/// };
/// let in_utc = |_| 0;
/// let wording = LastActive::from_view(&view, now, &in_utc);
/// assert_eq!(wording, LastActive::Hours(3));
/// assert_eq!(wording.valid_for(&view, now, &in_utc), Some(Duration::from_secs(3600)));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LastActive {
    /// "Active now".
    Now,
    /// "Idle": a client is connected, but the time of the last activity is unknown.
    Idle,
    /// "Active 5 minutes ago": 1–59.
    Minutes(u8),
    /// "Active 3 hours ago": 1–23.
    Hours(u8),
    /// "Active yesterday": at least 24 hours ago.
    Yesterday,
    /// "Active 4 days ago": 2–89 calendar days.
    Days(u8),
    /// A date: 90–364 days.
    Date(Timestamp),
    /// "Not active in the last year".
    NotInTheLastYear,
    /// "Activity unknown".
    Unknown,
}

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;
const DAY_MS: i64 = 24 * HOUR_MS;

impl LastActive {
    /// The wording for `view` at `now` (server's clock). `utc_offset` gives the reader's offset
    /// from UTC at an instant, in minutes (east is positive), because "yesterday" depends on their
    /// calendar.
    #[must_use]
    pub fn from_view(view: &View, now: Timestamp, utc_offset: &dyn Fn(Timestamp) -> i32) -> Self {
        let at = match view {
            View { status: Status::Active, .. } => return Self::Now,
            View { last_active: Some(at), .. } => *at,
            View { status: Status::Idle, .. } => return Self::Idle,
            _ => return Self::Unknown,
        };
        let age_ms = now.as_ms().saturating_sub(at.as_ms());
        if age_ms < HOUR_MS {
            return Self::Minutes(small(age_ms / MINUTE_MS).max(1));
        }
        if age_ms < DAY_MS {
            return Self::Hours(small(age_ms / HOUR_MS));
        }
        match local_day(now, utc_offset) - local_day(at, utc_offset) {
            // The day on which clocks are set back has 25 hours.
            0 | 1 => Self::Yesterday,
            days @ 2..90 => Self::Days(small(days)),
            90..365 => Self::Date(at),
            _ => Self::NotInTheLastYear,
        }
    }

    /// How long this wording for `view` stays valid if nothing new is observed and the status stays
    /// the same; `None`: without limit.
    #[must_use]
    pub fn valid_for(
        self,
        view: &View,
        now: Timestamp,
        utc_offset: &dyn Fn(Timestamp) -> i32,
    ) -> Option<Duration> {
        let age_ms = view.last_active.map_or(0, |at| now.as_ms().saturating_sub(at.as_ms()));
        let left_ms = match self {
            Self::Now | Self::Idle | Self::Unknown | Self::NotInTheLastYear => return None,
            // The first minute is also worded "1 minute".
            Self::Minutes(minutes) => (i64::from(minutes) + 1) * MINUTE_MS - age_ms,
            Self::Hours(hours) => (i64::from(hours) + 1) * HOUR_MS - age_ms,
            Self::Yesterday | Self::Days(_) | Self::Date(_) => {
                DAY_MS - local_ms(now, utc_offset).rem_euclid(DAY_MS)
            }
        };
        Some(Duration::from_millis(left_ms.max(1).unsigned_abs()))
    }
}

fn local_ms(at: Timestamp, utc_offset: &dyn Fn(Timestamp) -> i32) -> i64 {
    at.as_ms() + i64::from(utc_offset(at)) * MINUTE_MS
}

fn local_day(at: Timestamp, utc_offset: &dyn Fn(Timestamp) -> i32) -> i64 {
    local_ms(at, utc_offset).div_euclid(DAY_MS)
}

fn small(count: i64) -> u8 {
    u8::try_from(count.max(0)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Noon of Monday 2026-11-23, UTC.
    const NOON: i64 = 1_795_435_200_000;

    fn view(status: Status, ago_ms: Option<i64>) -> View {
        let last_active = ago_ms.map(|ago_ms| Timestamp::from_ms(NOON - ago_ms));
        View { status, last_active, message: None }
    }

    fn offline(ago_ms: i64) -> View {
        view(Status::Offline, Some(ago_ms))
    }

    #[track_caller]
    fn check(view: &View, expected: LastActive) {
        let now = Timestamp::from_ms(NOON);
        assert_eq!(LastActive::from_view(view, now, &|_| 0), expected);
        // The wording holds exactly as long as `valid_for` says.
        if let Some(valid_for) = expected.valid_for(view, now, &|_| 0) {
            assert_eq!(
                LastActive::from_view(view, now + (valid_for - Duration::from_millis(1)), &|_| 0),
                expected,
                "until {valid_for:?}"
            );
            let after = LastActive::from_view(view, now + valid_for, &|_| 0);
            assert!(
                after != expected
                    || matches!(after, LastActive::Date(_))
                    || after == LastActive::Yesterday,
                "after {valid_for:?}"
            );
        }
    }

    #[test]
    fn wording_for_each_age() {
        check(&view(Status::Active, Some(150_000)), LastActive::Now);
        check(&view(Status::Idle, None), LastActive::Idle);
        check(&view(Status::Idle, Some(300_000)), LastActive::Minutes(5));
        check(&view(Status::Offline, None), LastActive::Unknown);
        check(&View::default(), LastActive::Unknown);
        for (ago_ms, expected) in [
            (-5_000, LastActive::Minutes(1)),
            (0, LastActive::Minutes(1)),
            (119_999, LastActive::Minutes(1)),
            (120_000, LastActive::Minutes(2)),
            (HOUR_MS - 1, LastActive::Minutes(59)),
            (HOUR_MS, LastActive::Hours(1)),
            (13 * HOUR_MS, LastActive::Hours(13)),
            (DAY_MS - 1, LastActive::Hours(23)),
            (DAY_MS, LastActive::Yesterday),
            (36 * HOUR_MS, LastActive::Yesterday),
            (36 * HOUR_MS + 1, LastActive::Days(2)),
            (89 * DAY_MS, LastActive::Days(89)),
            (90 * DAY_MS, LastActive::Date(Timestamp::from_ms(NOON - 90 * DAY_MS))),
            (364 * DAY_MS, LastActive::Date(Timestamp::from_ms(NOON - 364 * DAY_MS))),
            (365 * DAY_MS, LastActive::NotInTheLastYear),
            (40 * 365 * DAY_MS, LastActive::NotInTheLastYear),
        ] {
            check(&offline(ago_ms), expected);
        }
    }

    #[test]
    fn yesterday_follows_the_readers_calendar() {
        let at = offline(25 * HOUR_MS);
        // At noon UTC it is 00:30 of the 24th for a reader 12.5 h east: 25 h before was the 22nd
        // there.
        assert_eq!(
            LastActive::from_view(&at, Timestamp::from_ms(NOON), &|_| 750),
            LastActive::Days(2)
        );
        assert_eq!(
            LastActive::from_view(&at, Timestamp::from_ms(NOON), &|_| -720),
            LastActive::Days(2)
        );
        assert_eq!(
            LastActive::from_view(&at, Timestamp::from_ms(NOON), &|_| 0),
            LastActive::Yesterday
        );
    }

    #[test]
    fn day_of_25_hours_reads_yesterday() {
        // Clocks were set back by an hour between the two: 24 h ago was 00:10 of today.
        let now = Timestamp::from_ms(NOON - NOON % DAY_MS + 23 * HOUR_MS + 10 * MINUTE_MS);
        let view = View {
            status: Status::Offline,
            last_active: Some(now - Duration::from_secs(86_400)),
            message: None,
        };
        let offset = |at: Timestamp| if at == now { 0 } else { 60 };
        assert_eq!(LastActive::from_view(&view, now, &offset), LastActive::Yesterday);
    }
}
