//! Choices read from the fuzzer's bytes.

use std::time::Duration;

/// Reads choices; once the bytes are used up, every choice is the first one.
pub(crate) struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((&first, rest)) => {
                self.0 = rest;
                first
            }
            None => 0,
        }
    }

    pub(crate) fn below(&mut self, bound: u8) -> u8 {
        self.byte() % bound
    }

    pub(crate) fn word(&mut self) -> u64 {
        (0..8).fold(0, |word, _| word << 8 | u64::from(self.byte()))
    }

    /// A span as they matter here: around the engine's own numbers mostly, and now and then absurd.
    pub(crate) fn span(&mut self) -> Duration {
        let ms = |count: u8, unit: u64| Duration::from_millis(u64::from(count) * unit);
        match self.below(8) {
            0 => ms(self.byte(), 1),
            1 | 2 => ms(self.byte(), 50),
            3 | 4 => ms(self.byte(), 1_000),
            5 => ms(self.byte(), 10_000),
            6 => ms(self.byte(), 3_600_000),
            _ => Duration::from_millis(self.word()),
        }
    }
}
