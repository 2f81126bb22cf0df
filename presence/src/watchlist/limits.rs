//! What holds a request back: the budget, the limit of single requests, and the back-off.

use core::time::Duration;

use super::backoff::Backoff;
use super::poll::PollTarget;
use super::rate_limiter::RateLimiter;
use crate::time::EngineInstant;

/// Maximum requests in flight (docs/design.md §4).
pub const MAX_IN_FLIGHT: usize = 4;
/// Maximum single requests in any 60 s; half of the budget, if that is less (docs/design.md §4).
pub const MAX_USER_QUERIES: u32 = 30;
/// Maximum requests in any 60 s that start before their time because of a hint (docs/design.md §4).
pub const MAX_HINTED: u32 = 20;

/// Time between two requests for what one user says of themselves: it stays until it is cleared.
pub(super) const MESSAGE_INTERVAL: Duration = Duration::from_secs(300);

#[derive(Debug)]
pub(super) struct Limits {
    pub(super) backoff: Backoff,
    budget: RateLimiter,
    user_queries: RateLimiter,
    pub(super) hinted: RateLimiter,
}

impl Limits {
    pub(super) fn new(budget: u32) -> Self {
        Self {
            backoff: Backoff::default(),
            budget: RateLimiter::new(budget),
            user_queries: RateLimiter::new(MAX_USER_QUERIES.min((budget / 2).max(1))),
            hinted: RateLimiter::new(MAX_HINTED),
        }
    }

    /// When a request to `target` may start beside `in_flight` others; `None`: not before another
    /// one ends.
    pub(super) fn earliest_start(
        &self,
        target: &PollTarget,
        in_flight: usize,
        now: EngineInstant,
    ) -> Option<EngineInstant> {
        // A failing endpoint gets one request at a time.
        let most = if self.backoff.failures > 0 { 1 } else { MAX_IN_FLIGHT };
        if in_flight >= most {
            return None;
        }
        let user_queries =
            if target.is_single() { self.user_queries.next_available(now)? } else { now };
        Some(
            self.backoff
                .next_attempt_at()
                .max(self.budget.next_available(now)?)
                .max(user_queries)
                .max(now),
        )
    }

    /// Counts a request to `target` that starts now.
    pub(super) fn acquire(&mut self, target: &PollTarget, now: EngineInstant) {
        self.budget.acquire(now);
        if target.is_single() {
            self.user_queries.acquire(now);
        }
    }

    /// Counts a request of the caller itself; `false`: not now.
    pub(super) fn try_acquire(&mut self, now: EngineInstant) -> bool {
        let free = self.budget.next_available(now) == Some(now);
        if free {
            self.budget.acquire(now);
        }
        free
    }
}
