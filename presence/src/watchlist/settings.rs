//! The settings of a watchlist.

use core::ops::RangeInclusive;
use core::time::Duration;

use crate::{MAX_OFFLINE_THRESHOLD, MIN_OFFLINE_THRESHOLD};

/// The time between two requests for the same people. At the longest the sum of all delays is still
/// below the 200 s after which Zulip itself says offline (docs/design.md §5).
pub const INTERVAL_RANGE: RangeInclusive<Duration> =
    Duration::from_secs(10)..=Duration::from_secs(60);
/// The most requests in any 60 s: Zulip's own limit is 200 for one account (docs/zulip-wire.md §6).
pub const BUDGET_RANGE: RangeInclusive<u32> = 1..=200;

const DEFAULT_INTERVAL: Duration = Duration::from_secs(30);
const DEFAULT_BUDGET: u32 = 60;

/// The kind of server that is polled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Endpoint {
    /// A gateway: users are requested in groups.
    Gateway,
    /// Zulip itself: one request for all users named by email, and a single request for each ID.
    Zulip {
        /// The watched users are known to be active humans of the organisation: who is absent from
        /// its reply is offline. `false` on a page, which cannot know that.
        verified_users: bool,
    },
}

/// How a watchlist polls its endpoint.
///
/// ```
/// use std::time::Duration;
/// use zulip_presence_core::watchlist::{Endpoint, PollSettings};
///
/// let settings = PollSettings::new(Endpoint::Gateway).interval(Duration::from_secs(15)).seed(7);
/// # let _ = settings;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct PollSettings {
    pub(super) endpoint: Endpoint,
    pub(super) interval: Duration,
    pub(super) offline_threshold: Option<Duration>,
    pub(super) budget: u32,
    pub(super) seed: u64,
    pub(super) live: bool,
}

impl PollSettings {
    /// An interval of 30 s, a budget of 60 requests a minute, the endpoint's own threshold, no
    /// stream.
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        Self {
            endpoint,
            interval: DEFAULT_INTERVAL,
            offline_threshold: None,
            budget: DEFAULT_BUDGET,
            seed: 0,
            live: false,
        }
    }

    /// Time between two requests for the same people, ±10 % jitter; clamped to [`INTERVAL_RANGE`].
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval: clamp_interval(interval), ..self }
    }

    /// The threshold of "offline", clamped to [`MIN_OFFLINE_THRESHOLD`] and
    /// [`MAX_OFFLINE_THRESHOLD`]. `None`: the endpoint's, else
    /// [`OFFLINE_THRESHOLD`](crate::OFFLINE_THRESHOLD).
    #[must_use]
    pub fn offline_threshold(self, offline_threshold: Option<Duration>) -> Self {
        Self { offline_threshold: offline_threshold.map(clamp_offline_threshold), ..self }
    }

    /// Maximum requests in any 60 s; clamped to [`BUDGET_RANGE`].
    #[must_use]
    pub fn budget(self, budget: u32) -> Self {
        Self { budget: budget.clamp(*BUDGET_RANGE.start(), *BUDGET_RANGE.end()), ..self }
    }

    /// Seed of the jitter.
    #[must_use]
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Whether to read a gateway's stream while people are on screen: who comes is then known at
    /// once, and those whom the stream is about are requested once a minute, or after 25 s without
    /// anything from it. Without effect for Zulip itself, which has no streams.
    #[must_use]
    pub fn live(self, live: bool) -> Self {
        Self { live, ..self }
    }
}

pub(super) fn clamp_offline_threshold(threshold: Duration) -> Duration {
    threshold.clamp(MIN_OFFLINE_THRESHOLD, MAX_OFFLINE_THRESHOLD)
}

pub(super) fn clamp_interval(interval: Duration) -> Duration {
    interval.clamp(*INTERVAL_RANGE.start(), *INTERVAL_RANGE.end())
}
