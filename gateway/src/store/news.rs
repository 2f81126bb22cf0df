//! Decides what pages with a stream are sent: what they cannot know by themselves (docs/design.md
//! §9). Pages compute how statuses age, so that only differences from that are news.

use std::time::Duration;

use zulip_presence_core::{ClockReading, Observation, Timestamp, UserRef, watchlist};

use super::followed::Followed;
use super::{Lookup, Store};
use crate::config::last_active::LastActive;
use crate::zulip::user_status::UserStatus;
use crate::zulip::wire::{RenderOptions, SlimPresence};

/// Newer reports that change no status are collected for this long.
const COLLECT: Duration = Duration::from_secs(60);
/// A page ignores a reply that is older than its last one, unless that one is further ahead of the
/// server's now than this.
const MAX_FUTURE_SKEW: Duration = Duration::from_secs(60);
/// The longest time until the next look, as a safety net.
const MAX_WAIT: Duration = Duration::from_secs(30);
/// The shortest.
const MIN_WAIT: Duration = Duration::from_millis(100);

/// What to send now.
#[derive(Debug)]
pub(crate) struct NewsToSend {
    /// Who, and what is known of them.
    pub(crate) people: Vec<Known>,
    /// What people say of themselves is sent.
    pub(crate) shows_statuses: bool,
    /// How to render it.
    pub(crate) render: RenderOptions,
    /// Time until the next call.
    pub(crate) wait: Duration,
}

/// What is known of somebody.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Who.
    pub(crate) user: UserRef,
    /// Their presence; `None`: no data.
    pub(crate) presence: Option<Observation>,
    /// What they say of themselves.
    pub(crate) status: Option<UserStatus>,
}

impl Store {
    /// A page opened a stream and was sent what is known of `users`. `is_new_list`: no other open
    /// stream is about exactly these.
    pub(crate) fn follow<'a>(
        &mut self,
        users: impl Iterator<Item = &'a UserRef>,
        is_new_list: bool,
        now: ClockReading,
    ) {
        let render = self.render(now);
        for user in users {
            let current = self.known(user, now).flatten().map(|known| as_sent(&known, render));
            let status = self.status_message(user).cloned();
            let followed = self.news.people.entry(user.clone()).or_insert_with(|| Followed {
                lists: 0,
                known: current,
                status,
                is_collected: false,
            });
            followed.lists += usize::from(is_new_list);
            // The next collection brings all pages to the same state.
            followed.is_collected |= reports(followed.known) != reports(current);
        }
    }

    /// The last stream about this list of people ended.
    pub(crate) fn unfollow<'a>(&mut self, users: impl Iterator<Item = &'a UserRef>) {
        for user in users {
            if let Some(followed) = self.news.people.get_mut(user) {
                followed.lists = followed.lists.saturating_sub(1);
                if followed.lists == 0 {
                    self.news.people.remove(user);
                }
            }
        }
    }

    /// How many people streams are about.
    #[must_use]
    pub(crate) fn followed(&self) -> usize {
        self.news.people.len()
    }

    /// What pages with a stream cannot know by themselves now. Keeps their people watched.
    pub(crate) fn news(&mut self, now: ClockReading) -> NewsToSend {
        let mut news = std::mem::take(&mut self.news);
        let is_outdated = std::mem::take(&mut news.is_outdated);
        let render = self.render(now);
        let collects_until = news.sent_at + COLLECT;
        let is_collected = now.monotonic >= collects_until;
        // Until then Zulip is asked again. What is sent before it is needed ages on the page.
        let soon = render.now + self.refresh + self.refresh / 10 + watchlist::TIMEOUT;
        let mut people = Vec::new();
        let mut next: Option<Timestamp> = None;
        let mut has_collected = false;
        for (user, followed) in &mut news.people {
            self.watch(user, now);
            // While nothing is known, what the page has ages there as it does here.
            let Some(observed) = self.known(user, now) else {
                continue;
            };
            let current = observed.map(|observed| as_sent(&observed, render));
            followed.is_collected |= reports(followed.known) != reports(current);
            if is_ignored(followed.known, current, render) {
                continue;
            }
            let due = difference(followed.known, current, render);
            let is_due = due.is_some_and(|due| due <= soon);
            let status = self.status_message(user);
            let says_else = followed.status.as_ref() != status;
            if is_due || followed.is_collected && is_collected || is_outdated || says_else {
                let status = status.cloned();
                followed.status.clone_from(&status);
                people.push(Known { user: user.clone(), presence: observed, status });
                (followed.known, followed.is_collected) = (current, false);
            } else {
                next = [next, due].into_iter().flatten().min();
                has_collected |= followed.is_collected;
            }
            if render.last_active == LastActive::Hide {
                let aged = observed
                    .and_then(|known| known.next_change(render.now, render.offline_threshold));
                next = [next, aged].into_iter().flatten().min();
            }
        }
        if is_collected {
            news.sent_at = now.monotonic;
        }
        self.news = news;
        let collection = has_collected.then(|| collects_until.saturating_sub(now.monotonic));
        let wait = [next.map(|at| render.now.age(at)), collection, Some(MAX_WAIT)];
        let wait = wait.into_iter().flatten().min().unwrap_or_default().max(MIN_WAIT);
        NewsToSend { people, shows_statuses: self.shows_statuses(), render, wait }
    }

    /// What is known of `user`; the outer `None` while that may change with the next reply.
    fn known(&self, user: &UserRef, now: ClockReading) -> Option<Option<Observation>> {
        match self.lookup(user, true, now) {
            Lookup::CachedPresence(observed) => Some(Some(*observed)),
            Lookup::Nobody(_) | Lookup::NoData(_) => Some(None),
            Lookup::Pending | Lookup::Unavailable => None,
        }
    }
}

/// What a page makes of `observed` when it is sent at `render.now`.
fn as_sent(observed: &Observation, render: RenderOptions) -> Observation {
    Observation { presence: SlimPresence::new(observed, render).presence(), at: observed.at }
}

/// Whether a page that knows `page` ignores `ours`, as it is older.
fn is_ignored(page: Option<Observation>, ours: Option<Observation>, render: RenderOptions) -> bool {
    page.zip(ours)
        .is_some_and(|(page, ours)| ours.at < page.at && page.at <= render.now + MAX_FUTURE_SKEW)
}

/// When a page that knows `page` first shows something else than one that knows `ours`: now or
/// later. `None`: never.
fn difference(
    page: Option<Observation>,
    ours: Option<Observation>,
    render: RenderOptions,
) -> Option<Timestamp> {
    let RenderOptions { now, offline_threshold: threshold, .. } = render;
    let (page, ours) = match (page, ours) {
        (None, None) => return None,
        (Some(page), Some(ours)) => (page, ours),
        _ => return Some(now),
    };
    // Without its times, which the page is to forget.
    if ours.presence.offline && !page.presence.offline {
        return Some(now);
    }
    let mut at = now;
    while page.status(at, threshold) == ours.status(at, threshold) {
        let changes = [page.next_change(at, threshold), ours.next_change(at, threshold)];
        at = changes.into_iter().flatten().min()?;
    }
    Some(at)
}

fn reports(observed: Option<Observation>) -> Option<zulip_presence_core::Presence> {
    observed.map(|observed| observed.presence)
}
