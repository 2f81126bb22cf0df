//! The fixed groups in which people are asked about.

use core::time::Duration;

use super::query::{GROUP_FRAME_BYTES, MAX_GROUP, MAX_GROUP_BYTES, member_bytes};
use crate::UserRef;
use crate::time::Moment;

/// Names a group for as long as it lives.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct GroupId(u32);

impl GroupId {
    /// The one group of an endpoint that answers for everybody.
    pub(super) const EVERYBODY: Self = Self(0);
}

/// People who are asked about in one request.
#[derive(Debug)]
struct Group {
    id: GroupId,
    members: usize,
    bytes: usize,
    rhythm: Rhythm,
}

/// When one thing was asked, and is to be asked again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rhythm {
    pub(super) asked_at: Option<Moment>,
    pub(super) due: Moment,
    pub(super) in_flight: bool,
    /// Failures in a row.
    pub(super) failures: u32,
    /// Somebody called `refresh()`: ask though nobody is on screen.
    pub(super) forced: bool,
}

impl Rhythm {
    pub(super) fn due_at(at: Moment) -> Self {
        Self { due: at, ..Self::default() }
    }

    /// Not before `gap` after the last time.
    pub(super) fn earliest(&self, gap: Duration) -> Moment {
        self.asked_at.map_or(Moment::default(), |at| at + gap)
    }

    pub(super) fn start(&mut self, now: Moment) {
        self.asked_at = Some(now);
        self.in_flight = true;
        self.forced = false;
    }
}

/// All groups, in the order of the page.
#[derive(Debug)]
pub(super) struct Groups {
    list: Vec<Group>,
    next: u32,
}

impl Groups {
    pub(super) fn new() -> Self {
        Self { list: Vec::new(), next: 1 }
    }

    /// One group for everybody, without bounds.
    pub(super) fn everybody(now: Moment) -> Self {
        let group =
            Group { id: GroupId::EVERYBODY, members: 0, bytes: 0, rhythm: Rhythm::due_at(now) };
        Self { list: vec![group], next: 1 }
    }

    pub(super) fn rhythms(&self) -> impl Iterator<Item = (GroupId, &Rhythm)> {
        self.list.iter().map(|group| (group.id, &group.rhythm))
    }

    pub(super) fn rhythms_mut(&mut self) -> impl Iterator<Item = &mut Rhythm> {
        self.list.iter_mut().map(|group| &mut group.rhythm)
    }

    pub(super) fn rhythm(&mut self, id: GroupId) -> Option<&mut Rhythm> {
        self.find(id).map(|group| &mut group.rhythm)
    }

    /// The place of a group in the order of the others. Groups only ever join at the end, so their
    /// names rise.
    pub(super) fn place(&self, id: GroupId) -> Option<usize> {
        self.list.binary_search_by_key(&id, |group| group.id).ok()
    }

    fn find(&mut self, id: GroupId) -> Option<&mut Group> {
        let place = self.place(id)?;
        self.list.get_mut(place)
    }

    /// A place for `user`: in the last group while there is room, else in a new one.
    pub(super) fn join(&mut self, user: &UserRef, now: Moment) -> GroupId {
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
            rhythm: Rhythm::due_at(now),
        });
        id
    }

    /// Gives up the place of `user`.
    pub(super) fn leave(&mut self, user: &UserRef, id: GroupId) {
        if let Some(group) = self.find(id) {
            group.members = group.members.saturating_sub(1);
            group.bytes = group.bytes.saturating_sub(member_bytes(user));
        }
    }

    /// Drops empty groups and joins neighbours that fit into one, so that a page which replaces its
    /// people for hours does not end up with many small requests. Calls `moved(from, to)` for
    /// each group that went.
    pub(super) fn tidy(&mut self, mut moved: impl FnMut(GroupId, GroupId)) {
        self.list.retain(|group| {
            group.members > 0 || group.rhythm.in_flight || group.id == GroupId::EVERYBODY
        });
        let mut at = 1;
        while at < self.list.len() {
            let (left, right) = (&self.list[at - 1], &self.list[at]);
            let bytes = left.bytes + right.bytes - GROUP_FRAME_BYTES.min(right.bytes);
            let fits = left.members + right.members <= MAX_GROUP && bytes <= MAX_GROUP_BYTES;
            if fits && !left.rhythm.in_flight && !right.rhythm.in_flight {
                let right = self.list.remove(at);
                let left = &mut self.list[at - 1];
                left.members += right.members;
                left.bytes = bytes;
                left.rhythm.due = left.rhythm.due.min(right.rhythm.due);
                left.rhythm.asked_at = left.rhythm.asked_at.max(right.rhythm.asked_at);
                left.rhythm.forced |= right.rhythm.forced;
                moved(right.id, left.id);
            } else {
                at += 1;
            }
        }
    }
}
