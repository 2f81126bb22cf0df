//! Estimates the server's clock from replies.

use core::time::Duration;

use crate::time::{EngineInstant, millis};
use crate::{ClockReading, Timestamp};

/// If wall and monotonic clock move apart by more than this, the computer slept or a clock was set.
const STEP_THRESHOLD: Duration = Duration::from_secs(5);
/// Age at which a sample is dropped once a newer one arrives.
const SAMPLE_TTL: Duration = Duration::from_secs(300);
/// Age at which the anchor is replaced: short enough that slewing never looks like a clock step.
const REBASE_INTERVAL: Duration = Duration::from_secs(60);

/// Estimates the server's clock. Each reply gives a **lower bound** of the server's now, because a
/// cache may have stored it (docs/zulip-wire.md §3). The greatest bound of the last 5 minutes is
/// carried forward by whichever local clock advanced more. The local wall clock itself is used only
/// before the first reply.
///
/// ```
/// use std::time::Duration;
/// use zulip_presence_core::{ClockReading, ServerClock, Timestamp};
///
/// // A computer whose clock is an hour slow.
/// let server_now = Timestamp::from_unix_s(1_800_000_000.0);
/// let at = |seconds| ClockReading {
///     wall: server_now - Duration::from_secs(3600) + Duration::from_secs(seconds),
///     monotonic: Duration::from_secs(seconds),
/// };
/// let mut clock = ServerClock::new(at(0));
/// clock.observe(server_now, at(1));
/// assert_eq!(clock.server_now(at(11)), server_now + Duration::from_secs(10));
/// ```
#[derive(Clone, Debug)]
pub struct ServerClock {
    anchor: ClockReading,
    anchored_at: EngineInstant,
    /// The instant of the last tick.
    latest: EngineInstant,
    /// Sorted by time; each later sample has a smaller offset.
    samples: Vec<Sample>,
    clock_stepped: bool,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    at: EngineInstant,
    /// The server's UNIX milliseconds minus those of the instant.
    offset_ms: i64,
}

impl ServerClock {
    /// A clock that has seen no reply yet.
    #[must_use]
    pub fn new(now: ClockReading) -> Self {
        Self {
            anchor: now,
            anchored_at: EngineInstant::default(),
            latest: EngineInstant::default(),
            samples: Vec::new(),
            clock_stepped: false,
        }
    }

    /// Records the lower bound of the server's now that a reply gave.
    pub fn observe(&mut self, lower_bound: Timestamp, now: ClockReading) {
        let at = self.tick(now).now;
        if core::mem::take(&mut self.clock_stepped) {
            self.samples.clear();
        }
        let offset_ms = lower_bound.as_ms().saturating_sub_unsigned(at.as_ms());
        self.samples
            .retain(|sample| sample.offset_ms > offset_ms && at.since(sample.at) <= SAMPLE_TTL);
        self.samples.push(Sample { at, offset_ms });
    }

    /// The server's now at `now`.
    #[must_use]
    pub fn server_now(&self, now: ClockReading) -> Timestamp {
        match self.samples.first() {
            Some(greatest) => Timestamp::from_ms(
                greatest.offset_ms.saturating_add_unsigned(self.instant(now).as_ms()),
            ),
            None => now.wall,
        }
    }

    /// The instant of `now` on the engine's own time line, which never goes back: only the wall
    /// clock counts a short sleep (no clock step), and it may be set back later.
    pub(crate) fn instant(&self, now: ClockReading) -> EngineInstant {
        self.since_anchor(now).max(self.latest)
    }

    fn since_anchor(&self, now: ClockReading) -> EngineInstant {
        let (wall, monotonic) = self.elapsed_since_anchor(now);
        self.anchored_at + Duration::from_millis(wall.max(monotonic).unsigned_abs())
    }

    /// Advances to `now`, and tells whether the clocks stepped apart.
    pub(crate) fn tick(&mut self, now: ClockReading) -> Tick {
        let (wall, monotonic) = self.elapsed_since_anchor(now);
        let clock_stepped = wall.abs_diff(monotonic) > millis(STEP_THRESHOLD).unsigned_abs();
        let instant = self.instant(now);
        if clock_stepped
            || instant > self.since_anchor(now)
            || instant.since(self.anchored_at) > REBASE_INTERVAL
        {
            self.anchor = now;
            self.anchored_at = instant;
        }
        self.latest = instant;
        self.clock_stepped |= clock_stepped;
        Tick { now: instant, clock_stepped }
    }

    /// Milliseconds since the anchor: by the wall clock (may be negative) and by the monotonic
    /// clock (never negative).
    fn elapsed_since_anchor(&self, now: ClockReading) -> (i64, i64) {
        let wall = now.wall.as_ms().saturating_sub(self.anchor.wall.as_ms());
        (wall, millis(now.monotonic.saturating_sub(self.anchor.monotonic)))
    }
}

