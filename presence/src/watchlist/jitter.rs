//! Pseudo-random jitter from a seed: the engine has no other source of randomness.

use core::time::Duration;

/// SplitMix64 (Steele, Lea, Flood 2014): enough to spread the requests of many pages.
#[derive(Debug)]
pub(super) struct Jitter(u64);

impl Jitter {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A random span from `low` to `high` per mille of `span`.
    pub(super) fn of(&mut self, span: Duration, low: u32, high: u32) -> Duration {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let choice = u32::try_from((mixed >> 40) % u64::from(high - low + 1)).unwrap_or_default();
        span * (low + choice) / 1000
    }
}
