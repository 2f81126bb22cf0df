//! The browser's clocks.

use core::time::Duration;

use zulip_presence_core::{ClockReading, Timestamp};

use super::page::window;

/// Both clocks, read together.
pub(super) fn now() -> ClockReading {
    let monotonic_ms = window().performance().map_or(0.0, |performance| performance.now());
    ClockReading {
        wall: Timestamp::from_ms(js_sys::Date::now() as i64),
        monotonic: Duration::from_millis(monotonic_ms as u64),
    }
}
