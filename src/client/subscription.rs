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
    /// The key among the client's subscribers.
    place: usize,
    is_visible: Cell<bool>,
}

impl PresenceClient {
    /// Subscribes to `user`; off screen until [`Subscription::set_visible`] is called.
    /// `on_presence` is called on every change, never from within this call.
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
    /// The person's presence now.
    #[must_use]
    pub fn view(&self) -> View {
        self.client.view(&self.user)
    }

    /// Whether there is a result yet, even if it is "unknown".
    #[must_use]
    pub fn has_result(&self) -> bool {
        self.client.0.watchlist.borrow().observation(&self.user).is_some()
    }

    /// The URL of a message to the person in Zulip.
    pub(crate) fn message_url(&self) -> Option<String> {
        self.client.message_url(&self.user)
    }

    /// Requests the person's presence immediately, but at most once every 10 s.
    pub fn refresh(&self) {
        self.client.refresh(&self.user);
    }

    /// The server's now.
    #[must_use]
    pub fn server_now(&self) -> Timestamp {
        self.client.0.watchlist.borrow().server_now(clock::now())
    }

    /// Sets whether the subscriber is on screen: those off screen cause no requests.
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

    /// Calls the subscriber again once there is a result. Replaces an earlier setting.
    pub(crate) fn rerender_on_result(&self) {
        self.set_rerender(Some(RerenderAt::Result));
    }

    /// Calls the subscriber again after about `wait`. Replaces an earlier setting.
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
        // Dropped after the borrow: dropping the callback may drop other subscriptions.
        let _subscriber = self.client.0.subscribers.borrow_mut().all.try_remove(self.place);
        self.client.0.watchlist.borrow_mut().unwatch(&self.user, clock::now());
        self.client.0.schedule_tick();
    }
}
