//! The threshold of "offline" that is in force.

use core::time::Duration;

use super::settings::clamp_offline_threshold;
use crate::OFFLINE_THRESHOLD;

#[derive(Debug)]
pub(super) struct OfflineThreshold {
    configured: Option<Duration>,
    /// As the endpoint sent it.
    from_server: Option<Duration>,
}

impl OfflineThreshold {
    pub(super) fn new(configured: Option<Duration>) -> Self {
        Self { configured, from_server: None }
    }

    pub(super) fn observe(&mut self, from_server: Option<Duration>) {
        self.from_server = from_server.map(clamp_offline_threshold).or(self.from_server);
    }

    pub(super) fn in_force(&self) -> Duration {
        self.configured.or(self.from_server).unwrap_or(OFFLINE_THRESHOLD)
    }
}
