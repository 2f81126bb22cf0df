//! Detects an outdated directory. Zulip's organisation-wide reply has users by API email, which
//! changes when an address is hidden or renamed.

use std::collections::HashSet;
use std::time::Duration;

use zulip_presence_core::reply::RealmPresence;
use zulip_presence_core::{Timestamp, UserRef};

use crate::zulip::directory::{Directory, Member};

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
    /// Emails of people who had none, or another one, in the directory before: what a reply says
    /// that was requested before is about nobody, or about somebody else.
    reassigned: HashSet<UserRef>,
    /// When the directory arrived that has them.
    reassigned_at: Duration,
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

    /// `directory` takes the place of `before`. Returns whether replies that were requested until
    /// `now` do not match it.
    pub(super) fn directory_replaced(
        &mut self,
        before: &Directory,
        directory: &Directory,
        now: Duration,
    ) -> bool {
        let is_other = |member: &&Member| {
            before
                .find(&member.email)
                .is_none_or(|before| before.id != member.id || before.kind != member.kind)
        };
        let others = directory.humans().filter(is_other);
        let emails: Vec<UserRef> = others.map(|member| member.email.clone()).collect();
        let is_changed = !emails.is_empty();
        if is_changed {
            self.reassigned.extend(emails);
            self.reassigned_at = now;
        }
        is_changed
    }

    /// A reply arrived that was requested at `requested_at`.
    pub(super) fn replied(&mut self, requested_at: Duration) {
        if requested_at >= self.reassigned_at {
            self.reassigned.clear();
        }
    }

    /// Whether no reply was about the person who has `email`.
    pub(super) fn is_reassigned(&self, email: &UserRef) -> bool {
        self.reassigned.contains(email)
    }

    /// Whether `email` may be outdated, or newer than the reply, which then says nothing by having
    /// or lacking it.
    pub(super) fn is_doubtful(&self, email: &UserRef) -> bool {
        self.gone.contains(email) || self.is_reassigned(email)
    }
}
