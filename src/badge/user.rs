//! Parses the user that a page author wrote.

use zulip_presence_core::{InvalidUser, UserRef};

use crate::console::warn_once;

const INVALID_USER: &str = "user must be a Zulip user ID like 12 or a Zulip email like ada@example.com; the badge stays unknown.";

/// Parses the user that a page author wrote. An invalid one is reported once in the console.
#[must_use]
pub fn parse_user(user: &str) -> Option<UserRef> {
    user.parse().map_err(|InvalidUser| warn_once(INVALID_USER, user)).ok()
}
