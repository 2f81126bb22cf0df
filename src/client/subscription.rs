//! Who on the page is told about whom.

use core::time::Duration;
use std::rc::Rc;

use slab::Slab;
use zulip_presence_core::watchlist::{Change, View};
use zulip_presence_core::{Timestamp, UserRef, Watchlist};

use super::{PresenceClient, clock};

/// How far labels about time may lag, so that many of them are rendered together.
const LABEL_GRANULARITY: Duration = Duration::from_secs(1);

type OnPresence = Rc<dyn Fn(View)>;

/// A subscription to one person, until dropped.
pub struct Subscription {
    client: PresenceClient,
    place: usize,
}

struct Subscriber {
    user: UserRef,
    on_presence: OnPresence,
    is_visible: bool,
    /// The view differs from what the subscriber was told.
    is_dirty: bool,
    /// When to call again although the view did not change.
    rerender: Option<RerenderAt>,
}

/// When a text beside a badge is to be rendered again though the view is the same.
#[derive(Clone, Copy)]
enum RerenderAt {
    /// Once there is a result, be it that nothing is known.
    Result,
    /// At this reading of the monotonic clock.
    Monotonic(Duration),
}

/// All subscribers of a client.
#[derive(Default)]
pub(super) struct Subscribers {
    all: Slab<Subscriber>,
    /// Since when any is dirty, on the monotonic clock.
    dirty_since: Option<Duration>,
}

impl Subscription {
    pub(super) fn new(client: PresenceClient, user: &UserRef, on_presence: OnPresence) -> Self {
        let subscriber = Subscriber {
            user: user.clone(),
            on_presence,
            is_visible: false,
            is_dirty: false,
            rerender: None,
        };
        let place = client.0.subscribers.borrow_mut().all.insert(subscriber);
        client.0.watchlist.borrow_mut().watch(user, clock::now());
        client.0.schedule_tick();
        Self { client, place }
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self) -> View {
        self.user().map_or_else(View::default, |user| self.client.view(&user))
    }

    /// Whether there is a result yet, be it that nothing is known.
    #[must_use]
    pub fn has_result(&self) -> bool {
        let watchlist = self.client.0.watchlist.borrow();
        self.user().is_some_and(|user| watchlist.observation(&user).is_some())
    }

    /// Requests the person's presence at once, but not more often than every 10 s.
    pub fn refresh(&self) {
        if let Some(user) = self.user() {
            self.client.0.watchlist.borrow_mut().refresh(&user, clock::now());
            self.client.0.schedule_tick();
        }
    }

    /// The server's now.
    #[must_use]
    pub fn server_now(&self) -> Timestamp {
        self.client.0.watchlist.borrow().server_now(clock::now())
    }

    /// Tells whether the subscriber is on screen: nobody is requested only for what is not.
    pub fn set_visible(&self, is_visible: bool) {
        let mut subscribers = self.client.0.subscribers.borrow_mut();
        if let Some(subscriber) = subscribers.all.get_mut(self.place)
            && subscriber.is_visible != is_visible
        {
            subscriber.is_visible = is_visible;
            let mut watchlist = self.client.0.watchlist.borrow_mut();
            if is_visible {
                watchlist.show(&subscriber.user);
            } else {
                watchlist.hide(&subscriber.user);
            }
            self.client.0.schedule_tick();
        }
    }

    /// Calls the subscriber again once there is a result. Replaces what was set.
    pub(crate) fn rerender_on_result(&self) {
        self.set_rerender(Some(RerenderAt::Result));
    }

    /// Calls the subscriber again after about `wait`. Replaces what was set.
    pub(crate) fn rerender_after(&self, wait: Option<Duration>) {
        self.set_rerender(wait.map(|wait| RerenderAt::Monotonic(clock::now().monotonic + wait)));
        if wait.is_some() {
            self.client.0.schedule_tick();
        }
    }

    fn set_rerender(&self, rerender: Option<RerenderAt>) {
        if let Some(subscriber) = self.client.0.subscribers.borrow_mut().all.get_mut(self.place) {
            subscriber.rerender = rerender;
        }
    }

    fn user(&self) -> Option<UserRef> {
        let subscribers = self.client.0.subscribers.borrow();
        subscribers.all.get(self.place).map(|subscriber| subscriber.user.clone())
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.set_visible(false);
        let subscriber = self.client.0.subscribers.borrow_mut().all.try_remove(self.place);
        if let Some(subscriber) = subscriber {
            self.client.0.watchlist.borrow_mut().unwatch(&subscriber.user, clock::now());
            self.client.0.schedule_tick();
        }
    }
}

impl Subscribers {
    /// Marks who is to be told of `changes`, which are sorted by user.
    pub(super) fn mark_dirty(&mut self, changes: &[Change], now: Duration) {
        if changes.is_empty() {
            return;
        }
        self.dirty_since.get_or_insert(now);
        for (_, subscriber) in &mut self.all {
            subscriber.is_dirty |=
                changes.binary_search_by(|change| change.user.cmp(&subscriber.user)).is_ok();
        }
    }

    pub(super) fn mark_all_dirty(&mut self, now: Duration) {
        self.dirty_since.get_or_insert(now);
        for (_, subscriber) in &mut self.all {
            subscriber.is_dirty = true;
        }
    }

    /// How long any has been dirty.
    pub(super) fn dirty_for(&self, now: Duration) -> Option<Duration> {
        Some(now.saturating_sub(self.dirty_since?))
    }

    /// The places of all who are to be called now, who then count as told.
    pub(super) fn take_due(&mut self, now: Duration, watchlist: &Watchlist) -> Vec<usize> {
        self.dirty_since = None;
        let mut due = Vec::new();
        for (place, subscriber) in &mut self.all {
            let rerenders = subscriber.rerender.is_some_and(|rerender| match rerender {
                RerenderAt::Result => watchlist.observation(&subscriber.user).is_some(),
                RerenderAt::Monotonic(at) => at <= now,
            });
            if rerenders {
                subscriber.rerender = None;
            }
            if core::mem::take(&mut subscriber.is_dirty) || rerenders {
                due.push(place);
            }
        }
        due
    }

    pub(super) fn get(&self, place: usize) -> Option<(UserRef, OnPresence)> {
        let subscriber = self.all.get(place)?;
        Some((subscriber.user.clone(), subscriber.on_presence.clone()))
    }

    /// In how long the next label is to be rendered again.
    pub(super) fn next_rerender(&self, now: Duration) -> Option<Duration> {
        let times = self.all.iter().filter_map(|(_, subscriber)| match subscriber.rerender? {
            RerenderAt::Monotonic(at) => Some(at.saturating_sub(now).max(LABEL_GRANULARITY)),
            RerenderAt::Result => None,
        });
        times.min()
    }
}
