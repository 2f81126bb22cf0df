//! Why a request to Zulip failed, and how the log and the doctor describe it.

use std::error::Error;
use std::fmt;
use std::io;

use rustls::CertificateError;
use zulip_presence_core::reply::RequestError;

use crate::zulip::refusal::Refusal;

/// A failed request to Zulip.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct ClientError {
    /// What the engine needs to know.
    pub(crate) kind: RequestError,
    /// The cause, for administrators, if more is known.
    pub(crate) cause: Option<Cause>,
}

/// A failed request to Zulip, with what an administrator can do about it.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[error("{error}; {fix}", error = .0, fix = remedy(.0))]
pub struct FailedRequest(pub(crate) ClientError);

/// Why Zulip could not be reached.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Cause {
    /// The site's name has no address.
    Dns(String),
    /// Connection refused: nothing listens there.
    Refused,
    /// No secure connection.
    Tls(rustls::Error),
    /// The proxy requires credentials, or other ones.
    ProxyAuth,
    /// The proxy refused to open the connection.
    Proxy(String),
    /// No connection in time.
    ConnectTimeout,
    /// Zulip refuses the account, or has none at this address.
    Refusal(Refusal),
    /// Anything else.
    Other(String),
}

impl From<RequestError> for ClientError {
    fn from(kind: RequestError) -> Self {
        Self { kind, cause: None }
    }
}

impl From<reqwest::Error> for ClientError {
    fn from(error: reqwest::Error) -> Self {
        // The URL adds nothing to the site.
        let error = error.without_url();
        let kind = if error.is_timeout() {
            RequestError::TimedOut
        } else if error.is_decode() {
            RequestError::InvalidResponse
        } else {
            RequestError::Unreachable
        };
        let cause = match kind {
            RequestError::TimedOut => error.is_connect().then_some(Cause::ConnectTimeout),
            RequestError::InvalidResponse => None,
            _ => Some(Cause::of(&error)),
        };
        Self { kind, cause }
    }
}

impl Cause {
    fn of(error: &reqwest::Error) -> Self {
        let mut next: Option<&(dyn Error + 'static)> = Some(error);
        while let Some(error) = next {
            if let Some(tls) = tls_error(error) {
                return Self::Tls(tls.clone());
            }
            if let Some(error) = error.downcast_ref::<io::Error>()
                && error.kind() == io::ErrorKind::ConnectionRefused
            {
                return Self::Refused;
            }
            // hyper-util has no public types for these.
            match error.to_string().as_str() {
                "dns error" => return Self::Dns(error.source().map_or_else(String::new, chain)),
                text if text.contains("proxy authorization required") => return Self::ProxyAuth,
                text if text.starts_with("tunnel error") => return Self::Proxy(chain(error)),
                _ => {}
            }
            next = error.source();
        }
        Self::Other(chain(error))
    }
}

/// The error of rustls, which is usually wrapped in one or two I/O errors.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    error.downcast_ref::<rustls::Error>().or_else(|| {
        let inner: &(dyn Error + 'static) = error.downcast_ref::<io::Error>()?.get_ref()?;
        tls_error(inner)
    })
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dns(error) => write!(f, "DNS: {error}"),
            Self::Refused => f.write_str("the connection was refused"),
            Self::Tls(error) => write!(f, "TLS: {error}"),
            Self::ProxyAuth => f.write_str("the proxy wants credentials (407)"),
            Self::Proxy(error) => write!(f, "the proxy opened no connection: {error}"),
            Self::ConnectTimeout => f.write_str("no connection in time"),
            Self::Refusal(refusal) => refusal.fmt(f),
            Self::Other(error) => f.write_str(error),
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&describe(self.kind))?;
        match &self.cause {
            Some(cause) => write!(f, ": {cause}"),
            None => Ok(()),
        }
    }
}

/// An error with its causes. reqwest's own text says only "error sending request".
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

/// What happened.
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
        RequestError::UsersMissing => "the reply of a zulip-presence-gateway".into(),
        _ => "not a reply of Zulip's API".into(),
    }
}

/// What an administrator can do about it.
pub(crate) fn remedy(error: &ClientError) -> &'static str {
    match &error.cause {
        Some(Cause::Dns(_)) => {
            "the name of the site has no address here: check its spelling, and this machine's DNS"
        }
        Some(Cause::Refused) => {
            "nothing listens there: check the site's port, and whether Zulip runs"
        }
        Some(Cause::Tls(error)) => tls_remedy(error),
        Some(Cause::ProxyAuth) => PROXY_AUTH,
        Some(Cause::Proxy(_)) => {
            "check HTTPS_PROXY and what the proxy allows, or except the site by NO_PROXY"
        }
        Some(Cause::ConnectTimeout) => {
            "check that no firewall drops the connection, and whether a proxy is needed (HTTPS_PROXY)"
        }
        Some(Cause::Refusal(refusal)) => refusal.remedy(),
        Some(Cause::Other(_)) | None => kind_remedy(error.kind),
    }
}

/// An organisation-wide reply without anybody (docs/zulip-wire.md §7).
pub(crate) const PRESENCE_DISABLED: &str =
    "Zulip reports nobody's presence, although the organisation has people: everybody is unknown";
/// What an administrator can do about it.
pub(crate) const PRESENCE_DISABLED_FIX: &str = "let an administrator of the organisation enable presence in its settings (realm_presence_disabled), or check that the bot may see the presence of others";

const PROXY_AUTH: &str =
    "put the proxy's user name and password into HTTPS_PROXY, or except the site by NO_PROXY";

fn tls_remedy(error: &rustls::Error) -> &'static str {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => "the certificate is for another name: write the site as the certificate has it",
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) => "the certificate has expired: renew it, and check this machine's clock",
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        ) => "the certificate is not valid yet: check this machine's clock",
        rustls::Error::InvalidCertificate(_) => {
            "name a file with your CA's certificate, or with the server's own, by cert_bundle in the zuliprc"
        }
        rustls::Error::AlertReceived(_) => {
            "the server refused the handshake: does it want a client_cert?"
        }
        _ => "check that the site speaks TLS 1.2 or newer at this port",
    }
}

fn kind_remedy(kind: RequestError) -> &'static str {
    match kind {
        RequestError::Unreachable | RequestError::TimedOut => {
            "check that the site is right and can be reached from here"
        }
        RequestError::Unauthorized => Refusal::Key.remedy(),
        RequestError::RateLimited { .. } => {
            "something else uses the same key: give the gateway a bot of its own, or lower --budget"
        }
        RequestError::Status { code: 407, .. } => PROXY_AUTH,
        RequestError::Status { code: 300..=399, .. } => {
            "the site redirects: write the address to which it does into the zuliprc"
        }
        RequestError::Status { code: 403, .. } => {
            "see what forbids the request: the Zulip server's own logs, or those of a proxy or firewall before it"
        }
        RequestError::Status { code: 404, .. } => {
            "check that the site is the address of the Zulip organisation, without a path of its own"
        }
        RequestError::Status { .. } => "see the Zulip server's own logs",
        RequestError::UsersMissing => {
            "the site is a gateway like this one: write the address of Zulip itself"
        }
        _ => "check that the site is the Zulip organisation itself, not a login proxy before it",
    }
}
