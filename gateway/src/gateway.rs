//! Drives the store: asks Zulip what the engine wants asked, and wakes whoever waits for it.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use zulip_presence_core::reply::Failure;
use zulip_presence_core::watchlist::{Ask, Request, RequestId};

use crate::allowed::{Allowed, NobodyAtLine};
use crate::clock;
use crate::directory::Directory;
use crate::kept::Kept;
use crate::metrics::{Kind, Metrics};
use crate::store::{News, PATIENCE, Policy, Store, Work};
use crate::upstream::Upstream;

/// The directory of 20,000 people is no small request.
const DIRECTORY_TIMEOUT: Duration = Duration::from_secs(30);
/// Statuses change by age all the time; nothing here depends on catching each change.
const LEAST_WAIT: Duration = Duration::from_millis(250);
/// How often the `--people` file is looked at.
const PEOPLE_INTERVAL: Duration = Duration::from_secs(5);

/// All that requests share.
#[derive(Debug)]
pub(crate) struct Gateway {
    store: Mutex<Store>,
    upstream: Upstream,
    people: Option<PathBuf>,
    pub(crate) metrics: Metrics,
    pub(crate) kept: Kept,
    /// Counts what happened: what was rendered before is out of date.
    edition: AtomicU64,
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
    pub(crate) fn start(upstream: Upstream, policy: Policy, people: Option<PathBuf>) -> Result<Arc<Self>, PeopleError> {
        let allowed = people.as_ref().map(read_people).transpose()?.unwrap_or_default();
        let gateway = Arc::new(Self {
            store: Mutex::new(Store::new(policy, allowed, clock::now())),
            upstream,
            people,
            metrics: Metrics::default(),
            kept: Kept::default(),
            edition: AtomicU64::new(0),
            wake: Notify::new(),
            answered: watch::Sender::new(()),
        });
        tokio::spawn(drive(Arc::clone(&gateway)));
        if gateway.people.is_some() {
            tokio::spawn(watch_people(Arc::clone(&gateway)));
        }
        Ok(gateway)
    }

    /// The store. A panic elsewhere leaves it consistent enough to go on with: it is refilled by the next reply.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls `ask` until it has an answer: at once, then whenever Zulip answered, and with `false` when the patience is over.
    pub(crate) async fn settle<T>(&self, mut ask: impl FnMut(&mut Store, bool) -> Option<T>) -> Option<T> {
        let mut answered = self.answered.subscribe();
        let deadline = tokio::time::Instant::now() + PATIENCE;
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
    pub(crate) fn edition(&self) -> u64 {
        self.edition.load(Ordering::Acquire)
    }

    fn happened(&self) {
        self.edition.fetch_add(1, Ordering::AcqRel);
        self.wake.notify_one();
        self.answered.send_replace(());
    }

    async fn fetch_directory(&self) {
        let reply = tokio::time::timeout(DIRECTORY_TIMEOUT, self.upstream.get("users")).await;
        let directory = match reply {
            Err(_) => Err(Failure::TimedOut),
            Ok(Err(failure)) => Err(failure),
            Ok(Ok(reply)) => match reply.status {
                200 => Directory::parse(&reply.body).map_err(|_| Failure::NotZulip),
                // The core reads what an error asks for.
                _ => Err(reply.realm().err().unwrap_or(Failure::NotZulip)),
            },
        };
        self.note(Kind::Directory, directory.as_ref().err().copied());
        let now = clock::now();
        match directory {
            Ok(directory) => self.store().directory_arrived(directory, now),
            Err(failure) => self.store().directory_failed(failure, now),
        }
        self.happened();
    }

    async fn fetch(&self, Request { id, ask }: Request) {
        let asked_at = clock::now().monotonic;
        let news = self.upstream.get(&ask.path()).await.and_then(|reply| News::read(&ask, &reply));
        let (failure, now) = (news.as_ref().err().copied(), clock::now());
        match news {
            Ok(news) => self.store().answered(id, news, asked_at, now),
            Err(failure) => self.store().failed(id, failure, now),
        }
        self.note(kind(&ask), failure);
        self.happened();
    }

    fn note(&self, kind: Kind, failure: Option<Failure>) {
        self.metrics.upstream(kind, failure);
        if let Some(failure) = failure {
            let mend = mend(failure);
            tracing::warn!(request = kind.as_str(), outcome = describe(failure), mend, "Zulip gave no answer");
        }
    }
}

fn kind(ask: &Ask) -> Kind {
    match ask {
        Ask::Single(_) => Kind::Single,
        Ask::Group(_) | Ask::Everybody => Kind::Realm,
    }
}

pub(crate) fn describe(failure: Failure) -> String {
    match failure {
        Failure::Unreachable => "unreachable".into(),
        Failure::TimedOut => "timed out".into(),
        Failure::Unauthorized => "401 unauthorized".into(),
        Failure::RateLimited { retry_after: Some(wait) } => format!("429 rate limited for {} s", wait.as_secs_f32().ceil()),
        Failure::RateLimited { retry_after: None } => "429 rate limited".into(),
        Failure::Status { code, .. } => format!("status {code}"),
        Failure::NotZulip => "not a reply of Zulip's API".into(),
    }
}

pub(crate) fn mend(failure: Failure) -> &'static str {
    match failure {
        Failure::Unreachable | Failure::TimedOut => "check that the site is right and can be reached from here",
        Failure::Unauthorized => "check email and key: regenerate the key in Zulip and put the new zuliprc in place",
        Failure::RateLimited { .. } => "something else uses the same key: give the gateway a bot of its own, or lower --budget",
        Failure::Status { code: 300..=399, .. } => "the site redirects: write the address to which it does into the zuliprc",
        Failure::Status { .. } => "see the Zulip server's own logs",
        Failure::NotZulip => "check that the site is the Zulip organisation itself, not a login proxy before it",
    }
}

async fn drive(this: Arc<Gateway>) {
    let mut flights: HashMap<RequestId, AbortHandle> = HashMap::new();
    loop {
        let Work { abandoned, requests, directory, wait } = this.store().step(clock::now());
        if !abandoned.is_empty() {
            this.answered.send_replace(());
        }
        for id in abandoned {
            this.note(Kind::Realm, Some(Failure::TimedOut));
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
        let _ = tokio::time::timeout(wait.max(LEAST_WAIT), this.wake.notified()).await;
    }
}

pub(crate) fn read_people(path: &PathBuf) -> Result<Allowed, PeopleError> {
    let text = std::fs::read_to_string(path).map_err(|source| PeopleError::Unreadable { path: path.clone(), source })?;
    Allowed::parse(&text).map_err(|NobodyAtLine(line)| PeopleError::Line { path: path.clone(), line })
}

/// Reads the `--people` file again when it changes. A file that cannot be read, or is wrong, changes nothing.
async fn watch_people(this: Arc<Gateway>) {
    let Some(path) = &this.people else {
        return;
    };
    let stamp = |path: &PathBuf| std::fs::metadata(path).and_then(|meta| Ok((meta.modified()?, meta.len()))).ok();
    let mut last: Option<Option<(SystemTime, u64)>> = None;
    loop {
        let stamp = stamp(path);
        if last.is_some_and(|last| last != stamp) {
            match read_people(path) {
                Ok(allowed) => {
                    tracing::info!(file = %path.display(), "the people file was read again");
                    this.store().allow(allowed, clock::now());
                    this.happened();
                }
                Err(error) => tracing::error!(%error, "the people who were allowed before still are"),
            }
        }
        last = Some(stamp);
        tokio::time::sleep(PEOPLE_INTERVAL).await;
    }
}
