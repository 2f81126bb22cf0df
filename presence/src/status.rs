//! The statuses that a badge shows.

use core::fmt;

/// A person's status at one instant. Ordered as it decays while nothing new is heard:
/// [`Active`](Self::Active) first, [`Unknown`](Self::Unknown) last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Status {
    /// Somebody was really there within the threshold: green.
    Active,
    /// A client is connected, nobody at it: yellow.
    Idle,
    /// Zulip knows of nobody there: grey.
    Offline,
    /// Nothing can be said. **Not offline.**
    #[default]
    Unknown,
}

impl Status {
    /// All four, as they decay.
    pub const ALL: [Self; 4] = [Self::Active, Self::Idle, Self::Offline, Self::Unknown];

    /// The word in attributes, events and CSS: `active`, `idle`, `offline` or `unknown`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Offline => "offline",
            Self::Unknown => "unknown",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
