//! The TLS settings of a `zuliprc`.

use std::path::PathBuf;

/// The TLS settings of the connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
#[non_exhaustive]
pub struct Tls {
    /// Certificates are not checked, and plain http is allowed.
    pub insecure: bool,
    /// PEM file of the certificates to trust instead of the system's.
    pub cert_bundle: Option<PathBuf>,
    /// PEM file of our own certificate.
    pub client_cert: Option<PathBuf>,
    /// PEM file of its key, where `client_cert` does not hold it.
    pub client_cert_key: Option<PathBuf>,
}
