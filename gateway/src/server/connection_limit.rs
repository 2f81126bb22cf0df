//! Limits the number of connections. At the limit, a new connection evicts the one that has been idle
//! longest.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Poll;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// Hands out permits for connections.
pub(super) struct ConnectionLimiter {
    permits: Arc<Semaphore>,
    /// Wakes the idle connection that has waited longest.
    eviction: Notify,
}

impl ConnectionLimiter {
    pub(super) fn new(limit: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(limit)), eviction: Notify::new() }
    }

    /// A permit for one more connection. Evicts an idle connection if none is left.
    pub(super) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Some(permit);
        }
        self.evict_one();
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// Ends the connection that has been idle longest, now or as soon as one is idle.
    pub(super) fn evict_one(&self) {
        self.eviction.notify_one();
    }

    /// Drives `connection` until it ends by itself or is evicted, which happens only while
    /// `is_idle`.
    pub(super) async fn run_until_evicted(
        &self,
        mut connection: Pin<&mut impl Future>,
        requests: &RequestCount,
        is_idle: impl Fn() -> bool,
    ) {
        let mut eviction = pin!(self.eviction.notified());
        let mut last = 0;
        poll_fn(|context| {
            // Errors on a connection are the client's.
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let count = requests.0.load(Ordering::Relaxed);
            if count != last {
                last = count;
                // It was used just now, and goes to the end of the queue.
                eviction.set(self.eviction.notified());
            }
            if is_idle() { eviction.as_mut().poll(context) } else { Poll::Pending }
        })
        .await;
    }
}

/// Counts starts and ends of requests on one connection: odd while one is being served.
#[derive(Clone, Default)]
pub(super) struct RequestCount(Arc<AtomicU64>);

impl RequestCount {
    /// Whether no request is being served.
    pub(super) fn is_even(&self) -> bool {
        self.0.load(Ordering::Relaxed).is_multiple_of(2)
    }

    /// Counts the start and the end of `answer`.
    pub(super) async fn during<T>(self, answer: impl Future<Output = T>) -> T {
        self.0.fetch_add(1, Ordering::Relaxed);
        let answer = answer.await;
        self.0.fetch_add(1, Ordering::Relaxed);
        answer
    }
}
