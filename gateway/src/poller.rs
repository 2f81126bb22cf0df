//! Drives the store: asks Zulip what the engine wants asked, and wakes whoever waits for it.

use std::collections::HashMap;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use zulip_presence_core::reply::RequestError;
use zulip_presence_core::watchlist::{Query, Request, RequestId};

use crate::clock;
use crate::config::allow_list::{AllowList, InvalidLine};
use crate::config::zuliprc::ZulipCredentials;
use crate::http::response_cache::ResponseCache;
use crate::metrics::{Kind, Metrics};
use crate::store::{Actions, MAX_WAIT, ParsedResponse, Store, StoreConfig};
use crate::zulip::client::ZulipClient;
use crate::zulip::directory::Directory;

/// The directory of 20,000 people is no small request.
const DIRECTORY_TIMEOUT: Duration = Duration::from_secs(30);
/// Statuses change by age all the time; nothing here depends on catching each change.
const MIN_WAIT: Duration = Duration::from_millis(250);
/// How often the files that may change are looked at.
const FILE_INTERVAL: Duration = Duration::from_secs(5);

/// All that requests share.
#[derive(Debug)]
pub(crate) struct Gateway {
    store: Mutex<Store>,
    client: Mutex<ZulipClient>,
    pub(crate) metrics: Metrics,
    pub(crate) response_cache: ResponseCache,
    /// Counts what happened: what was rendered before is out of date.
    epoch: AtomicU64,
    /// Something happened that the driver must look at.
    wake: Notify,
    /// Something happened that waiting pages must look at.
    answered: watch::Sender<()>,
}

/// The `--people` file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// It cannot be read.
    #[error("cannot read the people file {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A line names nobody.
    #[error("{}:{line}: expected a user ID or an email, `!` before it to exclude, `#` before a comment", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

impl Gateway {
    /// Starts asking, which ends with the runtime.
    pub(crate) fn start(
        client: ZulipClient,
        zuliprc: Option<PathBuf>,
        policy: StoreConfig,
        people: Option<PathBuf>,
    ) -> Result<Arc<Self>, PeopleError> {
        let allowed = people.as_deref().map(load_people).transpose()?.unwrap_or_default();
        let gateway = Arc::new(Self {
            store: Mutex::new(Store::new(policy, allowed, clock::now())),
            client: Mutex::new(client),
            metrics: Metrics::default(),
            response_cache: ResponseCache::default(),
            epoch: AtomicU64::new(0),
            wake: Notify::new(),
            answered: watch::Sender::new(()),
        });
        tokio::spawn(run_poll_loop(Arc::clone(&gateway)));
        if let Some(path) = people {
            let this = Arc::clone(&gateway);
            tokio::spawn(async move { watch_file(&path, || this.reload_people(&path)).await });
        }
        if let Some(path) = zuliprc {
            let this = Arc::clone(&gateway);
            tokio::spawn(async move { watch_file(&path, || this.reload_credentials(&path)).await });
        }
        Ok(gateway)
    }

    /// The store. A panic elsewhere leaves it consistent enough to go on with: it is refilled by
    /// the next reply.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `ask` until it has an answer: at once, then whenever Zulip answered, and with `false`
    /// when the patience is over.
    pub(crate) async fn wait_for_result<T>(
        &self,
        mut ask: impl FnMut(&mut Store, bool) -> Option<T>,
    ) -> Option<T> {
        let mut answered = self.answered.subscribe();
        let deadline = tokio::time::Instant::now() + MAX_WAIT;
        loop {
            let answer = ask(&mut self.store(), true);
            if answer.is_some() {
                return answer;
            }
            self.wake.notify_one();
            if tokio::time::timeout_at(deadline, answered.changed()).await.is_err() {
                return ask(&mut self.store(), false);
            }
        }
    }

