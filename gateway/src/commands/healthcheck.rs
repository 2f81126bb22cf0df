//! Asks a running gateway whether it is healthy, for containers.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};

use crate::config::listen::ListenAddress;

const TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";

/// Requests `/healthz` from the gateway that listens at `address`.
///
/// # Errors
/// If it cannot be reached or is unhealthy.
pub async fn healthcheck(address: &ListenAddress) -> Result<()> {
    tokio::time::timeout(TIMEOUT, request(address)).await.map_err(|_| ErrorKind::TimedOut)?
}

async fn request(address: &ListenAddress) -> Result<()> {
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
        ListenAddress::Fd => Err(Error::new(
            ErrorKind::InvalidInput,
            "only systemd knows where this socket is: say it by --listen",
        )),
    }
}

async fn ask(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Result<()> {
    stream.write_all(REQUEST).await?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await?;
    if reply.starts_with(b"HTTP/1.1 200 ") {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&reply);
    let body = text.rsplit("\r\n").next().unwrap_or_default();
    // From an unhealthy gateway, unlike from any other program that listens there.
    let kind = if reply.starts_with(b"HTTP/1.1 503 ") {
        ErrorKind::ResourceBusy
    } else {
        ErrorKind::Other
    };
    Err(Error::new(kind, format!("not well: {}", body.trim())))
}
