//! Sockets to accept connections on: TCP, Unix, or handed over by systemd.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream, lookup_host};
use tokio_util::either::Either;

use crate::config::listen::ListenAddress;

/// Connections that the system queues until they are accepted. Of a larger burst it drops some,
/// which are retried seconds later. The system's own limit is mostly the same.
const BACKLOG: u32 = 4096;

/// Why nothing can be listened at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BindError {
    /// The system refuses.
    #[error(transparent)]
    System(#[from] io::Error),
    /// The name resolves to nothing.
    #[error("the name has no address")]
    NoAddress,
    /// `fd`, but systemd passed nothing.
    #[error(
        "no socket was handed over: LISTEN_FDS and LISTEN_PID are set by systemd's socket units"
    )]
    NotHandedOver,
    /// systemd passed another kind of socket.
    #[error("it is no stream socket")]
    NoStreamSocket,
}

/// A listening socket.
#[derive(Debug)]
pub struct Listener {
    socket: Socket,
    /// The file of a Unix socket that this process created.
    _file: Option<SocketFile>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Listener {
    /// Listens at `address`. If a name has several addresses, this takes the first available one,
    /// IPv4 before IPv6.
    ///
    /// # Errors
    /// [`BindError`].
    pub async fn bind(address: &ListenAddress) -> Result<Self, BindError> {
        match address {
            ListenAddress::Tcp { host: None, port } => {
                // Accepts IPv4 too. The other address is for systems without IPv6.
                bind_first(&[
                    (Ipv6Addr::UNSPECIFIED, *port).into(),
                    (Ipv4Addr::UNSPECIFIED, *port).into(),
                ])
            }
            ListenAddress::Tcp { host: Some(host), port } => {
                let mut addresses: Vec<SocketAddr> =
                    lookup_host((host.as_str(), *port)).await?.collect();
                addresses.sort_by_key(SocketAddr::is_ipv6);
                bind_first(&addresses)
            }
            ListenAddress::Unix(path) => Ok(bind_unix(path).await?),
            ListenAddress::Fd => inherited(),
        }
    }

    /// The address, for people and scripts.
    #[must_use]
    pub fn name(&self) -> String {
        match &self.socket {
            Socket::Tcp(listener) => listener
                .local_addr()
                .map_or_else(|_| "tcp".into(), |address| format!("http://{address}/")),
            Socket::Unix(listener) => {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                path.map_or_else(|| "unix".into(), |path| format!("unix:{}", path.display()))
            }
        }
    }

    pub(super) async fn accept(&self) -> io::Result<Either<TcpStream, UnixStream>> {
        match &self.socket {
            Socket::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                // A failure only costs speed.
                let _ = stream.set_nodelay(true);
                Ok(Either::Left(stream))
            }
            Socket::Unix(listener) => Ok(Either::Right(listener.accept().await?.0)),
        }
    }
}

impl From<TcpListener> for Listener {
    fn from(listener: TcpListener) -> Self {
        Self { socket: Socket::Tcp(listener), _file: None }
    }
}

fn bind_first(addresses: &[SocketAddr]) -> Result<Listener, BindError> {
    let bind = |address: SocketAddr| {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    let mut error = BindError::NoAddress;
    for address in addresses {
        match bind(*address) {
            Ok(listener) => return Ok(listener.into()),
            Err(this) => error = BindError::System(this),
        }
    }
    Err(error)
}

/// Replaces a stale socket, and nothing else: what is no socket refuses connections, too.
async fn bind_unix(path: &Path) -> io::Result<Listener> {
    if let Err(error) = UnixStream::connect(path).await
        && error.kind() == ErrorKind::ConnectionRefused
        && std::fs::symlink_metadata(path)?.file_type().is_socket()
    {
        std::fs::remove_file(path)?;
    }
    let socket = Socket::Unix(UnixListener::bind(path)?);
    Ok(Listener { socket, _file: Some(SocketFile(path.to_owned())) })
}

/// The first socket that systemd hands over.
fn inherited() -> Result<Listener, BindError> {
    let mut inherited = ListenFd::from_env();
    if inherited.len() == 0 {
        return Err(BindError::NotHandedOver);
    }
    let socket = match inherited.take_tcp_listener(0) {
        Ok(Some(listener)) => {
            listener.set_nonblocking(true)?;
            Socket::Tcp(TcpListener::from_std(listener)?)
        }
        _ => match inherited.take_unix_listener(0)? {
            Some(listener) => {
                listener.set_nonblocking(true)?;
                Socket::Unix(UnixListener::from_std(listener)?)
            }
            None => return Err(BindError::NoStreamSocket),
        },
    };
    Ok(Listener { socket, _file: None })
}

/// Removes the file on drop.
#[derive(Debug)]
struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_no_socket_is_left_alone() {
        let path =
            std::env::temp_dir().join(format!("zulip-presence-no-socket-{}", std::process::id()));
        std::fs::write(&path, "key=sesame").expect("a file");
        let refused = Listener::bind(&ListenAddress::Unix(path.clone())).await;
        let is_left = std::fs::read(&path).is_ok_and(|text| text == b"key=sesame");
        let _ = std::fs::remove_file(&path);
        assert!(is_left);
        assert!(
            matches!(&refused, Err(BindError::System(error)) if error.kind() == ErrorKind::AddrInUse),
            "{refused:?}"
        );
    }
}
