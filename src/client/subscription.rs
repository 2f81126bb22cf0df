//! One subscriber of a client.

use core::time::Duration;

use zulip_presence_core::watchlist::View;
use zulip_presence_core::{Timestamp, UserRef};

use super::clock;
use super::presence_client::PresenceClient;
use super::subscribers::{OnPresence, RerenderAt, Subscriber};

/// A subscription to one person, until dropped.
pub struct Subscription {
    client: PresenceClient,
    place: usize,
}

impl PresenceClient {
    /// Subscribes to `user`, off screen until told otherwise. `on_presence` is called upon every
    /// change, never from within this call.
    pub fn subscribe(&self, user: &UserRef, on_presence: OnPresence) -> Subscription {
        let subscriber = Subscriber {
            user: user.clone(),
            on_presence,
            is_visible: false,
            is_dirty: false,
            rerender: None,
        };
        let place = self.0.subscribers.borrow_mut().all.insert(subscriber);
        self.0.watchlist.borrow_mut().watch(user, clock::now());
        self.0.schedule_tick();
        Subscription { client: self.clone(), place }
    }
}

impl Subscription {
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

    /// Where to write to the person in Zulip.
    pub(crate) fn message_url(&self) -> Option<String> {
        self.client.message_url(&self.user()?)
    }

    /// Requests the person's presence at once, but not more often than every 10 s.
    pub fn refresh(&self) {
        if let Some(user) = self.user() {
            self.client.refresh(&user);
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