/// The result of a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) now: EngineInstant,
    pub(crate) clock_stepped: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER_S: i64 = 1_800_000_000;

    /// The clocks `wall` and `monotonic` seconds after the start; the local wall clock is a day
    /// behind the server's.
    fn reading(wall: i64, monotonic: u64) -> ClockReading {
        ClockReading {
            wall: Timestamp::from_ms((SERVER_S - 86_400 + wall) * 1000),
            monotonic: Duration::from_secs(7 + monotonic),
        }
    }

    fn server(seconds: i64) -> Timestamp {
        Timestamp::from_ms((SERVER_S + seconds) * 1000)
    }

    fn started() -> ServerClock {
        let mut clock = ServerClock::new(reading(0, 0));
        clock.observe(server(0), reading(0, 0));
        clock
    }

    #[test]
    fn local_clock_is_used_before_the_first_reply_only() {
        let mut clock = ServerClock::new(reading(0, 0));
        assert_eq!(clock.server_now(reading(3, 3)), reading(3, 3).wall);
        clock.observe(server(0), reading(3, 3));
        assert_eq!(clock.server_now(reading(4, 4)), server(1));
        assert_eq!(
            clock.server_now(reading(4_000, 4_000)),
            server(3_997),
            "the last sample is carried on when no newer one comes"
        );
    }

    #[test]
    fn greatest_lower_bound_of_five_minutes_wins() {
        let mut clock = started();
        clock.observe(server(-40), reading(60, 60));
        assert_eq!(
            clock.server_now(reading(60, 60)),
            server(60),
            "an old reply from a cache changes nothing"
        );
        clock.observe(server(130), reading(120, 120));
        assert_eq!(clock.server_now(reading(120, 120)), server(130));
        clock.observe(server(400), reading(400, 400));
        assert_eq!(clock.server_now(reading(400, 400)), server(410), "280 s old: still counts");
        clock.observe(server(421), reading(421, 421));
        assert_eq!(clock.server_now(reading(421, 421)), server(421), "301 s old: forgotten");
    }

    #[test]
    fn faster_local_clock_carries_the_estimate() {
        let clock = started();
        assert_eq!(clock.server_now(reading(10, 12)), server(12));
        assert_eq!(clock.server_now(reading(12, 10)), server(12));
        assert_eq!(clock.server_now(reading(-500, 12)), server(12), "a wall clock set back");
        assert_eq!(clock.server_now(reading(10_800, 12)), server(10_800), "a sleep");
    }

    #[test]
    fn clock_step_discards_older_samples() {
        for (wall, monotonic) in [(86_400, 10), (-86_400, 10), (16, 10)] {
            let mut clock = started();
            assert!(clock.tick(reading(wall, monotonic)).clock_stepped);
            clock.observe(server(10), reading(wall, monotonic));
            assert_eq!(clock.server_now(reading(wall, monotonic)), server(10));
        }
        let mut clock = started();
        assert!(!clock.tick(reading(15, 10)).clock_stepped);
        clock.observe(server(10), reading(15, 10));
        assert_eq!(clock.server_now(reading(15, 10)), server(15), "5 s apart is no clock step");
    }

    #[test]
    fn short_sleep_survives_setting_the_clock_back() {
        // A sleep of four seconds is no clock step. Then the clock is set back by less and by more
        // than the step threshold.
        for back in [4, 8] {
            let mut clock = started();
            let slept = clock.tick(reading(14, 10)).now;
            assert_eq!(clock.instant(reading(14 - back, 10)), slept, "{back} s back");
            assert_eq!(clock.tick(reading(14 - back, 10)).now, slept, "{back} s back");
            assert_eq!(
                clock.tick(reading(17 - back, 13)).now,
                slept + Duration::from_secs(3),
                "and it goes on from there"
            );
        }
    }

    #[test]
    fn slewing_is_not_a_clock_step() {
        let mut clock = started();
        for minute in 1..=1_000 {
            // 0.1 % apart: 60 s on one clock, 60.06 s on the other.
            let now = ClockReading {
                wall: reading(0, 0).wall + Duration::from_millis(60_060 * minute),
                monotonic: Duration::from_millis(7_000 + 60_000 * minute),
            };
            assert!(!clock.tick(now).clock_stepped, "minute {minute}");
        }
    }

    #[test]
    fn engine_instants_never_decrease() {
        let mut clock = started();
        let mut last = EngineInstant::default();
        for (wall, monotonic) in
            [(10, 10), (-90, 11), (-80, 21), (5_000, 22), (0, 22), (1, 1), (2, 30)]
        {
            let tick = clock.tick(reading(wall, monotonic));
            assert!(tick.now >= last, "{wall} {monotonic}");
            last = tick.now;
        }
    }
}
