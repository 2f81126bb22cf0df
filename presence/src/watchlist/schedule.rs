//! Finds what is to be requested, and when.

use core::time::Duration;

use super::entry::Entry;
use super::groups::{Group, index_of};
use super::poll::PollTarget;
use super::stream::Postponed;
use crate::time::EngineInstant;
use crate::user_map::UserMap;

/// Minimum time between two requests for one group: members that are added one by one share a
/// request, and so do hints.
const MIN_GROUP_INTERVAL: Duration = Duration::from_secs(2);

/// The demand of the members of a group.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct GroupDemand {
    watched: bool,
    pub(super) on_screen: bool,
    /// A member on screen whom the last requests did not include.
    has_new_member: bool,
    /// A member on screen whom the page's stream is not about.
    misses_stream: bool,
}

impl GroupDemand {
    /// The page's stream is about all members on screen.
    pub(super) fn has_stream(self) -> bool {
        self.on_screen && !self.misses_stream
    }
}

/// The targets that are needed, and when each is due; groups first. A hint counts from `hints_at`
/// on; `postponed` are those whom the page's stream is about.
pub(super) fn due_targets(
    groups: &[Group],
    demands: &[GroupDemand],
    entries: &UserMap<Entry>,
    hints_at: EngineInstant,
    postponed: Option<Postponed>,
) -> Vec<(EngineInstant, PollTarget)> {
    let mut due_targets = Vec::new();
    for (Group { id, poll, gathers_until, .. }, demand) in groups.iter().zip(demands) {
        if poll.in_flight || !(demand.on_screen || poll.refresh_requested && demand.watched) {
            continue;
        }
        let mut due = poll.due;
        if poll.failures == 0 {
            if let Some(postponed) = postponed
                && demand.has_stream()
                && !poll.refresh_requested
            {
                due = postponed.due(due);
            }
            let soonest = poll.earliest(MIN_GROUP_INTERVAL);
            if demand.has_new_member {
                due = due.min(soonest);
            }
            if poll.hinted {
                due = due.min(soonest.max(hints_at));
            }
        }
        due_targets.push((due.max(*gathers_until), PollTarget::Group(*id)));
    }
    for (user, entry) in entries.iter() {
        if let Some(poll) = entry.poll
            && !poll.in_flight
            && (entry.on_screen > 0 || poll.refresh_requested && entry.watchers > 0)
        {
            due_targets.push((poll.due, PollTarget::User(user.clone())));
        }
        if let Some(poll) = entry.message_poll
            && !poll.in_flight
            && entry.on_screen > 0
            && entry.message_shown > 0
        {
            due_targets.push((poll.due, PollTarget::Message(user.clone())));
        }
    }
    due_targets
}

/// The demand of each group, in the groups' order.
pub(super) fn demands(
    groups: &[Group],
    entries: &UserMap<Entry>,
    interval: Duration,
    now: EngineInstant,
) -> Vec<GroupDemand> {
    let fresh = interval + interval / 10;
    let mut demands = vec![GroupDemand::default(); groups.len()];
    for entry in entries.values().filter(|entry| entry.watchers > 0) {
        let index = entry.group.and_then(|group| index_of(groups, group));
        let Some(demand) = index.and_then(|index| demands.get_mut(index)) else {
            continue;
        };
        demand.watched = true;
        if entry.on_screen > 0 {
            demand.on_screen = true;
            demand.has_new_member |= entry.requested_at.is_none_or(|at| now.since(at) > fresh);
            demand.misses_stream |= !entry.has_stream;
        }
    }
    demands
}
