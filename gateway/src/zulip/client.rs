//! Asks Zulip. The only place where the key is used.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use reqwest::Url;
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, HeaderValue};
use zulip_presence_core::Timestamp;
use zulip_presence_core::reply::{self, HttpReply, RealmPresence, RequestError, UserPresence};

use crate::config::credentials::ZulipCredentials;
use crate::config::site::is_loopback;

/// Most bytes of a reply, decompressed: 20,000 people are about 5 MB.
const MAX_BODY: usize = 64 << 20;
/// Time to connect; the whole request has the engine's own limit.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(8);

/// A client for one account.
#[derive(Clone, Debug)]
pub struct ZulipClient {
    client: reqwest::Client,
    credentials: Arc<ZulipCredentials>,
}

/// A whole reply.
#[derive(Debug)]
pub(crate) struct Reply {
    /// The HTTP status code.
    pub(crate) status: u16,
    /// The headers.
    pub(crate) headers: HeaderMap,
    /// The body, decompressed.
    pub(crate) body: Vec<u8>,
}

/// Why there is no client.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {name} {}: {source}", .path.display())]
    Unreadable {
        /// The entry of `zuliprc`.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A file is no PEM of that kind.
    #[error("{name} {} holds no usable PEM", .path.display())]
    NotPem {
        /// The entry of `zuliprc`.
        name: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The email cannot stand in a header.
    #[error("the email or the key holds a character that no header can")]
    Header,
    /// The client could not be made.
    #[error("no TLS: {0}")]
    Tls(String),
}

impl ZulipClient {
    /// A client for `credentials`.
    ///
    /// # Errors
    /// [`TlsError`] where certificates cannot be used.
    pub fn new(credentials: ZulipCredentials) -> Result<Self, TlsError> {
        // A second call finds the first one's provider: that is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let printable = |text: &str| text.chars().all(|c| !c.is_control());
        if !printable(&credentials.email) || !printable(credentials.key.expose()) {
            return Err(TlsError::Header);
        }
        let read = |name, path: &PathBuf| {
            std::fs::read(path).map_err(|source| TlsError::Unreadable {
                name,
                path: path.clone(),
                source,
            })
        };
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("zulip-presence-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .tls_backend_rustls()
            .http1_only();
        if is_loopback_site(&credentials.site) {
            builder = builder.no_proxy();
        }
        if credentials.tls.insecure {
            builder = builder.tls_danger_accept_invalid_certs(true);
        } else if let Some(path) = &credentials.tls.cert_bundle {
            let name = "cert_bundle";
            let certificates =
                reqwest::Certificate::from_pem_bundle(&read(name, path)?).unwrap_or_default();
            if certificates.is_empty() {
                return Err(TlsError::NotPem { name, path: path.clone() });
            }
            builder = builder.tls_certs_only(certificates);
        }
        if let Some(path) = &credentials.tls.client_cert {
            let mut pem = read("client_cert", path)?;
            if let Some(key) = &credentials.tls.client_cert_key {
                pem.push(b'\n');
                pem.extend(read("client_cert_key", key)?);
            }
            let identity = reqwest::Identity::from_pem(&pem);
            builder = builder.identity(
                identity
                    .map_err(|_| TlsError::NotPem { name: "client_cert", path: path.clone() })?,
            );
        }
        let client = builder.build().map_err(|error| TlsError::Tls(chain(&error)))?;
        Ok(Self { client, credentials: Arc::new(credentials) })
    }

    /// The site, for messages.
    pub(crate) fn site(&self) -> &str {
        &self.credentials.site
    }

    /// The account by which Zulip is asked.
    pub(crate) fn credentials(&self) -> &ZulipCredentials {
        &self.credentials
    }

    /// Whether `other` asks by the same account, read at the same time.
    pub(crate) fn same_account(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.credentials, &other.credentials)
    }

    /// Who asks, for messages.
    pub(crate) fn email(&self) -> &str {
        &self.credentials.email
    }

    /// `GET {site}/api/v1/{path}`, read to its end.
    ///
    /// # Errors
    /// [`RequestError`] where no whole reply came. There is no time limit here.
    pub(crate) async fn get(&self, path: &str) -> Result<Reply, RequestError> {
        let url = format!("{}/api/v1/{path}", self.credentials.site);
        let request = self
            .client
            .get(url)
            .basic_auth(&self.credentials.email, Some(self.credentials.key.expose()))
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        let mut response = request.send().await.map_err(|error| failure(&error))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(RequestError::InvalidResponse);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body })
    }
}

impl Reply {
    /// Reads it as the reply to `GET users/{user}/presence`.
    pub(crate) fn single(&self) -> Result<reply::Reply<UserPresence>, RequestError> {
        let header = |name: &str| self.header(name);
        HttpReply { status: self.status, header: &header, body: &self.body }.parse_user()
    }

    /// Reads it as the reply to `GET realm/presence`.
    pub(crate) fn realm(&self) -> Result<reply::Reply<RealmPresence>, RequestError> {
        let header = |name: &str| self.header(name);
        HttpReply { status: self.status, header: &header, body: &self.body }.parse_realm()
    }

    /// The server's now, as its headers tell.
    pub(crate) fn sent_at(&self) -> Option<Timestamp> {
        self.single().ok()?.date_lower_bound
    }

    fn header(&self, name: &str) -> Option<String> {
        Some(self.headers.get(name)?.to_str().ok()?.to_owned())
    }
}

/// What went wrong on the way; the error itself, which may name URLs, goes into the log at debug
/// level only.
fn failure(error: &reqwest::Error) -> RequestError {
    tracing::debug!(error = chain(error), "no reply from Zulip");
    if error.is_timeout() {
        RequestError::TimedOut
    } else if error.is_decode() {
        RequestError::InvalidResponse
    } else {
        RequestError::Unreachable
    }
}

/// An error with its causes. reqwest's own text says only "error sending request".
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

fn is_loopback_site(site: &str) -> bool {
    Url::parse(site).is_ok_and(|url| url.host_str().is_some_and(is_loopback))
}
