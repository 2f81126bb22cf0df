//! The delays between a user's last report and the badge. For every `--refresh` their sum is below
//! the age at which Zulip itself says offline; a test adds them up.

use std::time::Duration;

use zulip_presence_core::{OFFLINE_THRESHOLD, watchlist};

use crate::config::pace::Refresh;

/// Maximum age of the last report of a user who is online: clients report every 60 s, and
/// Zulip stores a report at most every 55 s (docs/zulip-wire.md).
const MAX_REPORT_LAG: Duration = Duration::from_secs(65);
/// The core adds up to a tenth to every interval.
const JITTER_DIVISOR: u32 = 10;
/// How long a rendered reply is reused.
pub(crate) const RESPONSE_CACHE_TTL: Duration = Duration::from_secs(1);
/// The `max-age` of a reply, even while a request to Zulip is in flight.
pub(crate) const MIN_MAX_AGE: Duration = Duration::from_secs(1);
/// The longest that a cache may serve a reply while it fetches a newer one.
const MAX_STALE_WHILE_REVALIDATE: Duration = Duration::from_secs(10);
/// The longest time between two requests of a page: `data-interval="60"` and a tenth. (The default is
/// 30 s.)
const PAGE_INTERVAL: Duration = Duration::from_secs(66);

/// The refresh interval after a request that took `took`: `refresh`, or so long that Zulip spends at
/// most 5 % of the time answering. It ends where the sum of delays does, at the longest `--refresh`.
#[must_use]
pub(crate) fn stretched_refresh(refresh: Duration, took: Duration) -> Duration {
    refresh.max(took * 20).min(Refresh::MAX.get())
}

/// How long a cache may serve a reply past its `max-age` while it fetches a newer one: what all
/// other delays leave of the threshold. Whole seconds, as the header has them.
#[must_use]
pub(crate) fn stale_while_revalidate(refresh: Duration) -> Duration {
    let others = MAX_REPORT_LAG
        + refresh
        + refresh / JITTER_DIVISOR
        + RESPONSE_CACHE_TTL
        + MIN_MAX_AGE
        + PAGE_INTERVAL
        + watchlist::TIMEOUT;
    let left = OFFLINE_THRESHOLD.saturating_sub(others);
    Duration::from_secs(left.min(MAX_STALE_WHILE_REVALIDATE).as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range() -> std::ops::RangeInclusive<u64> {
        Refresh::MIN.get().as_secs()..=Refresh::MAX.get().as_secs()
    }

    #[test]
    fn sum_of_delays_stays_below_the_threshold() {
        for seconds in range() {
            // Written out on purpose: the constants above are what is tested.
            let stale = stale_while_revalidate(Duration::from_secs(seconds));
            let sum = 65.0 + seconds as f64 * 1.1 + 1.0 + 1.0 + stale.as_secs_f64() + 66.0 + 10.0;
            assert!(sum <= 200.0, "--refresh {seconds}: {sum} s");
            assert!(
                stale >= Duration::from_secs(5),
                "--refresh {seconds}: time to fetch a newer reply"
            );
        }
        assert_eq!(range(), 10..=45);
    }

    #[test]
    fn slow_zulip_stretches_the_refresh_up_to_the_longest() {
        let refresh =
            |s, took_ms| stretched_refresh(Duration::from_secs(s), Duration::from_millis(took_ms));
        for (seconds, took_ms, expected_s) in
            [(15, 50, 15), (15, 750, 15), (15, 1_500, 30), (15, 5_000, 45), (45, 9_999, 45)]
        {
            assert_eq!(refresh(seconds, took_ms), Duration::from_secs(expected_s));
        }
        // Whatever the stretch, the sum of delays is one that the test above added up.
        for seconds in range() {
            for took_ms in (0..10_000).step_by(100) {
                let stretched = refresh(seconds, took_ms).as_secs_f64();
                assert!((10.0..=45.0).contains(&stretched), "{seconds} {took_ms}: {stretched}");
            }
        }
    }
}
