//! What is shown of a person, and its changes.

use std::sync::Arc;

use crate::{Status, Timestamp, UserRef};

/// A person's presence at one instant.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct View {
    /// The status to show.
    pub status: Status,
    /// When they were last active, if known.
    pub last_active: Option<Timestamp>,
    /// What they say of themselves in Zulip, an emoji, a text, or both, where the gateway shows it.
    pub message: Option<Arc<str>>,
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
