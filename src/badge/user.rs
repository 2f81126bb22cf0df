//! Whom a page author means.

use zulip_presence_core::{InvalidUser, UserRef};

use crate::console::warn_once;

const INVALID_USER: &str = "user must be a Zulip user ID like 12 or a Zulip email like ada@example.com; the badge stays unknown.";

/// The person meant by what a page author wrote. What names nobody is said once in the console.
pub(super) fn parse_user(user: &str) -> Option<UserRef> {
    user.parse().map_err(|InvalidUser| warn_once(INVALID_USER, user)).ok()
}
