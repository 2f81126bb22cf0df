//! Instants. Spans are [`Duration`]; instants are newtypes, so that a server's time never meets a
//! local one by mistake.

use core::ops::{Add, Sub};
use core::time::Duration;

/// An instant on the UNIX time line, in milliseconds since 1970-01-01T00:00:00Z.
///
/// All claims, answers and statuses are dated by the **server's** clock; see
/// [`ServerClock`](crate::ServerClock).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Timestamp(i64);

/// The last millisecond of the year 9999, the end of what HTTP dates can say.
const LAST_MS: i64 = 253_402_300_799_999;

impl Timestamp {
    /// From UNIX seconds as Zulip writes them, whole or fractional. What lies outside the years
    /// 1970 to 9999 is moved to their edge, fractions to the nearest millisecond.
    #[must_use]
    pub fn from_unix_s(seconds: f64) -> Self {
        Self::from_ms((seconds * 1000.0 + 0.5) as i64)
    }

    /// From UNIX milliseconds, moved into the years 1970 to 9999.
    #[must_use]
    pub fn from_ms(ms: i64) -> Self {
        Self(ms.clamp(0, LAST_MS))
    }

    /// UNIX milliseconds.
    #[must_use]
    pub fn as_ms(self) -> i64 {
        self.0
    }

    /// How long before `now` this was; zero when it lies ahead.
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
    /// The wall clock (`Date.now()`, `SystemTime`): anybody may set it, and it goes on during
    /// sleep.
    pub wall: Timestamp,
    /// The monotonic clock (`performance.now()`, `Instant`) from any origin: nobody can set it,
    /// and it may stand still during sleep.
    pub monotonic: Duration,
}

/// An instant on an engine's own time line: never goes back, and goes on during sleep.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) struct EngineInstant(u64);

impl EngineInstant {
    pub(crate) fn as_ms(self) -> u64 {
        self.0
    }

    /// How long after `earlier` this is; zero when it is not.
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
    // Not `as_millis`: 128 bits weigh a kilobyte. A span beyond 10¹⁵ s is for ever.
    (span.as_secs().min(1_000_000_000_000_000) * 1000 + u64::from(span.subsec_millis())) as i64
}
