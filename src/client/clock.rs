//! The browser's clocks.

use core::cell::Cell;
use core::time::Duration;

use wasm_bindgen_futures::spawn_local;
use zulip_presence_core::{ClockReading, Timestamp};

use super::page::window;

thread_local! {
    static NOW: Cell<Option<ClockReading>> = const { Cell::new(None) };
}

/// Both clocks, read together: once for all that happens together.
pub(super) fn now() -> ClockReading {
    NOW.get().unwrap_or_else(|| {
        let now = read();
        NOW.set(Some(now));
        spawn_local(async { NOW.set(None) });
        now
    })
}

fn read() -> ClockReading {
    let monotonic_ms = window().performance().map_or(0.0, |performance| performance.now());
    ClockReading {
        wall: Timestamp::from_ms(js_sys::Date::now() as i64),
        monotonic: Duration::from_millis(monotonic_ms as u64),
    }
}
