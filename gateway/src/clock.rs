//! The one place that reads the machine's clocks.

use std::sync::LazyLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use zulip_presence_core::{ClockReading, Timestamp};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Both clocks of this machine.
pub(crate) fn now() -> ClockReading {
    ClockReading { wall: wall(), monotonic: START.elapsed() }
}

/// The wall clock.
pub(crate) fn wall() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix_s(since_epoch.as_secs_f64())
}
