//! Reloads the people file and the zuliprc when they change. An unreadable or invalid file changes
//! nothing.

mod file_watch;

use std::path::PathBuf;
use std::sync::Arc;

use self::file_watch::watch_file;
use crate::clock;
use crate::config::credentials::{ZulipCredentials, Zuliprc};
use crate::poller::Poller;
use crate::store::shared::SharedStore;
use crate::zulip::allow_list::AllowList;
use crate::zulip::client::ZulipClient;

/// What a running gateway reloads.
#[derive(Debug)]
pub(crate) struct Reloader {
    pub(crate) store: Arc<SharedStore>,
    pub(crate) poller: Arc<Poller>,
    /// `None`: everybody is served.
    pub(crate) people: Option<PathBuf>,
    /// `None`: the credentials do not come from a file.
    pub(crate) zuliprc: Option<Zuliprc>,
}

impl Reloader {
    /// Reloads the people file whenever it changes.
    pub(crate) async fn watch_people(&self) {
        match &self.people {
            Some(path) => watch_file(path, || self.reload_people(false)).await,
            None => std::future::pending().await,
        }
    }

    /// Reloads the zuliprc whenever it changes.
    pub(crate) async fn watch_zuliprc(&self) {
        match &self.zuliprc {
            Some(zuliprc) => {
                watch_file(zuliprc.path(), || self.reload_credentials(false)).await;
            }
            None => std::future::pending().await,
        }
    }

    /// Reloads both, and the certificates that the zuliprc names.
    pub(crate) fn reload(&self) {
        self.reload_people(true);
        self.reload_credentials(true);
    }

    /// `always`: log it even if the served people are the same as before.
    fn reload_people(&self, always: bool) {
        let Some(path) = &self.people else {
            return;
        };
        match AllowList::load(path) {
            Ok(allowed) => {
                let is_other = self.store.lock().allow(allowed, clock::now());
                if is_other || always {
                    tracing::info!(file = %path.display(), "the people file was read again");
                }
                if is_other {
                    self.store.publish_change();
                }
            }
            Err(error) => {
                tracing::error!(%error, "the people file is not used; the previous list stays in force");
            }
        }
    }

    /// `always`: even if the zuliprc is the same as before.
    fn reload_credentials(&self, always: bool) {
        let Some(zuliprc) = &self.zuliprc else {
            return;
        };
        let before = self.poller.client();
        let variable = |name: &str| std::env::var(name).ok();
        let credentials = match ZulipCredentials::load(zuliprc.named(), variable) {
            Ok(credentials) if !always && credentials == *before.credentials() => return,
            Ok(credentials) if credentials.site != before.site() => {
                tracing::error!(
                    site = credentials.site,
                    "the zuliprc names another site: it is used after a restart"
                );
                return;
            }
            Ok(credentials) => credentials,
            Err(error) => {
                tracing::error!(%error, "the zuliprc is not used; the previous one stays in force");
                return;
            }
        };
        match ZulipClient::new(credentials) {
            Ok(client) => {
                tracing::info!(file = %zuliprc.path().display(), bot = client.email(), "the zuliprc was read again");
                self.poller.set_client(client);
                self.store.lock().credentials_changed(clock::now());
                self.store.publish_change();
            }
            Err(error) => {
                tracing::error!(%error, "the zuliprc is not used; the previous one stays in force");
            }
        }
    }
}
