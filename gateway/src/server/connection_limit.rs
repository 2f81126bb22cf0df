//! Limits the number of connections. At the limit, a new connection takes the place of the one that has
//! waited longest for a request.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::Instant;

use super::activity::{Activity, State};

/// A connection keeps its place for this time while its first request, or the rest of one, is under way.
/// Packets of one request follow each other faster; who sends slowly on purpose gets no more than this.
const REQUEST_GRACE: Duration = Duration::from_millis(500);

/// Takes the permit of a connection that was ended for another.
type Successor = oneshot::Sender<OwnedSemaphorePermit>;

/// Hands out permits for connections.
#[derive(Debug)]
pub(super) struct ConnectionLimiter {
    permits: Arc<Semaphore>,
    waiting: Mutex<WaitingConnections>,
    /// A connection began to wait.
    changed: Notify,
}

/// The connections that wait for a request.
#[derive(Debug, Default)]
struct WaitingConnections {
    next: u64,
    /// By the instant from which each may be ended.
    evictions: BTreeMap<(Instant, u64), oneshot::Sender<Successor>>,
}

/// A connection's entry among those that wait, until this is dropped.
struct Waiting<'a> {
    limiter: &'a ConnectionLimiter,
    key: (Instant, u64),
    evicted: oneshot::Receiver<Successor>,
}

impl ConnectionLimiter {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(limit)),
            waiting: Mutex::default(),
            changed: Notify::new(),
        }
    }

    /// A permit for one more connection. If none is left, a waiting connection is ended, now or as soon
    /// as there is one.
    pub(super) async fn acquire(&self) -> Option<OwnedSemaphorePermit> {
        loop {
            if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
                return Some(permit);
            }
            if let Some(permit) = self.evict().await {
                return Some(permit);
            }
            let next = self.waiting().evictions.first_key_value().map(|((from, _), _)| *from);
            tokio::select! {
                permit = Arc::clone(&self.permits).acquire_owned() => return permit.ok(),
                () = self.changed.notified() => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// Ends the connection that has waited longest, and returns its permit. `None`: there is none that
    /// may be ended now.
    pub(super) async fn evict(&self) -> Option<OwnedSemaphorePermit> {
        while let Some(eviction) = self.next_eviction() {
            let (successor, permit) = oneshot::channel();
            // Without a permit: it was just used again.
            if eviction.send(successor).is_ok()
                && let Ok(permit) = permit.await
            {
                return Some(permit);
            }
        }
        None
    }

    fn next_eviction(&self) -> Option<oneshot::Sender<Successor>> {
        let evictions = &mut self.waiting().evictions;
        let first = evictions.first_entry().filter(|first| first.key().0 <= Instant::now())?;
        Some(first.remove())
    }

    /// Drives `connection` until it ends by itself, or until it is to be ended for another, to which its
    /// permit is due. That happens only while it waits for a request.
    pub(super) async fn run_until_evicted(
        &self,
        mut connection: Pin<&mut impl Future>,
        activity: &Activity,
    ) -> Option<Successor> {
        let (mut last, mut waiting) = (State::Busy, None);
        poll_fn(|context| {
            // First, as a request may have arrived. Errors on a connection are the client's.
            if connection.as_mut().poll(context).is_ready() {
                return Poll::Ready(None);
            }
            let state = activity.state();
            if state != last {
                last = state;
                waiting = match state {
                    State::Busy => None,
                    State::Waiting(1..) => Some(self.wait(Instant::now())),
                    State::Waiting(0) | State::Reading(_) => {
                        Some(self.wait(Instant::now() + REQUEST_GRACE))
                    }
                };
            }
            match waiting.as_mut().map(|waiting| Pin::new(&mut waiting.evicted).poll(context)) {
                Some(Poll::Ready(Ok(successor))) => Poll::Ready(Some(successor)),
                _ => Poll::Pending,
            }
        })
        .await
    }

    /// Enters a connection that may be ended from `from` on.
    fn wait(&self, from: Instant) -> Waiting<'_> {
        let (eviction, evicted) = oneshot::channel();
        let key = {
            let mut waiting = self.waiting();
            waiting.next += 1;
            let key = (from, waiting.next);
            waiting.evictions.insert(key, eviction);
            key
        };
        self.changed.notify_one();
        Waiting { limiter: self, key, evicted }
    }

    fn waiting(&self) -> MutexGuard<'_, WaitingConnections> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.limiter.waiting().evictions.remove(&self.key);
    }
}

async fn sleep_until(instant: Option<Instant>) {
    match instant {
        Some(instant) => tokio::time::sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::*;

    /// A connection that only reads, and gives its permit to whoever it is ended for.
    async fn reader(limiter: &Arc<ConnectionLimiter>) -> DuplexStream {
        let permit = limiter.acquire().await.expect("one is left");
        let (client, stream) = tokio::io::duplex(64);
        let (limiter, activity) = (Arc::clone(limiter), Activity::default());
        let mut stream = activity.observe(stream);
        tokio::spawn(async move {
            let connection = pin!(async move { while stream.read(&mut [0; 16]).await.is_ok() {} });
            if let Some(successor) = limiter.run_until_evicted(connection, &activity).await {
                let _ = successor.send(permit);
            }
        });
        tokio::task::yield_now().await;
        client
    }

    #[tokio::test(start_paused = true)]
    async fn request_under_way_keeps_its_place_for_the_grace() {
        for sent in ["", "GET / HT"] {
            let limiter = Arc::new(ConnectionLimiter::new(1));
            let mut client = reader(&limiter).await;
            client.write_all(sent.as_bytes()).await.expect("it reads");
            tokio::task::yield_now().await;
            let started = Instant::now();
            assert!(limiter.acquire().await.is_some());
            assert_eq!(started.elapsed(), REQUEST_GRACE, "{sent:?}");
            assert!(client.write_all(b"P/1.1").await.is_err(), "it was ended");
        }
    }

    /// What was sent to a connection before it is ended counts: another one is ended.
    #[tokio::test(start_paused = true)]
    async fn connection_that_is_used_again_is_not_evicted() {
        let limiter = Arc::new(ConnectionLimiter::new(2));
        let mut clients = Vec::new();
        for _ in 0..2 {
            clients.push(reader(&limiter).await);
            tokio::time::sleep(REQUEST_GRACE).await;
        }
        clients[0].write_all(b"GET / HT").await.expect("it reads");
        assert!(limiter.acquire().await.is_some());
        assert!(clients[1].write_all(b"GET / HT").await.is_err(), "it was ended");
        assert!(clients[0].write_all(b"TP/1.1").await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_evicted_for_who_got_another_place() {
        let limiter = Arc::new(ConnectionLimiter::new(2));
        let permit = limiter.acquire().await.expect("one is left");
        let mut client = reader(&limiter).await;
        let newcomer = tokio::spawn({
            let limiter = Arc::clone(&limiter);
            async move { limiter.acquire().await }
        });
        tokio::task::yield_now().await;
        drop(permit);
        let _permit = newcomer.await.expect("no panic").expect("the one that was given back");
        tokio::time::sleep(REQUEST_GRACE * 2).await;
        assert!(client.write_all(b"GET / HTTP/1.1").await.is_ok());
    }
}
