//! One subscriber of a client.

use core::cell::Cell;
use core::time::Duration;

use zulip_presence_core::watchlist::View;
use zulip_presence_core::{Timestamp, UserRef};

use super::clock;
use super::presence_client::PresenceClient;
use super::subscribers::{OnPresence, RerenderAt, Subscriber};

/// A subscription to one person, until dropped.
pub struct Subscription {
    client: PresenceClient,
    user: UserRef,
    /// Among the client's subscribers.
    place: usize,
    is_visible: Cell<bool>,
}

impl PresenceClient {
    /// Subscribes to `user`, off screen until told otherwise. `on_presence` is called upon every
    /// change, never from within this call.
    pub fn subscribe(&self, user: &UserRef, on_presence: OnPresence) -> Subscription {
        let subscriber =
            Subscriber { user: user.clone(), on_presence, is_dirty: false, rerender: None };
        let place = self.0.subscribers.borrow_mut().all.insert(subscriber);
        self.0.watchlist.borrow_mut().watch(user, clock::now());
        self.0.schedule_tick();
        Subscription {
            client: self.clone(),
            user: user.clone(),
            place,
            is_visible: Cell::default(),
        }
    }
}

impl Subscription {
    /// What is known now.
    #[must_use]
    pub fn view(&self) -> View {
        self.client.view(&self.user)
    }

    /// Whether there is a result yet, be it that nothing is known.
    #[must_use]
    pub fn has_result(&self) -> bool {
        self.client.0.watchlist.borrow().observation(&self.user).is_some()
    }

    /// Where to write to the person in Zulip.
    pub(crate) fn message_url(&self) -> Option<String> {
        self.client.message_url(&self.user)
    }

    /// Requests the person's presence at once, but not more often than every 10 s.
    pub fn refresh(&self) {
        self.client.refresh(&self.user);
    }

    /// The server's now.
    #[must_use]
    pub fn server_now(&self) -> Timestamp {
        self.client.0.watchlist.borrow().server_now(clock::now())
    }

    /// Tells whether the subscriber is on screen: nobody is requested only for what is not.
    pub fn set_visible(&self, is_visible: bool) {
        if self.is_visible.replace(is_visible) != is_visible {
            let mut watchlist = self.client.0.watchlist.borrow_mut();
            if is_visible {
                watchlist.show(&self.user);
            } else {
                watchlist.hide(&self.user);
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
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.set_visible(false);
        // Dropped after the borrow: with a callback may end what it holds.
        let _subscriber = self.client.0.subscribers.borrow_mut().all.try_remove(self.place);
        self.client.0.watchlist.borrow_mut().unwatch(&self.user, clock::now());
        self.client.0.schedule_tick();
    }
}
