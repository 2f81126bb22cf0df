//! Asks a running gateway whether it is healthy, for containers.

use std::io;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use crate::config::listen::ListenAddress;

const TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";

/// Why a gateway is not known to be healthy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealthError {
    /// Nothing listens there, or the connection broke.
    #[error(transparent)]
    Connection(#[from] io::Error),
    /// No reply in time.
    #[error("timed out")]
    TimedOut,
    /// `fd` names no address.
    #[error("only systemd knows where this socket is: say it by --listen")]
    Fd,
    /// The gateway itself says that it is unhealthy.
    #[error("not well: {0}")]
    Unhealthy(String),
    /// Another program listens there.
    #[error("not well: {0}")]
    Other(String),
}

/// Requests `/healthz` from the gateway that listens at `address`.
///
/// # Errors
/// [`HealthError`].
pub async fn healthcheck(address: &ListenAddress) -> Result<(), HealthError> {
    tokio::time::timeout(TIMEOUT, request(address)).await.map_err(|_| HealthError::TimedOut)?
}

async fn request(address: &ListenAddress) -> Result<(), HealthError> {
    match address {
        ListenAddress::Tcp { host, port } => {
            // The addresses for every interface cannot be connected to.
            let host = match host.as_deref() {
                None | Some("0.0.0.0" | "::") => "localhost",
                Some(host) => host,
            };
            ask(TcpStream::connect((host, *port)).await?).await
        }
        ListenAddress::Unix(path) => ask(UnixStream::connect(path).await?).await,
        ListenAddress::Fd => Err(HealthError::Fd),
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<(), HealthError> {
    stream.write_all(REQUEST).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    if reply.starts_with(b"HTTP/1.1 200 ") {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&reply);
    let body = text.rsplit("\r\n").next().unwrap_or_default().trim().to_owned();
    Err(if reply.starts_with(b"HTTP/1.1 503 ") {
        HealthError::Unhealthy(body)
    } else {
        HealthError::Other(body)
    })
}
