//! Serves Zulip presence to web pages, and keeps the bot's API key off them.
//!
//! [`Gateway`] is the running gateway; the rest are its parts and what the binary needs.

mod clock;
pub mod commands;
pub mod config;
mod event_loop;
#[cfg(fuzzing)]
pub mod fuzzing;
mod http;
mod metrics;
mod poller;
mod printable;
mod reload;
mod server;
mod store;
mod zulip;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::event_loop::{EventLoop, run_event_loop};
use crate::zulip::allow_list::AllowList;
pub use crate::zulip::allow_list::PeopleError;

pub use crate::config::credentials::{CredentialsError, ZulipCredentials, Zuliprc};
pub use crate::config::ini::{IniError, IniErrorKind, InterpolationError};
pub use crate::config::last_active::LastActive;
pub use crate::config::origin::{AllowedOrigin, InvalidOrigin};
pub use crate::config::pace::{Budget, OutOfBounds, Refresh};
pub use crate::config::secret::Secret;
pub use crate::config::site::SiteError;
pub use crate::config::tls::Tls;
pub use crate::http::cors::AllowedOrigins;
use crate::http::response_cache::ResponseCache;
pub use crate::http::static_files::{DistError, StaticFiles};
pub use crate::http::stream::StreamConfig;
use crate::http::stream::{Streams, run_streams};
use crate::metrics::Metrics;
use crate::poller::{Poller, run_poll_loop};
pub use crate::printable::printable;
use crate::reload::Reloader;
pub use crate::server::background::{BackgroundTasks, TaskEnded};
pub use crate::server::file_limit::{max_streams, raise_file_limit};
pub use crate::server::listener::{BindError, Listener};
pub use crate::server::logging::init_logging;
pub use crate::server::{serve, serve_with};
use crate::store::shared::SharedStore;
use crate::store::{Store, StoreConfig};
pub use crate::zulip::client::ZulipClient;
pub use crate::zulip::failure::FailedRequest;
pub use crate::zulip::tls::TlsError;

/// The settings of a gateway.
#[derive(Debug)]
#[non_exhaustive]
pub struct Config {
    /// The client for Zulip.
    pub client: ZulipClient,
    /// The file with its credentials: reloaded when it changes, so that a new key needs no restart.
    /// `None`: never.
    pub zuliprc: Option<Zuliprc>,
    /// Time between two organisation-wide requests to Zulip.
    pub refresh: Refresh,
    /// The threshold of "offline"; `None`: Zulip's own.
    pub offline_after: Option<Duration>,
    /// Maximum requests to Zulip in any 60 s.
    pub budget: Budget,
    /// Which pages may read the replies.
    pub allow_origins: AllowedOrigins,
    /// The file of users who may be seen; `None`: everybody.
    pub people: Option<PathBuf>,
    /// Whether offline people are sent with timestamps.
    pub last_active: LastActive,
    /// What people say of themselves is sent.
    pub show_statuses: bool,
    /// Zulip's events are read, and pages are served streams in this way; `None`: neither.
    pub live: Option<StreamConfig>,
    /// The static files.
    pub files: StaticFiles,
    /// Seed of the jitter.
    pub seed: u64,
}

impl Config {
    /// The defaults: everybody whom the client's account sees, for pages of the gateway's own origin, with
    /// streams, without files.
    #[must_use]
    pub fn new(client: ZulipClient) -> Self {
        Self {
            client,
            zuliprc: None,
            refresh: Refresh::default(),
            offline_after: None,
            budget: Budget::default(),
            allow_origins: AllowedOrigins::default(),
            people: None,
            last_active: LastActive::default(),
            show_statuses: false,
            live: Some(StreamConfig::default()),
            files: StaticFiles::default(),
            seed: 0,
        }
    }
}

/// A running gateway.
#[derive(Debug)]
pub struct Gateway {
    /// Everything that is served over HTTP.
    pub router: Router,
    /// The background tasks.
    pub tasks: BackgroundTasks,
    reloader: Arc<Reloader>,
    events: Option<Arc<EventLoop>>,
}

/// Ends what a gateway has opened at Zulip.
#[derive(Clone, Debug)]
pub struct EndHandle(Option<Arc<EventLoop>>);

impl EndHandle {
    /// Ends the event queue. Takes 2 s at most.
    pub async fn end(self) {
        if let Some(events) = self.0 {
            events.end_queue().await;
        }
    }
}

/// Reloads what a running gateway reads from files.
#[derive(Clone, Debug)]
pub struct ReloadHandle(Arc<Reloader>);

impl ReloadHandle {
    /// Reloads the people file and the zuliprc. An invalid file is logged and changes nothing.
    pub fn reload(&self) {
        self.0.reload();
    }
}

impl Gateway {
    /// Starts to poll Zulip, until the tasks are dropped.
    ///
    /// # Errors
    /// [`PeopleError`] where the people file cannot be used.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn start(config: Config) -> Result<Self, PeopleError> {
        let Config {
            client,
            zuliprc,
            refresh,
            offline_after,
            budget,
            allow_origins,
            people,
            last_active,
            show_statuses,
            live,
            files,
            seed,
        } = config;
        let budget = budget.get();
        let config = StoreConfig {
            refresh: refresh.get(),
            offline_threshold: offline_after,
            budget,
            last_active,
            show_statuses,
            has_queue: live.is_some(),
            seed,
        };
        let allowed = people.as_deref().map(AllowList::load).transpose()?.unwrap_or_default();
        let store = Arc::new(SharedStore::new(Store::new(config, allowed, clock::now())));
        let metrics = Arc::new(Metrics::default());
        let poller = Arc::new(Poller::new(Arc::clone(&store), client, Arc::clone(&metrics)));
        let reloader = Arc::new(Reloader {
            store: Arc::clone(&store),
            poller: Arc::clone(&poller),
            people,
            zuliprc,
        });
        let mut tasks = BackgroundTasks::default();
        tasks.spawn("poll loop", run_poll_loop(poller));
        let of_people = Arc::clone(&reloader);
        tasks.spawn("people file", async move { of_people.watch_people().await });
        let of_zuliprc = Arc::clone(&reloader);
        tasks.spawn("zuliprc", async move { of_zuliprc.watch_zuliprc().await });
        let cache = Arc::new(ResponseCache::new(store.epoch()));
        let streams = live.map(|config| Arc::new(Streams::new(config, Arc::clone(&store))));
        let mut events = None;
        if let Some(streams) = &streams {
            tasks.spawn("streams", run_streams(Arc::clone(streams)));
            let (store, metrics) = (Arc::clone(&store), Arc::clone(&metrics));
            let event_loop =
                Arc::new(EventLoop::new(store, metrics, reloader.poller.clients(), budget, seed));
            tasks.spawn("event loop", run_event_loop(Arc::clone(&event_loop)));
            events = Some(event_loop);
        }
        let router = http::router(store, streams, cache, metrics, &allow_origins, files);
        Ok(Self { router, tasks, reloader, events })
    }

    /// The handle for the end of the process, after the tasks.
    #[must_use]
    pub fn end_handle(&self) -> EndHandle {
        EndHandle(self.events.clone())
    }

    /// The handle to reload on SIGHUP.
    #[must_use]
    pub fn reload_handle(&self) -> ReloadHandle {
        ReloadHandle(Arc::clone(&self.reloader))
    }
}
