//! Instants. Spans are [`Duration`]; instants are newtypes, so that server time and local time
//! cannot be confused.

use core::ops::{Add, Sub};
use core::time::Duration;

/// An instant on the UNIX time line, in milliseconds since 1970-01-01T00:00:00Z.
///
/// All reported timestamps, replies and statuses are dated by the **server's** clock; see
/// [`ServerClock`](crate::ServerClock).
///
/// ```
/// use std::time::Duration;
/// use zulip_presence_core::Timestamp;
///
/// let reported = Timestamp::from_unix_s(1_800_000_000.5);
/// let now = reported + Duration::from_secs(60);
/// assert_eq!(reported.age(now), Duration::from_secs(60));
/// assert_eq!(now.age(reported), Duration::ZERO, "the future has no age");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

/// The last millisecond of the year 9999, the last that an HTTP date can express.
const LAST_MS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// From UNIX seconds as Zulip writes them, whole or fractional: rounded to the nearest
    /// millisecond, and clamped to the years 1970 to 9999.
    #[must_use]
    pub fn from_unix_s(seconds: f64) -> Self {
        Self::from_ms((seconds * 1000.0 + 0.5) as i64)
    }

    /// From UNIX milliseconds, clamped to the years 1970 to 9999.
    #[must_use]
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(0, LAST_MS))
    }

    /// UNIX milliseconds.
    #[must_use]
    pub fn as_ms(self) -> i64 {
        self.0
    }

    /// How long before `now` this was; zero if it is later.
    #[must_use]
    pub fn age(self, now: Self) -> Duration {
        Duration::from_millis(u64::try_from(now.0 - self.0).unwrap_or(0))
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self::from_ms(self.0.saturating_add(millis(span)))
    }
}

impl Sub<Duration> for Timestamp {
    type Output = Self;

    fn sub(self, span: Duration) -> Self {
        Self::from_ms(self.0.saturating_sub(millis(span)))
    }
}

/// One reading of the two local clocks, taken together at the edge.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClockReading {
    /// The wall clock (`Date.now()`, `SystemTime`): may be set, and continues during sleep.
    pub wall: Timestamp,
    /// The monotonic clock (`performance.now()`, `Instant`) from any origin: cannot be set, and may
    /// stop during sleep.
    pub monotonic: Duration,
}

/// An instant on an engine's own time line, which never goes back and continues during sleep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct EngineInstant(u64);

impl EngineInstant {
    pub(crate) fn as_ms(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero if it is earlier.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for EngineInstant {
    type Output = Self;

    fn add(self, span: Duration) -> Self {
        Self(self.0.saturating_add(millis(span).unsigned_abs()))
    }
}

/// Whole milliseconds, saturating.
pub(crate) fn millis(span: Duration) -> i64 {
    // Not `as_millis`: 128-bit arithmetic adds a kilobyte. Spans are capped at 10¹⁵ s.
    (span.as_secs().min(1_000_000_000_000_000) * 1000 + u64::from(span.subsec_millis())) as i64
}
