//! Where to listen, as `--listen` takes it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// One `--listen`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ListenAddress {
    /// A TCP port.
    Tcp {
        /// A name or an address, without brackets; `None`: every interface.
        host: Option<String>,
        /// 0 is any free port.
        port: u16,
    },
    /// A Unix socket at this path.
    Unix(PathBuf),
    /// The socket that systemd hands over (`LISTEN_FDS`).
    Fd,
}

/// An invalid address to listen at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "{0}; expected HOST:PORT, :PORT for every interface, unix:/PATH, or fd for systemd's socket"
)]
pub struct InvalidListenAddress(AddressProblem);

/// What is wrong with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
enum AddressProblem {
    #[error("the path is missing")]
    NoPath,
    #[error("an address has no scheme")]
    Scheme,
    #[error("the port is missing")]
    NoPort,
    #[error("the port is not a number up to 65535")]
    Port,
    #[error("between brackets stands an IPv6 address")]
    Brackets,
    #[error("an IPv6 address stands in brackets, like [::1]:8640")]
    NoBrackets,
    #[error("a host name has no blanks and no slashes")]
    Host,
}

impl FromStr for ListenAddress {
    type Err = InvalidListenAddress;

    fn from_str(written: &str) -> Result<Self, InvalidListenAddress> {
        Self::parse(written.trim()).map_err(InvalidListenAddress)
    }
}

impl ListenAddress {
    fn parse(written: &str) -> Result<Self, AddressProblem> {
        if written == "fd" {
            return Ok(Self::Fd);
        }
        if let Some(path) = written.strip_prefix("unix:") {
            return if path.is_empty() {
                Err(AddressProblem::NoPath)
            } else {
                Ok(Self::Unix(path.into()))
            };
        }
        if written.contains("://") {
            return Err(AddressProblem::Scheme);
        }
        let (host, port) = written.rsplit_once(':').ok_or(AddressProblem::NoPort)?;
        let port = port.parse().map_err(|_| AddressProblem::Port)?;
        let host = match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
            Some(Some(host)) if host.parse::<std::net::Ipv6Addr>().is_ok() => host,
            Some(_) => return Err(AddressProblem::Brackets),
            None if host.contains(':') => {
                return Err(AddressProblem::NoBrackets);
            }
            None if host.contains(|c: char| c.is_whitespace() || c == '/') => {
                return Err(AddressProblem::Host);
            }
            None => host,
        };
        Ok(Self::Tcp { host: (!host.is_empty()).then(|| host.to_owned()), port })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host: None, port } => write!(f, ":{port}"),
            Self::Tcp { host: Some(host), port } if host.contains(':') => {
                write!(f, "[{host}]:{port}")
            }
            Self::Tcp { host: Some(host), port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Fd => f.write_str("fd"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_parsed() {
        #[track_caller]
        fn tcp(written: &str, host: Option<&str>, port: u16) {
            let expected = ListenAddress::Tcp { host: host.map(Into::into), port };
            assert_eq!(written.parse(), Ok(expected.clone()));
            assert_eq!(expected.to_string().parse(), Ok(expected));
        }
        tcp("127.0.0.1:8640", Some("127.0.0.1"), 8640);
        tcp("localhost:8640", Some("localhost"), 8640);
        tcp("[::]:8640", Some("::"), 8640);
        tcp("[::1]:0", Some("::1"), 0);
        tcp(":8640", None, 8640);
        assert_eq!(
            "unix:/run/zulip-presence/socket".parse(),
            Ok(ListenAddress::Unix("/run/zulip-presence/socket".into()))
        );
        assert_eq!("fd".parse(), Ok(ListenAddress::Fd));
    }

    #[test]
    fn invalid_addresses_are_refused_with_what_is_expected() {
        for (written, problem) in [
            ("8640", "the port is missing"),
            ("localhost", "the port is missing"),
            ("localhost:http", "not a number"),
            ("localhost:65536", "not a number"),
            ("::1:8640", "in brackets, like [::1]:8640"),
            ("[localhost]:8640", "between brackets"),
            ("http://localhost:8640", "no scheme"),
            ("unix:", "the path is missing"),
            ("a b:1", "no blanks"),
            ("", "the port is missing"),
        ] {
            let error = written.parse::<ListenAddress>().expect_err(written).to_string();
            assert!(error.starts_with(problem) || error.contains(problem), "{written}: {error}");
            assert!(error.contains("expected HOST:PORT, :PORT"), "{error}");
        }
    }
}
