//! The fixed groups of users that are requested together.

use core::time::Duration;

use super::query::{GROUP_FRAME_BYTES, MAX_GROUP, MAX_GROUP_BYTES, member_bytes};
use crate::UserRef;
use crate::time::EngineInstant;

/// Identifies a group for its lifetime.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct GroupId(u32);

impl GroupId {
    /// The only group of an endpoint that always sends everybody.
    pub(super) const ALL_USERS: Self = Self(0);
}

/// Users who are requested together.
#[derive(Debug)]
struct Group {
    id: GroupId,
    members: usize,
    bytes: usize,
    poll: PollState,
}

/// When a group or a user was last requested, and when the next request is due.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct PollState {
    pub(super) requested_at: Option<EngineInstant>,
    pub(super) due: EngineInstant,
    pub(super) in_flight: bool,
    /// Failures in a row.
    pub(super) failures: u32,
    /// `refresh()` was called: request even if nobody is on screen.
    pub(super) refresh_requested: bool,
}

impl PollState {
    pub(super) fn due_at(at: EngineInstant) -> Self {
        Self { due: at, ..Self::default() }
    }

    /// The earliest time that is `gap` after the last request.
    pub(super) fn earliest(&self, gap: Duration) -> EngineInstant {
        self.requested_at.map_or(EngineInstant::default(), |at| at + gap)
    }

    pub(super) fn start(&mut self, now: EngineInstant) {
        self.requested_at = Some(now);
        self.in_flight = true;
        self.refresh_requested = false;
    }
}

/// All groups, in document order.
#[derive(Debug)]
pub(super) struct Groups {
    list: Vec<Group>,
    next: u32,
}

impl Groups {
    pub(super) fn new() -> Self {
        Self { list: Vec::new(), next: 1 }
    }

    /// One group for everybody, without limits.
    pub(super) fn all_users(now: EngineInstant) -> Self {
        let group =
            Group { id: GroupId::ALL_USERS, members: 0, bytes: 0, poll: PollState::due_at(now) };
        Self { list: vec![group], next: 1 }
    }

    pub(super) fn polls(&self) -> impl Iterator<Item = (GroupId, &PollState)> {
        self.list.iter().map(|group| (group.id, &group.poll))
    }

    pub(super) fn polls_mut(&mut self) -> impl Iterator<Item = &mut PollState> {
        self.list.iter_mut().map(|group| &mut group.poll)
    }

    pub(super) fn poll(&mut self, id: GroupId) -> Option<&mut PollState> {
        self.find(id).map(|group| &mut group.poll)
    }

    /// The index of a group. New groups are only appended, so their IDs are ascending.
    pub(super) fn place(&self, id: GroupId) -> Option<usize> {
        self.list.binary_search_by_key(&id, |group| group.id).ok()
    }

    fn find(&mut self, id: GroupId) -> Option<&mut Group> {
        let place = self.place(id)?;
        self.list.get_mut(place)
    }

    /// Adds `user` to the last group if there is room, else to a new one.
    pub(super) fn join(&mut self, user: &UserRef, now: EngineInstant) -> GroupId {
        let bytes = member_bytes(user);
        if let Some(last) = self.list.last_mut()
            && last.members < MAX_GROUP
            && last.bytes + bytes <= MAX_GROUP_BYTES
        {
            last.members += 1;
            last.bytes += bytes;
            return last.id;
        }
        let id = GroupId(self.next);
        self.next += 1;
        self.list.push(Group {
            id,
            members: 1,
            bytes: GROUP_FRAME_BYTES + bytes,
            poll: PollState::due_at(now),
        });
        id
    }

    /// Removes `user` from a group.
    pub(super) fn leave(&mut self, user: &UserRef, id: GroupId) {
        if let Some(group) = self.find(id) {
            group.members = group.members.saturating_sub(1);
            group.bytes = group.bytes.saturating_sub(member_bytes(user));
        }
    }

    /// Drops empty groups and merges neighbours that fit into one, so that a page that replaces its
    /// people for hours does not end up with many small requests. Calls `moved(from, to)` for each
    /// group that was merged.
    pub(super) fn compact(&mut self, mut moved: impl FnMut(GroupId, GroupId)) {
        self.list.retain(|group| {
            group.members > 0 || group.poll.in_flight || group.id == GroupId::ALL_USERS
        });
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
                // The group that was requested last sets the pace. The other one may have been off
                // screen for long: its members on screen count as new members.
                if right.poll.requested_at > left.poll.requested_at {
                    left.poll = right.poll;
                }
                left.poll.refresh_requested = refresh_requested;
                moved(right.id, left.id);
            } else {
                at += 1;
            }
        }
    }
}
