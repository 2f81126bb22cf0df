//! How often Zulip is asked.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A number outside of the bounds of a setting, or no number.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("expected a number of {unit} from {min} to {max}")]
pub struct OutOfBounds {
    unit: &'static str,
    min: u64,
    max: u64,
}

/// Time between two organisation-wide requests: 10 to 45 s, 15 s by default. Zulip spends at most 5 % of
/// the time answering it, and the sum of all delays stays below the age at which Zulip itself says
/// offline (docs/design.md §5).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Refresh(Duration);

impl Refresh {
    /// The shortest.
    pub const MIN: Self = Self(Duration::from_secs(10));
    /// The longest.
    pub const MAX: Self = Self(Duration::from_secs(45));

    /// # Errors
    /// Outside of the bounds.
    pub fn new(time: Duration) -> Result<Self, OutOfBounds> {
        let refresh = Self(time);
        if (Self::MIN..=Self::MAX).contains(&refresh) { Ok(refresh) } else { Err(Self::BOUNDS) }
    }

    /// For tests, which cannot wait.
    #[doc(hidden)]
    #[must_use]
    pub const fn unchecked(time: Duration) -> Self {
        Self(time)
    }

    /// The time.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }

    const BOUNDS: OutOfBounds =
        OutOfBounds { unit: "seconds", min: Self::MIN.0.as_secs(), max: Self::MAX.0.as_secs() };
}

impl Default for Refresh {
    fn default() -> Self {
        Self(Duration::from_secs(15))
    }
}

impl FromStr for Refresh {
    type Err = OutOfBounds;

    /// Whole seconds.
    fn from_str(seconds: &str) -> Result<Self, OutOfBounds> {
        Self::new(Duration::from_secs(seconds.parse().map_err(|_| Self::BOUNDS)?))
    }
}

impl fmt::Display for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.as_secs())
    }
}

/// Maximum requests to Zulip in any 60 s: 5 to 200, 60 by default. Zulip allows 200 to a user
/// (docs/zulip-wire.md §6); below 5 the list of users and presence would wait for each other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Budget(u32);

impl Budget {
    /// The smallest.
    pub const MIN: Self = Self(5);
    /// The largest.
    pub const MAX: Self = Self(200);

    /// # Errors
    /// Outside of the bounds.
    pub fn new(requests: u32) -> Result<Self, OutOfBounds> {
        let budget = Self(requests);
        if (Self::MIN..=Self::MAX).contains(&budget) { Ok(budget) } else { Err(Self::BOUNDS) }
    }

    /// The number of requests.
    #[must_use]
    pub const fn get(self) -> u32 {
        self.0
    }

    const BOUNDS: OutOfBounds =
        OutOfBounds { unit: "requests", min: Self::MIN.0 as u64, max: Self::MAX.0 as u64 };
}

impl Default for Budget {
    fn default() -> Self {
        Self(60)
    }
}

impl FromStr for Budget {
    type Err = OutOfBounds;

    fn from_str(requests: &str) -> Result<Self, OutOfBounds> {
        Self::new(requests.parse().map_err(|_| Self::BOUNDS)?)
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_kept() {
        for (written, expected) in [("9", None), ("10", Some(10)), ("45", Some(45)), ("46", None)] {
            let refresh = written.parse::<Refresh>().ok();
            assert_eq!(refresh.map(|refresh| refresh.get().as_secs()), expected, "{written}");
        }
        assert!(Refresh::new(Duration::from_millis(9_999)).is_err());
        for (written, expected) in [("4", None), ("5", Some(5)), ("200", Some(200)), ("201", None)]
        {
            assert_eq!(written.parse::<Budget>().ok().map(Budget::get), expected, "{written}");
        }
        for nonsense in ["", "-10", "1e1", "15 s", "99999999999999999999"] {
            assert!(nonsense.parse::<Refresh>().is_err() && nonsense.parse::<Budget>().is_err());
        }
        assert_eq!(
            "9".parse::<Refresh>().expect_err("too short").to_string(),
            "expected a number of seconds from 10 to 45"
        );
        assert!(Refresh::new(Refresh::default().get()).is_ok());
        assert!(Budget::new(Budget::default().get()).is_ok());
    }
}
