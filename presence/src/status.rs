//! The statuses that a badge shows.

use core::fmt;

/// A person's status at one instant. Ordered by decay while no new reply arrives:
/// [`Active`](Self::Active) first, [`Unknown`](Self::Unknown) last.
///
/// ```
/// use zulip_presence_core::Status;
///
/// assert!(Status::Active < Status::Idle && Status::Offline < Status::Unknown);
/// assert_eq!(Status::default(), Status::Unknown);
/// assert_eq!(Status::Idle.to_string(), "idle");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub enum Status {
    /// Active within the threshold: green.
    Active,
    /// Not active, but a client is connected: yellow.
    Idle,
    /// Not active and not connected, as far as Zulip knows: grey.
    Offline,
    /// The status is not known. **Not offline.**
    #[default]
    Unknown,
}

impl Status {
    /// All four, in the order of decay.
    pub const ALL: [Self; 4] = [Self::Active, Self::Idle, Self::Offline, Self::Unknown];

    /// The name in attributes, events and CSS: `active`, `idle`, `offline` or `unknown`.
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
