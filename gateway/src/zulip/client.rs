//! The HTTP client for Zulip's API. The key is used nowhere else.

use std::sync::Arc;
use std::time::Duration;

use axum::http::HeaderMap;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use zulip_presence_core::Timestamp;
use zulip_presence_core::reply::{HttpReply, RequestError};
use zulip_presence_core::watchlist::{Query, Response};

use crate::config::credentials::ZulipCredentials;
use crate::config::site::is_loopback;
use crate::zulip::failure::{Cause, ClientError};
use crate::zulip::refusal::Refusal;
use crate::zulip::tls::{self, TlsError};

/// Maximum bytes of a reply, decompressed: 20,000 people are about 5 MB.
const MAX_BODY: usize = 64 << 20;
const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
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

impl ZulipClient {
    /// A client for `credentials`.
    ///
    /// # Errors
    /// [`TlsError`] where certificates cannot be used.
    pub fn new(credentials: ZulipCredentials) -> Result<Self, TlsError> {
        // After the first call a provider is installed already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let printable = |text: &str| text.chars().all(|c| !c.is_control());
        if !printable(&credentials.email) || !printable(credentials.key.expose()) {
            return Err(TlsError::Header);
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("zulip-presence-gateway/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            // A connection for each request: one that stays open leads to the old host for as long as
            // that answers, whatever it answers, after the site's name has moved.
            .pool_max_idle_per_host(0)
            .http1_only();
        if is_loopback_site(&credentials.site) {
            builder = builder.no_proxy();
        }
        let client =
            tls::configure(builder, &credentials.tls)?.build().map_err(TlsError::Client)?;
        Ok(Self { client, credentials: Arc::new(credentials) })
    }

    /// The site, for messages.
    pub(crate) fn site(&self) -> &str {
        &self.credentials.site
    }

    /// The account that sends the requests.
    pub(crate) fn credentials(&self) -> &ZulipCredentials {
        &self.credentials
    }

    /// The account's email, for messages.
    pub(crate) fn email(&self) -> &str {
        &self.credentials.email
    }

    /// Sends `GET {site}/api/v1/{path}` and reads the whole reply.
    ///
    /// # Errors
    /// [`ClientError`] if no complete reply arrives. There is no time limit here.
    pub(crate) async fn get(&self, path: &str) -> Result<Reply, ClientError> {
        self.send(Method::GET, path, None).await
    }

    /// As [`get`](Self::get), with parameters.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub(crate) async fn get_with(
        &self,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Reply, ClientError> {
        self.get(&format!("{path}?{}", form_encoded(query))).await
    }

    /// Sends a form, as [`get`](Self::get) sends its request.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub(crate) async fn post(
        &self,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Reply, ClientError> {
        self.send(Method::POST, path, Some(form_encoded(form))).await
    }

    /// Deletes what the form names, as [`get`](Self::get) sends its request.
    ///
    /// # Errors
    /// As for [`get`](Self::get).
    pub(crate) async fn delete(
        &self,
        path: &str,
        form: &[(&str, &str)],
    ) -> Result<Reply, ClientError> {
        self.send(Method::DELETE, path, Some(form_encoded(form))).await
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        form: Option<String>,
    ) -> Result<Reply, ClientError> {
        let url = format!("{}/api/v1/{path}", self.credentials.site);
        let mut request = self
            .client
            .request(method, url)
            .basic_auth(&self.credentials.email, Some(self.credentials.key.expose()))
            .header(ACCEPT, HeaderValue::from_static("application/json"))
            .header(ACCEPT_LANGUAGE, HeaderValue::from_static("en"));
        if let Some(form) = form {
            request = request.header(CONTENT_TYPE, FORM).body(form);
        }
        let mut response = request.send().await.map_err(ClientError::from)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(ClientError::from)? {
            if body.len() + chunk.len() > MAX_BODY {
                return Err(RequestError::InvalidResponse.into());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Reply { status, headers, body })
    }
}

impl Reply {
    /// Parses it as the reply to `query`.
    pub(crate) fn parse(&self, query: &Query) -> Result<Response, ClientError> {
        let header = |name: &str| self.header(name);
        let reply = HttpReply { status: self.status, header: &header, body: &self.body };
        query.parse_reply(&reply).map_err(|kind| {
            let cause = Refusal::parse(self.status, &self.body).map(Cause::Refusal);
            ClientError { kind, cause }
        })
    }

    /// The error of a reply to a request that is no query of the core.
    pub(crate) fn error(&self) -> ClientError {
        self.parse(&Query::AllUsers).err().unwrap_or(RequestError::InvalidResponse.into())
    }

    /// The server's now, from the headers.
    pub(crate) fn sent_at(&self) -> Option<Timestamp> {
        let header = |name: &str| self.header(name);
        let reply = HttpReply { status: self.status, header: &header, body: &self.body };
        reply.parse_user().ok()?.date_lower_bound
    }

    fn header(&self, name: &str) -> Option<String> {
        // A header may be split over several lines, which are joined to one list.
        let mut lines = self.headers.get_all(name).iter().filter_map(|line| line.to_str().ok());
        let first = lines.next()?.to_owned();
        Some(lines.fold(first, |all, line| all + ", " + line))
    }
}

fn form_encoded(pairs: &[(&str, &str)]) -> String {
    let pairs = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    pairs.collect::<Vec<_>>().join("&")
}

fn is_loopback_site(site: &str) -> bool {
    Url::parse(site).is_ok_and(|url| url.host_str().is_some_and(is_loopback))
}
