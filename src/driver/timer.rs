//! The one timer of a driver.

use core::cell::Cell;
use core::time::Duration;

use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;

use super::page::window;

/// The longest wait that `setTimeout` can hold is 2³¹−1 ms; a tick too many does no harm.
const MAX_WAIT_MS: i32 = i32::MAX;

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
            let wait_ms = i32::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(MAX_WAIT_MS);
            let callback = self.callback.as_ref().unchecked_ref();
            self.id.set(window().set_timeout_with_callback_and_timeout_and_arguments_0(callback, wait_ms).ok());
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.set(None);
    }
}
