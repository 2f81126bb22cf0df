//! Detects an outdated directory. Zulip's organisation-wide reply has users by API email, which
//! changes when an address is hidden or renamed.

use std::collections::HashSet;
use std::time::Duration;

use zulip_presence_core::reply::RealmPresence;
use zulip_presence_core::{Timestamp, UserRef};

use crate::zulip::directory::Directory;

/// Zulip omits users who were not connected for 14 days. A key that disappears sooner has changed.
const RECENT: Duration = Duration::from_secs(13 * 24 * 3600);

/// Differences between the replies and the directory.
#[derive(Debug, Default)]
pub(super) struct KeyChanges {
    /// Keys of the last reply whose owners were connected recently.
    recent: HashSet<UserRef>,
    /// Keys of the last reply that the directory lacks.
    unknown: HashSet<UserRef>,
    /// Keys that a newer directory lacked too: users whom the bot may not list.
    unlisted: HashSet<UserRef>,
    /// Keys that disappeared from the reply although their owners were connected recently.
    gone: HashSet<UserRef>,
}

impl KeyChanges {
    /// Compares a reply with the directory and with the previous reply. Returns whether the
    /// directory should be fetched.
    pub(super) fn compare(
        &mut self,
        reply: &RealmPresence,
        directory: &Directory,
        server_now: Timestamp,
    ) -> bool {
        let keys: HashSet<&UserRef> = reply.iter().map(|(key, _)| key).collect();
        let is_new = |key: &&UserRef| directory.find(key).is_none();
        self.unknown = keys.iter().copied().filter(is_new).cloned().collect();
        self.gone.retain(|key| !keys.contains(key));
        let before = std::mem::take(&mut self.recent);
        let left = before.into_iter().filter(|key| !keys.contains(key));
        let gone: Vec<UserRef> = left.filter(|key| directory.find(key).is_some()).collect();
        let is_stale =
            !gone.is_empty() || self.unknown.iter().any(|key| !self.unlisted.contains(key));
        self.gone.extend(gone);
        let is_recent = |presence: &zulip_presence_core::Presence| {
            presence.last_connected.is_some_and(|at| server_now.age(at) < RECENT)
        };
        self.recent = reply
            .iter()
            .filter(|(_, presence)| presence.as_ref().is_ok_and(is_recent))
            .map(|(key, _)| key.clone())
            .collect();
        is_stale
    }

    /// A directory arrived that was requested after the last reply.
    pub(super) fn directory_fetched(&mut self) {
        self.unlisted = std::mem::take(&mut self.unknown);
        self.gone.clear();
    }

    /// Whether `email` may be outdated, so that its absence from the reply means nothing.
    pub(super) fn is_doubtful(&self, email: &UserRef) -> bool {
        self.gone.contains(email)
    }
}
