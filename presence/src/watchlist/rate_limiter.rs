//! Limits the requests that start in any 60 s.

use core::time::Duration;

use crate::time::EngineInstant;

const WINDOW: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct RateLimiter {
    limit: usize,
    /// When the requests of the last 60 s started.
    starts: Vec<EngineInstant>,
}

impl RateLimiter {
    pub(super) fn new(limit: u32) -> Self {
        Self { limit: limit as usize, starts: Vec::new() }
    }

    /// When the next request may start: now, or later. `None`: never.
    pub(super) fn next_available(&self, now: EngineInstant) -> Option<EngineInstant> {
        let recent = self.starts.iter().filter(|&&start| now.since(start) < WINDOW).count();
        let oldest = self.starts.len() - recent;
        if recent < self.limit {
            Some(now)
        } else {
            self.starts.get(oldest).map(|&start| start + WINDOW)
        }
    }

    pub(super) fn acquire(&mut self, now: EngineInstant) {
        self.starts.retain(|&start| now.since(start) < WINDOW);
        self.starts.push(now);
    }
}
