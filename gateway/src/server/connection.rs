//! The connection that a request came on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, OwnedSemaphorePermit, watch};

/// An extension of every request, so that a reply without an end can say so. Clones are the same
/// connection.
#[derive(Clone, Debug)]
pub(crate) struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Counts it among the connections for requests. `None` once it carries a stream.
    permit: Mutex<Option<OwnedSemaphorePermit>>,
    carries_stream: AtomicBool,
    aborted: Notify,
    shutdown: watch::Receiver<()>,
}

impl Connection {
    pub(super) fn new(permit: OwnedSemaphorePermit, shutdown: watch::Receiver<()>) -> Self {
        Self(Arc::new(Inner {
            permit: Mutex::new(Some(permit)),
            carries_stream: AtomicBool::new(false),
            aborted: Notify::new(),
            shutdown,
        }))
    }

    /// From now on the connection carries a stream, its last reply: it does not count among the
    /// connections for requests.
    pub(crate) fn carry_stream(&self) {
        self.0.carries_stream.store(true, Ordering::Relaxed);
        drop(self.take_permit());
    }

    /// Its permit, if it counts among the connections for requests.
    pub(super) fn take_permit(&self) -> Option<OwnedSemaphorePermit> {
        self.0.permit.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn carries_stream(&self) -> bool {
        self.0.carries_stream.load(Ordering::Relaxed)
    }

    /// Closes the connection, whatever is left to be sent.
    pub(crate) fn abort(&self) {
        self.0.aborted.notify_one();
    }

    pub(super) async fn aborted(&self) {
        self.0.aborted.notified().await;
    }

    /// Completes when the server shuts down.
    pub(crate) async fn shutdown(&self) {
        // An error: the server is gone.
        let _ = self.0.shutdown.clone().changed().await;
    }
}
