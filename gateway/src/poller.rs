//! The poll loop: sends the requests that the store returns and passes it the replies.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};
use zulip_presence_core::reply::RequestError;
use zulip_presence_core::watchlist::{Query, Request, RequestId};

use crate::clock;
use crate::metrics::{Kind, Metrics};
use crate::store::shared::SharedStore;
use crate::store::{Account, Actions, UserId};
use crate::zulip::client::ZulipClient;
use crate::zulip::directory::Directory;
use crate::zulip::failure::{
    ClientError, PRESENCE_DISABLED, PRESENCE_DISABLED_FIX, describe, remedy,
};
use crate::zulip::user_status::UserStatus;

/// The directory of 20,000 people is a large reply.
const DIRECTORY_TIMEOUT: Duration = Duration::from_secs(30);
/// Statuses change by age all the time; nothing here depends on catching each change.
const STATUS_TIMEOUT: Duration = Duration::from_secs(10);
const MIN_WAIT: Duration = Duration::from_millis(250);

/// Polls Zulip for the store.
#[derive(Debug)]
pub(crate) struct Poller {
    store: Arc<SharedStore>,
    client: watch::Sender<ZulipClient>,
    metrics: Arc<Metrics>,
}

impl Poller {
    pub(crate) fn new(store: Arc<SharedStore>, client: ZulipClient, metrics: Arc<Metrics>) -> Self {
        Self { store, client: watch::Sender::new(client), metrics }
    }

    /// The client that the next request uses.
    pub(crate) fn client(&self) -> ZulipClient {
        self.client.borrow().clone()
    }

    /// The client to use, whenever it changes.
    pub(crate) fn clients(&self) -> watch::Receiver<ZulipClient> {
        self.client.subscribe()
    }

    /// Uses `client` from the next request on.
    pub(crate) fn set_client(&self, client: ZulipClient) {
        self.client.send_replace(client);
    }

    async fn fetch_directory(&self, account: Account) {
        let reply = tokio::time::timeout(DIRECTORY_TIMEOUT, self.client().get("users")).await;
        let directory = match reply {
            Err(_) => Err(RequestError::TimedOut.into()),
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(reply)) => match reply.status {
                200 => Directory::parse(&reply.body)
                    .map_err(|_| ClientError::from(RequestError::InvalidResponse)),
                // The core parses the wait that an error imposes.
                _ => Err(reply.error()),
            },
        };
        let (error, now) = (directory.as_ref().err().cloned(), clock::now());
        self.record_outcome(Kind::Directory, error.as_ref());
        match directory {
            Ok(directory) => self.store.lock().directory_fetched(directory, account, now),
            Err(error) => self.store.lock().directory_failed(error.kind, account, now),
        }
        self.store.publish_change();
    }

    async fn fetch(&self, request: Request) {
        // Parsed before the store is locked: 20,000 people take a while.
        let reply = self.client().get(&request.query.path()).await;
        let response = reply.and_then(|reply| reply.parse(&request.query));
        let (error, now) = (response.as_ref().err().cloned(), clock::now());
        match response {
            Ok(response) => self.store.lock().handle_response(request.id, response, now),
            Err(error) => self.store.lock().handle_error(&request, error.kind, now),
        }
        self.record_outcome(kind(&request.query), error.as_ref());
        self.store.publish_change();
    }

    async fn fetch_status(&self, id: UserId, account: Account) {
        let path = format!("users/{id}/status");
        let reply = tokio::time::timeout(STATUS_TIMEOUT, self.client().get(&path)).await;
        let fetched = match reply {
            Err(_) => Err(RequestError::TimedOut.into()),
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(reply)) => match (reply.status, serde_json::from_slice::<Value>(&reply.body)) {
                (200, Ok(body)) if body["status"].is_object() => {
                    Ok(UserStatus::from(&body["status"]))
                }
                // Nobody of that ID any more.
                (400, Ok(body)) if body["code"] == "BAD_REQUEST" => Ok(UserStatus::default()),
                (200, _) => Err(RequestError::InvalidResponse.into()),
                _ => Err(reply.error()),
            },
        };
        // Without a line in the log: servers before feature level 262 do not know the request.
        self.metrics.upstream(Kind::Status, fetched.as_ref().err().map(|error| error.kind));
        let fetched = fetched.map_err(|error: ClientError| error.kind);
        self.store.lock().status_fetched(id, fetched, account, clock::now());
        self.store.publish_change();
    }

    fn record_outcome(&self, kind: Kind, error: Option<&ClientError>) {
        self.metrics.upstream(kind, error.map(|error| error.kind));
        if let Some(error) = error {
            tracing::warn!(
                request = kind.as_str(),
                outcome = describe(error.kind),
                cause = error.cause.as_ref().map(ToString::to_string),
                fix = remedy(error),
                "Zulip gave no answer"
            );
        }
    }
}

/// Carries out the store's actions, for as long as the runtime lives.
///
/// # Panics
/// If a task of a request panicked: its reply would never arrive.
pub(crate) async fn run_poll_loop(this: Arc<Poller>) {
    let mut fetches = JoinSet::new();
    let mut flights: HashMap<RequestId, AbortHandle> = HashMap::new();
    let mut was_disabled = false;
    loop {
        this.store.record_turn(Instant::now());
        let (Actions { timed_out, discarded, requests, directory, status, wait }, is_disabled) = {
            let mut store = this.store.lock();
            (store.step(clock::now()), store.is_presence_disabled())
        };
        if is_disabled && !was_disabled {
            tracing::warn!(fix = PRESENCE_DISABLED_FIX, "{PRESENCE_DISABLED}");
        } else if was_disabled && !is_disabled {
            tracing::info!("Zulip reports presence again");
        }
        was_disabled = is_disabled;
        for Request { query, .. } in &timed_out {
            this.record_outcome(kind(query), Some(&RequestError::TimedOut.into()));
        }
        if !timed_out.is_empty() {
            this.store.publish_change();
        }
        for Request { id, .. } in timed_out.into_iter().chain(discarded) {
            if let Some(flight) = flights.remove(&id) {
                flight.abort();
            }
        }
        flights.retain(|_, flight| !flight.is_finished());
        for request in requests {
            let (id, this) = (request.id, Arc::clone(&this));
            flights.insert(id, fetches.spawn(async move { this.fetch(request).await }));
        }
        if let Some(account) = directory {
            let this = Arc::clone(&this);
            fetches.spawn(async move { this.fetch_directory(account).await });
        }
        if let Some((id, account)) = status {
            let this = Arc::clone(&this);
            fetches.spawn(async move { this.fetch_status(id, account).await });
        }
        tokio::select! {
            () = tokio::time::sleep(wait.max(MIN_WAIT)) => {}
            () = this.store.woken() => {}
        }
        while let Some(ended) = fetches.try_join_next() {
            if let Err(error) = ended
                && let Ok(panic) = error.try_into_panic()
            {
                std::panic::resume_unwind(panic);
            }
        }
    }
}

fn kind(query: &Query) -> Kind {
    match query {
        Query::User(_) | Query::Message(_) => Kind::Single,
        Query::Group(_) | Query::Stream(_) | Query::AllUsers => Kind::Realm,
    }
}
