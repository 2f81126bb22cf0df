//! The store, shared by requests, the poller and the reloader.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, watch};

use crate::store::{MAX_WAIT, Store};

/// The poll loop runs at least every 30 s. After this time without a run it is stuck or gone.
const MAX_TURN: Duration = Duration::from_secs(60);

/// A store behind a lock, and a signal to those who wait for a change.
#[derive(Debug)]
pub(crate) struct SharedStore {
    store: Mutex<Store>,
    /// Counts changes: what was rendered in an earlier epoch is out of date.
    epoch: watch::Sender<u64>,
    /// Wakes the poll loop.
    wake: Notify,
    /// When the poll loop began its latest run.
    turned_at: Mutex<Instant>,
}

impl SharedStore {
    pub(crate) fn new(store: Store) -> Self {
        Self {
            store: Mutex::new(store),
            epoch: watch::Sender::new(0),
            wake: Notify::new(),
            turned_at: Mutex::new(Instant::now()),
        }
    }

    /// The store. A panic elsewhere leaves it consistent enough to go on with: it is refilled by
    /// the next reply.
    pub(crate) fn lock(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `lookup` until it returns a result: at once, then after each upstream response; the
    /// last call, after [`MAX_WAIT`], passes `can_wait = false`.
    pub(crate) async fn wait_for_result<T>(
        &self,
        mut lookup: impl FnMut(&mut Store, bool) -> Option<T>,
    ) -> Option<T> {
        let mut epoch = self.epoch.subscribe();
        let deadline = tokio::time::Instant::now() + MAX_WAIT;
        loop {
            let result = lookup(&mut self.lock(), true);
            if result.is_some() {
                return result;
            }
            self.wake.notify_one();
            if tokio::time::timeout_at(deadline, epoch.changed()).await.is_err() {
                return lookup(&mut self.lock(), false);
            }
        }
    }

    /// Counts changes of what is known.
    pub(crate) fn epoch(&self) -> watch::Receiver<u64> {
        self.epoch.subscribe()
    }

    /// Wakes the poll loop and all waiting requests; cached replies are out of date.
    pub(crate) fn publish_change(&self) {
        self.epoch.send_modify(|epoch| *epoch += 1);
        self.wake.notify_one();
    }

    /// Wakes the poll loop: something is due.
    pub(crate) fn wake_poll_loop(&self) {
        self.wake.notify_one();
    }

    /// Completes when the poll loop has work.
    pub(crate) async fn woken(&self) {
        self.wake.notified().await;
    }

    /// Records that the poll loop began a run at `now`.
    pub(crate) fn record_turn(&self, now: Instant) {
        *self.turned_at.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Whether the poll loop runs.
    pub(crate) fn is_polled(&self, now: Instant) -> bool {
        let turned_at = *self.turned_at.lock().unwrap_or_else(PoisonError::into_inner);
        now.saturating_duration_since(turned_at) <= MAX_TURN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::store::StoreConfig;
    use crate::zulip::allow_list::AllowList;

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_zulip_longer_than_the_limit() {
        let store = SharedStore::new(Store::new(
            StoreConfig::default(),
            AllowList::default(),
            clock::now(),
        ));
        let started = tokio::time::Instant::now();
        let result = store.wait_for_result(|_, can_wait| (!can_wait).then_some("nothing")).await;
        assert_eq!((result, started.elapsed()), (Some("nothing"), MAX_WAIT));
        assert!(MAX_WAIT <= Duration::from_secs(5), "docs/gateway.md promises it");
    }
}
