//! One subscriber of a client.

use core::cell::Cell;
use core::time::Duration;

use zulip_presence_core::UserRef;
use zulip_presence_core::watchlist::View;

use super::clock;
use super::presence_client::PresenceClient;
use super::subscribers::{OnPresence, PresenceNow, RerenderAt, Subscriber};

/// A subscription to one person, until dropped.
pub struct Subscription {
    client: PresenceClient,
    user: UserRef,
    /// The key among the client's subscribers.
    key: usize,
    is_visible: Cell<bool>,
    shows_message: Cell<bool>,
}

impl PresenceClient {
    /// Subscribes to `user`; off screen until [`Subscription::set_visible`] is called.
    /// `on_presence` is called on every change, and when a time in words must be rendered again;
    /// never from within this call.
    pub fn subscribe(&self, user: &UserRef, on_presence: OnPresence) -> Subscription {
        let subscriber = Subscriber::new(user.clone(), on_presence);
        let key = self.0.subscribers.borrow_mut().all.insert(subscriber);
        let now = self.0.event_now();
        self.0.watchlist.borrow_mut().watch(user, now);
        Subscription {
            client: self.clone(),
            user: user.clone(),
            key,
            is_visible: Cell::default(),
            shows_message: Cell::default(),
        }
    }
}

impl Subscription {
    /// The person's presence now.
    #[must_use]
    pub fn view(&self) -> View {
        self.client.view(&self.user)
    }

    /// The person's presence now, as subscribers get it.
    #[must_use]
    pub fn now(&self) -> PresenceNow {
        PresenceNow::of(&self.user, &self.client.0.watchlist.borrow(), clock::now())
    }

    /// Replaces the function that is called on every change.
    pub fn set_on_presence(&self, on_presence: OnPresence) {
        let former = {
            let mut subscribers = self.client.0.subscribers.borrow_mut();
            let subscriber = subscribers.all.get_mut(self.key);
            subscriber.map(|it| core::mem::replace(&mut it.on_presence, on_presence))
        };
        // Dropped after the borrow: dropping the callback may drop other subscriptions.
        drop(former);
    }

    /// The URL of a message to the person in Zulip.
    pub(crate) fn message_url(&self) -> Option<String> {
        self.client.message_url(&self.user)
    }

    /// Requests the person's presence immediately, but at most once every 10 s.
    pub fn refresh(&self) {
        self.client.refresh(&self.user);
    }

    /// Sets whether the subscriber is on screen: those off screen cause no requests.
    pub fn set_visible(&self, is_visible: bool) {
        if self.is_visible.replace(is_visible) != is_visible {
            self.client.0.event_now();
            let mut watchlist = self.client.0.watchlist.borrow_mut();
            if is_visible {
                watchlist.show(&self.user);
            } else {
                watchlist.hide(&self.user);
            }
        }
    }

    /// Sets whether the subscriber shows what the person says of themselves: Zulip itself is asked
    /// for it only then.
    pub fn set_shows_message(&self, shows_message: bool) {
        if self.shows_message.replace(shows_message) != shows_message {
            let now = self.client.0.event_now();
            self.client.0.watchlist.borrow_mut().show_message(&self.user, shows_message, now);
        }
    }

    /// Calls the subscriber again once there is a result. Replaces an earlier setting.
    pub(crate) fn rerender_on_result(&self) {
        self.set_rerender(Some(RerenderAt::Result));
    }

    /// Calls the subscriber again at about `at` on the monotonic clock. Replaces an earlier
    /// setting.
    pub(crate) fn rerender_at(&self, at: Option<Duration>) {
        self.set_rerender(at.map(RerenderAt::Monotonic));
        if at.is_some() {
            self.client.0.event_now();
        }
    }

    fn set_rerender(&self, rerender: Option<RerenderAt>) {
        if let Some(subscriber) = self.client.0.subscribers.borrow_mut().all.get_mut(self.key) {
            subscriber.rerender = rerender;
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.set_visible(false);
        self.set_shows_message(false);
        // Dropped after the borrow: dropping the callback may drop other subscriptions.
        let _subscriber = self.client.0.subscribers.borrow_mut().all.try_remove(self.key);
        let now = self.client.0.event_now();
        self.client.0.watchlist.borrow_mut().unwatch(&self.user, now);
    }
}
