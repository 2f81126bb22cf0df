//! The fixed groups of users that are requested together.

use core::time::Duration;

use super::poll::{GroupId, PollState};
use super::query::{GROUP_FRAME_BYTES, MAX_GROUP, MAX_GROUP_BYTES, member_bytes};
use crate::UserRef;
use crate::time::EngineInstant;

/// How long new users wait for those who follow while a document is being parsed, so that they
/// share a request.
const GATHERING: Duration = Duration::from_secs(1);
/// While there are more groups than this, none is closed: a document that never ends must not end
/// in a request per second (the budget is 60 requests a minute).
const MAX_CLOSED: usize = 24;

/// Users who are requested together.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) id: GroupId,
    pub(super) poll: PollState,
    /// Not requested earlier: it waits for further members.
    pub(super) gathers_until: EngineInstant,
    pub(super) members: usize,
    /// Of its path and query.
    pub(super) bytes: usize,
    /// Gets no further members: it was requested while the document was being parsed.
    is_closed: bool,
}

impl Group {
    /// A group without members.
    pub(super) fn new(id: GroupId, now: EngineInstant) -> Self {
        let poll = PollState::due_at(now);
        let gathers_until = EngineInstant::default();
        Self { id, poll, gathers_until, members: 0, bytes: GROUP_FRAME_BYTES, is_closed: false }
    }
}

/// The index of a group. New groups are only appended, so their IDs are ascending.
pub(super) fn index_of(groups: &[Group], id: GroupId) -> Option<usize> {
    groups.binary_search_by_key(&id, |group| group.id).ok()
}

/// All groups, in document order.
#[derive(Default)]
pub(super) struct Groups {
    pub(super) list: Vec<Group>,
    next: u32,
    /// The document is being parsed.
    pub(super) is_parsing: bool,
}

impl Groups {
    /// Adds `user` to the last group if there is room, else to a new one.
    pub(super) fn join(&mut self, user: &UserRef, now: EngineInstant) -> GroupId {
        let bytes = member_bytes(user);
        if let Some(last) = self.list.last_mut()
            && !last.is_closed
            && last.members < MAX_GROUP
            && last.bytes + bytes <= MAX_GROUP_BYTES
        {
            last.members += 1;
            last.bytes += bytes;
            return last.id;
        }
        let mut group = Group::new(GroupId(self.next), now);
        if self.is_parsing {
            group.gathers_until = now + GATHERING;
        }
        self.next += 1;
        group.members = 1;
        group.bytes += bytes;
        let id = group.id;
        self.list.push(group);
        id
    }

    /// New users wait no longer for those who follow.
    pub(super) fn stop_waiting(&mut self) {
        for group in &mut self.list {
            group.gathers_until = EngineInstant::default();
        }
    }

    /// To be called when a group is requested: users who follow in the document join other groups,
    /// so that its URL stays as it is.
    pub(super) fn close(&mut self, id: GroupId) {
        if self.is_parsing
            && self.list.len() <= MAX_CLOSED
            && let Some(index) = index_of(&self.list, id)
        {
            self.list[index].is_closed = true;
        }
    }

    /// Removes `user` from a group.
    pub(super) fn leave(&mut self, user: &UserRef, id: GroupId) {
        if let Some(index) = index_of(&self.list, id) {
            let group = &mut self.list[index];
            group.members = group.members.saturating_sub(1);
            group.bytes = group.bytes.saturating_sub(member_bytes(user));
        }
    }

    /// Drops empty groups and merges neighbours that fit into one, so that a page that replaces its
    /// people for hours does not end up with many small requests. Calls `moved(from, to)` for each
    /// group that was merged.
    pub(super) fn compact(&mut self, mut moved: impl FnMut(GroupId, GroupId)) {
        self.list.retain(|group| group.members > 0 || group.poll.in_flight);
        let mut at = 1;
        while at < self.list.len() {
            let (left, right) = (&self.list[at - 1], &self.list[at]);
            let bytes = left.bytes + right.bytes - GROUP_FRAME_BYTES.min(right.bytes);
            let fits = left.members + right.members <= MAX_GROUP && bytes <= MAX_GROUP_BYTES;
            if fits && !left.poll.in_flight && !right.poll.in_flight {
                let right = self.list.remove(at);
                let left = &mut self.list[at - 1];
                left.members += right.members;
                left.bytes = bytes;
                let refresh_requested = left.poll.refresh_requested || right.poll.refresh_requested;
                let hinted = left.poll.hinted || right.poll.hinted;
                // The group that was requested last sets the pace. The other one may have been off
                // screen for long: its members on screen count as new members.
                if right.poll.requested_at > left.poll.requested_at {
                    left.poll = right.poll;
                }
                left.poll.refresh_requested = refresh_requested;
                left.poll.hinted = hinted;
                moved(right.id, left.id);
            } else {
                at += 1;
            }
        }
    }
}
