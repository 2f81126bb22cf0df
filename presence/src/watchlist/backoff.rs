//! Delays the next request after a failure.

use core::time::Duration;

use super::jitter::Jitter;
use crate::reply::RequestError;
use crate::time::EngineInstant;

/// The first wait; it doubles with each further failure.
const INITIAL_DELAY: Duration = Duration::from_secs(5);

/// The wait after the `failures`th failure in a row: 5 s, doubled with each further one, at most
/// `max`.
#[must_use]
pub fn retry_delay(failures: u32, max: Duration) -> Duration {
    let doubled = INITIAL_DELAY * 2_u32.pow(failures.saturating_sub(1).min(6));
    doubled.min(max)
}

/// [`retry_delay`], half of it random, so that pages do not all retry at once.
pub(super) fn jittered_retry_delay(failures: u32, max: Duration, jitter: &mut Jitter) -> Duration {
    jitter.of(retry_delay(failures, max), 500, 1000)
}

/// The back-off of an endpoint.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    /// Failures in a row.
    pub(super) failures: u32,
    failed_at: EngineInstant,
    /// Our own wait, which a wake or the network's return ends.
    retry_at: EngineInstant,
    /// The wait that the server imposed, which neither of them ends.
    server_retry_at: EngineInstant,
}

impl Backoff {
    /// When the endpoint may be requested again.
    pub(super) fn next_attempt_at(&self) -> EngineInstant {
        self.retry_at.max(self.server_retry_at)
    }

    pub(super) fn succeeded(&mut self) {
        self.failures = 0;
        self.retry_at = EngineInstant::default();
    }

    /// A request that had `started` then failed. Delays double up to `max_delay`, the interval of a
    /// healthy endpoint: that load is harmless, and requests resume within one interval.
    pub(super) fn failed(
        &mut self,
        failure: RequestError,
        started: EngineInstant,
        now: EngineInstant,
        max_delay: Duration,
        jitter: &mut Jitter,
    ) {
        // Requests in flight together fail together: that is one failure.
        if self.failures == 0 || started > self.failed_at {
            self.failures = self.failures.saturating_add(1);
            self.retry_at = now + jittered_retry_delay(self.failures, max_delay, jitter);
        }
        self.failed_at = now;
        if let Some(imposed) = failure.imposed_delay() {
            // Prolonged by up to a tenth: viewers who share a key must not all return in the same
            // second.
            let wait = jitter.of(imposed, 1000, 1100);
            self.server_retry_at = self.server_retry_at.max(now + wait);
        }
    }

    /// Waits until `at`, though nothing failed.
    pub(super) fn wait_until(&mut self, at: EngineInstant) {
        self.retry_at = at;
    }

    /// The network or the tab is back.
    pub(super) fn end(&mut self) {
        self.retry_at = EngineInstant::default();
    }

    /// A refresh was requested: the wait ends at `at` at the latest.
    pub(super) fn end_by(&mut self, at: EngineInstant) {
        self.retry_at = self.retry_at.min(at);
    }
}
