//! Reads Zulip's event queue, and tells the store what happens.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use zulip_presence_core::reply::RequestError;

use crate::clock;
use crate::metrics::{Kind, Metrics};
use crate::store::shared::SharedStore;
use crate::zulip::client::ZulipClient;
use crate::zulip::event_queue::requests::{self, PollError};
use crate::zulip::event_queue::wire::Events;
use crate::zulip::event_queue::{Action, Change, EventQueue, QueueError};
use crate::zulip::failure::{ClientError, describe, remedy};

/// Until a request fits into the budget again.
const BUDGET_WAIT: Duration = Duration::from_secs(1);

/// Reads one event queue.
#[derive(Debug)]
pub(crate) struct EventLoop {
    store: Arc<SharedStore>,
    metrics: Arc<Metrics>,
    clients: watch::Receiver<ZulipClient>,
    budget: u32,
    seed: u64,
    /// The open queue, and who registered it.
    open: Mutex<Option<(ZulipClient, String)>>,
}

impl EventLoop {
    /// `clients`: the client to use, whenever it changes.
    pub(crate) fn new(
        store: Arc<SharedStore>,
        metrics: Arc<Metrics>,
        clients: watch::Receiver<ZulipClient>,
        budget: u32,
        seed: u64,
    ) -> Self {
        Self { store, metrics, clients, budget, seed, open: Mutex::new(None) }
    }

    fn set_open(&self, open: Option<(ZulipClient, String)>) -> Option<(ZulipClient, String)> {
        std::mem::replace(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner), open)
    }

    /// Ends the open queue.
    pub(crate) async fn end_queue(&self) {
        if let Some((client, queue_id)) = self.set_open(None) {
            let ended = requests::delete(&client, &queue_id).await;
            tracing::debug!(is_ended = ended.is_ok(), "the event queue");
        }
    }

    /// Completes when Zulip answers other requests: in an outage, or with a wrong key, a queue would
    /// only be one more request that fails.
    async fn until_healthy(&self) {
        let mut epoch = self.store.epoch();
        while !self.store.lock().is_healthy() {
            // An error: the gateway ends.
            let _ = epoch.changed().await;
        }
    }

    fn apply(&self, events: &Events) {
        let now = clock::now();
        let mut is_changed = false;
        let mut store = self.store.lock();
        for event in &events.events {
            self.metrics.event(event.kind());
            is_changed |= store.event(event, now);
        }
        drop(store);
        if is_changed {
            self.store.publish_change();
        }
        self.store.wake_poll_loop();
    }

    fn tell(&self, change: Option<Change>, failure: Option<&ClientError>) {
        match change {
            None => {}
            Some(Change::Live) => {
                self.metrics.set_events_arrive(true);
                tracing::info!("Zulip sends events: who comes is shown at once");
            }
            Some(Change::Down) => {
                self.metrics.set_events_arrive(false);
                self.store.wake_poll_loop();
                tracing::warn!(
                    outcome =
                        failure.map_or("the queue is lost".into(), |error| describe(error.kind)),
                    cause = failure.and_then(|error| error.cause.as_ref()).map(ToString::to_string),
                    fix = failure.map(remedy),
                    "Zulip sends no events: who comes is shown at the next poll"
                );
            }
        }
    }

    /// Reads queues for `client`, one after the other.
    async fn run_for(&self, client: &ZulipClient, queue: &mut EventQueue) {
        let with_statuses = self.store.lock().shows_statuses();
        let mut is_again = false;
        loop {
            let action = queue.next(clock::now().monotonic);
            if let Action::Wait(wait) = action {
                tokio::time::sleep(wait).await;
                continue;
            }
            if action == Action::Register {
                self.until_healthy().await;
            }
            while !self.store.lock().try_acquire(clock::now()) {
                tokio::time::sleep(BUDGET_WAIT).await;
            }
            let failure = match action {
                Action::Wait(_) => continue,
                Action::Register => match requests::register(client, with_statuses).await {
                    Ok(registered) => {
                        self.metrics.upstream(Kind::Register, None);
                        self.set_open(Some((client.clone(), registered.queue_id.clone())));
                        let now = clock::now();
                        let change = queue.registered(&registered, now.monotonic);
                        let mut store = self.store.lock();
                        store.queue_registered(&registered, is_again, now);
                        store.set_told(queue.is_live());
                        drop(store);
                        self.tell(change, None);
                        self.store.publish_change();
                        is_again = true;
                        continue;
                    }
                    Err(error) => {
                        self.metrics.upstream(Kind::Register, Some(error.kind));
                        PollError::Request(error)
                    }
                },
                Action::Poll { queue_id, last_event_id, time_limit } => {
                    match requests::poll(client, &queue_id, last_event_id, time_limit).await {
                        Ok(events) => {
                            self.metrics.upstream(Kind::Events, None);
                            self.apply(&events);
                            let change = queue.polled(&events);
                            self.store.lock().set_told(queue.is_live());
                            self.tell(change, None);
                            continue;
                        }
                        Err(failure) => {
                            let kind = match &failure {
                                PollError::Lost => {
                                    RequestError::Status { code: 400, retry_after: None }
                                }
                                PollError::Request(error) => error.kind,
                            };
                            self.metrics.upstream(Kind::Events, Some(kind));
                            failure
                        }
                    }
                }
            };
            let (error, failure) = match failure {
                PollError::Lost => {
                    self.set_open(None);
                    (QueueError::Lost, None)
                }
                PollError::Request(error) => (QueueError::Request(error.kind), Some(error)),
            };
            let change = queue.failed(error, clock::now().monotonic);
            self.store.lock().set_told(queue.is_live());
            self.tell(change, failure.as_ref());
        }
    }
}

/// Reads Zulip's events, for as long as the runtime lives.
pub(crate) async fn run_event_loop(this: Arc<EventLoop>) {
    let mut clients = this.clients.clone();
    let mut queue = EventQueue::new(this.budget, this.seed, clock::now().monotonic);
    loop {
        let client = clients.borrow_and_update().clone();
        tokio::select! {
            () = this.run_for(&client, &mut queue) => {}
            changed = clients.changed() => {
                if changed.is_err() {
                    // The gateway ends.
                    std::future::pending::<()>().await;
                }
            }
        }
        queue.account_changed(clock::now().monotonic);
        this.store.lock().set_told(queue.is_live());
        this.end_queue().await;
    }
}