    /// Another one whenever what is known changed.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(Ordering::Acquire)
    }

    fn publish_change(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
        self.wake.notify_one();
        self.answered.send_replace(());
    }

    fn client(&self) -> ZulipClient {
        self.client.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Of a file that cannot be read, or is wrong, nothing is taken.
    fn reload_people(&self, path: &Path) {
        match load_people(path) {
            Ok(allowed) => {
                tracing::info!(file = %path.display(), "the people file was read again");
                self.store().allow(allowed, clock::now());
                self.publish_change();
            }
            Err(error) => tracing::error!(%error, "the people who were allowed before still are"),
        }
    }

    /// Of a file that cannot be read, or is wrong, nothing is taken.
    fn reload_credentials(&self, path: &Path) {
        let before = self.client();
        let credentials = match ZulipCredentials::load(Some(path), |name| std::env::var(name).ok())
        {
            Ok(credentials) if credentials == *before.credentials() => return,
            Ok(credentials) if credentials.site != before.site() => {
                tracing::error!(
                    site = credentials.site,
                    "the zuliprc names another site: that counts from the next start on"
                );
                return;
            }
            Ok(credentials) => credentials,
            Err(error) => {
                tracing::error!(%error, "Zulip is asked by the former zuliprc still");
                return;
            }
        };
        match ZulipClient::new(credentials) {
            Ok(client) => {
                tracing::info!(file = %path.display(), bot = client.email(), "the zuliprc was read again");
                *self.client.lock().unwrap_or_else(PoisonError::into_inner) = client;
                self.store().credentials_changed(clock::now());
                self.publish_change();
            }
            Err(error) => tracing::error!(%error, "Zulip is asked by the former zuliprc still"),
        }
    }

    /// A 401 imposes a long wait; not if it was meant for a key that has been replaced since.
    fn ignore_stale_unauthorized(&self, asked_by: &ZulipClient, failure: Option<RequestError>) {
        if failure == Some(RequestError::Unauthorized) && !asked_by.same_account(&self.client()) {
            self.store().credentials_changed(clock::now());
        }
    }

    async fn fetch_directory(&self) {
        let client = self.client();
        let reply = tokio::time::timeout(DIRECTORY_TIMEOUT, client.get("users")).await;
        let directory = match reply {
            Err(_) => Err(RequestError::TimedOut),
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(reply)) => match reply.status {
                200 => Directory::parse(&reply.body).map_err(|_| RequestError::InvalidResponse),
                // The core reads what an error asks for.
                _ => Err(reply.realm().err().unwrap_or(RequestError::InvalidResponse)),
            },
        };
        let (failure, now) = (directory.as_ref().err().copied(), clock::now());
        self.record_outcome(Kind::Directory, failure);
        match directory {
            Ok(directory) => self.store().directory_fetched(directory, now),
            Err(failure) => self.store().directory_failed(failure, now),
        }
        self.ignore_stale_unauthorized(&client, failure);
        self.publish_change();
    }

    async fn fetch(&self, Request { id, query }: Request) {
        let (client, asked_at) = (self.client(), clock::now().monotonic);
        let news =
            client.get(&query.path()).await.and_then(|reply| ParsedResponse::read(&query, &reply));
        let (failure, now) = (news.as_ref().err().copied(), clock::now());
        match news {
            Ok(news) => self.store().answered(id, news, asked_at, now),
            Err(failure) => self.store().failed(id, failure, now),
        }
        self.ignore_stale_unauthorized(&client, failure);
        self.record_outcome(kind(&query), failure);
        self.publish_change();
    }

    fn record_outcome(&self, kind: Kind, failure: Option<RequestError>) {
        self.metrics.upstream(kind, failure);
        if let Some(failure) = failure {
            let fix = remedy(failure);
            tracing::warn!(
                request = kind.as_str(),
                outcome = describe(failure),
                fix,
                "Zulip gave no answer"
            );
        }
    }
}

fn kind(ask: &Query) -> Kind {
    match ask {
        Query::User(_) => Kind::Single,
        Query::Group(_) | Query::AllUsers => Kind::Realm,
    }
}

pub(crate) fn describe(failure: RequestError) -> String {
    match failure {
        RequestError::Unreachable => "unreachable".into(),
        RequestError::TimedOut => "timed out".into(),
        RequestError::Unauthorized => "401 unauthorized".into(),
        RequestError::RateLimited { retry_after: Some(wait) } => {
            format!("429 rate limited for {} s", wait.as_secs_f32().ceil())
        }
        RequestError::RateLimited { retry_after: None } => "429 rate limited".into(),
        RequestError::Status { code, .. } => format!("status {code}"),
        RequestError::InvalidResponse => "not a reply of Zulip's API".into(),
    }
}

pub(crate) fn remedy(failure: RequestError) -> &'static str {
    match failure {
        RequestError::Unreachable | RequestError::TimedOut => {
            "check that the site is right and can be reached from here"
        }
        RequestError::Unauthorized => {
            "check email and key: regenerate the key in Zulip and put the new zuliprc in place"
        }
        RequestError::RateLimited { .. } => {
            "something else uses the same key: give the gateway a bot of its own, or lower --budget"
        }
        RequestError::Status { code: 300..=399, .. } => {
            "the site redirects: write the address to which it does into the zuliprc"
        }
        RequestError::Status { .. } => "see the Zulip server's own logs",
        RequestError::InvalidResponse => {
            "check that the site is the Zulip organisation itself, not a login proxy before it"
        }
    }
}

async fn run_poll_loop(this: Arc<Gateway>) {
    let mut flights: HashMap<RequestId, AbortHandle> = HashMap::new();
    loop {
        let Actions { abandoned, requests, directory, wait } = this.store().step(clock::now());
        if !abandoned.is_empty() {
            this.answered.send_replace(());
        }
        for id in abandoned {
            this.record_outcome(Kind::Realm, Some(RequestError::TimedOut));
            if let Some(flight) = flights.remove(&id) {
                flight.abort();
            }
        }
        flights.retain(|_, flight| !flight.is_finished());
        for request in requests {
            let (id, this) = (request.id, Arc::clone(&this));
            let flight = tokio::spawn(async move { this.fetch(request).await });
            flights.insert(id, flight.abort_handle());
        }
        if directory {
            let this = Arc::clone(&this);
            tokio::spawn(async move { this.fetch_directory().await });
        }
        let _ = tokio::time::timeout(wait.max(MIN_WAIT), this.wake.notified()).await;
    }
}

pub(crate) fn load_people(path: &Path) -> Result<AllowList, PeopleError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| PeopleError::Unreadable { path: path.to_owned(), source })?;
    AllowList::parse(&text)
        .map_err(|InvalidLine(line)| PeopleError::Line { path: path.to_owned(), line })
}

/// Calls `changed` when the file at `path` is another one than it was.
async fn watch_file(path: &Path, changed: impl Fn()) {
    // Not the time of modification, which a copy may keep.
    let stamp =
        || std::fs::metadata(path).map(|meta| (meta.ino(), meta.ctime(), meta.ctime_nsec())).ok();
    let mut last = stamp();
    loop {
        tokio::time::sleep(FILE_INTERVAL).await;
        let now = stamp();
        if now != last {
            changed();
        }
        last = now;
    }
}
