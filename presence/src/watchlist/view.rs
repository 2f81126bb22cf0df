//! What is shown of a person, and its changes.

use crate::{Status, Timestamp, UserRef};

/// A person's presence at one instant.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// The status to show.
    pub status: Status,
    /// When they were last active, if known.
    pub last_active: Option<Timestamp>,
}

/// A person whose view changed.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Change {
    /// Who.
    pub user: UserRef,
    /// The view before.
    pub before: View,
    /// The view now.
    pub after: View,
}
