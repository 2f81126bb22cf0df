//! The one timer of a driver.

use core::cell::Cell;
use core::time::Duration;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::page::window;

/// Calls one closure after a while. Setting it again replaces what was set; dropping it cancels.
pub(super) struct Timer {
    callback: Closure<dyn Fn()>,
    id: Cell<Option<i32>>,
}

impl Timer {
    pub(super) fn new(callback: impl Fn() + 'static) -> Self {
        Self { callback: Closure::new(callback), id: Cell::new(None) }
    }

    /// Fires once after `wait`, rounded up to whole milliseconds; never with `None`.
    pub(super) fn set(&self, wait: Option<Duration>) {
        if let Some(id) = self.id.take() {
            window().clear_timeout_with_handle(id);
        }
        if let Some(wait) = wait {
            // As a float: `as` keeps it within the bounds, and u128 arithmetic weighs a kilobyte.
            let wait_ms = (wait.as_secs_f64() * 1000.0).ceil() as i32;
            let callback = self.callback.as_ref().unchecked_ref();
            self.id.set(
                window()
                    .set_timeout_with_callback_and_timeout_and_arguments_0(callback, wait_ms)
                    .ok(),
            );
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.set(None);
    }
}
