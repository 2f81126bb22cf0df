//! TLS to Zulip, configured by a `zuliprc`.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use reqwest::ClientBuilder;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_name};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::tls::Tls;
use crate::zulip::failure::chain;

/// Why the client cannot be created.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {name} {}: {source}", .path.display())]
    Unreadable {
        /// The entry of `zuliprc`.
        name: &'static str,
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A file is no usable PEM.
    #[error("{name} {} holds no usable PEM", .path.display())]
    NotPem {
        /// The entry of `zuliprc`.
        name: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The email or the key is not valid in a header.
    #[error("the email or the key holds a character that no header can")]
    Header,
    /// The client could not be created.
    #[error("no TLS: {}", chain(.0))]
    Client(#[source] reqwest::Error),
    /// The TLS library refuses its settings.
    #[error("no TLS: {0}")]
    Settings(#[source] Error),
}

/// Applies `insecure`, `cert_bundle`, `client_cert` and `client_cert_key`.
pub(crate) fn configure(builder: ClientBuilder, tls: &Tls) -> Result<ClientBuilder, TlsError> {
    let identity = tls
        .client_cert
        .as_deref()
        .map(|path| Identity::read(path, tls.client_cert_key.as_deref()))
        .transpose()?;
    if let (false, Some(path)) = (tls.insecure, &tls.cert_bundle) {
        return Ok(builder.tls_backend_preconfigured(config(path, identity)?));
    }
    let mut builder = builder.tls_backend_rustls();
    if tls.insecure {
        builder = builder.tls_danger_accept_invalid_certs(true);
    }
    if let Some(identity) = identity {
        let invalid = |_| TlsError::NotPem { name: "client_cert", path: identity.path.clone() };
        builder = builder.identity(reqwest::Identity::from_pem(&identity.pem).map_err(invalid)?);
    }
    Ok(builder)
}

/// Our own certificate and its key.
struct Identity {
    path: PathBuf,
    pem: Vec<u8>,
}

impl Identity {
    fn read(path: &Path, key: Option<&Path>) -> Result<Self, TlsError> {
        let mut pem = read("client_cert", path)?;
        if let Some(key) = key {
            pem.push(b'\n');
            pem.extend(read("client_cert_key", key)?);
        }
        Ok(Self { path: path.to_owned(), pem })
    }
}

fn read(name: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Unreadable {
        name,
        path: path.to_owned(),
        source,
    })
}

fn config(path: &Path, identity: Option<Identity>) -> Result<ClientConfig, TlsError> {
    let not_pem =
        |name: &'static str, path: &Path| TlsError::NotPem { name, path: path.to_owned() };
    let pem = read("cert_bundle", path)?;
    let bundle: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<_, _>>()
        .map_err(|_| not_pem("cert_bundle", path))?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(bundle.iter().cloned());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let webpki =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .build()
            .map_err(|_| not_pem("cert_bundle", path))?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(TlsError::Settings)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(BundleVerifier { bundle, webpki }));
    let Some(Identity { path, pem }) = identity else {
        return Ok(config.with_no_client_auth());
    };
    let invalid = || not_pem("client_cert", &path);
    let chain =
        CertificateDer::pem_slice_iter(&pem).collect::<Result<_, _>>().map_err(|_| invalid())?;
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| invalid())?;
    config.with_client_auth_cert(chain, key).map_err(|_| invalid())
}

/// Accepts a server's certificate that is itself in the bundle, as OpenSSL and so Zulip's Python
/// client do, if its name and its dates are valid. webpki alone refuses it if it has `CA:TRUE`,
/// which `openssl req -x509` writes by default. All other certificates need a chain to the bundle.
#[derive(Debug)]
struct BundleVerifier {
    bundle: Vec<CertificateDer<'static>>,
    webpki: Arc<WebPkiServerVerifier>,
}

impl ServerCertVerifier for BundleVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.bundle.iter().all(|known| known != end_entity) {
            return self.webpki.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            );
        }
        check_dates(end_entity, now)?;
        verify_server_name(&ParsedCertificate::try_from(end_entity)?, server_name)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls12_signature(message, cert, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.webpki.verify_tls13_signature(message, cert, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.webpki.supported_verify_schemes()
    }
}

fn check_dates(certificate: &CertificateDer<'_>, now: UnixTime) -> Result<(), Error> {
    let (_, certificate) =
        X509Certificate::from_der(certificate).map_err(|_| CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let validity = certificate.validity();
    if now < validity.not_before.timestamp() {
        Err(CertificateError::NotValidYet.into())
    } else if now > validity.not_after.timestamp() {
        Err(CertificateError::Expired.into())
    } else {
        Ok(())
    }
}
