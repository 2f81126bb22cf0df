//! The address of a Zulip server, as a `zuliprc` gives it.

use std::net::{Ipv4Addr, Ipv6Addr};

use reqwest::Url;

/// Why a site is invalid. Contains the site without a possible password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SiteError {
    /// It is no URL of a server.
    #[error("site {0:?} is not the address of a Zulip server, like https://zulip.example.com")]
    Invalid(String),
    /// Plain http to another machine.
    #[error(
        "site {0:?} would send the bot's key in clear: use https, or say insecure=true in the zuliprc"
    )]
    PlainHttp(String),
}

/// The site with a scheme and without a trailing slash or `/api`, as the Python client completes
/// it.
pub(crate) fn parse_site(written: &str, insecure: bool) -> Result<String, SiteError> {
    let site = if written.starts_with("localhost") {
        format!("http://{written}")
    } else if written.starts_with("http") {
        written.to_owned()
    } else {
        format!("https://{written}")
    };
    let site = site.trim_end_matches('/');
    let site = site.strip_suffix("/api").unwrap_or(site).to_owned();
    // The part before an @ may be a password.
    let wrong = || SiteError::Invalid(written.rsplit('@').next().unwrap_or_default().to_owned());
    // Parsed as by the client that sends the key, which drops tabs and line ends: both see the same
    // host.
    let url = Url::parse(&site).map_err(|_| wrong())?;
    let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(wrong)?;
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if !is_bare
        || url.path().contains("//")
        || site.contains(|c: char| c.is_whitespace() || c.is_control() || c == '\\')
    {
        return Err(wrong());
    }
    match url.scheme() {
        "https" => Ok(site),
        "http" if insecure || is_loopback(host) => Ok(site),
        "http" => Err(SiteError::PlainHttp(written.to_owned())),
        _ => Err(wrong()),
    }
}

/// Whether `host`, as written in a URL, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || bare.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_allows_plain_http() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "10.0.0.1", "[::2]", "example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn site_is_completed_as_python_does() {
        for (written, expected) in [
            ("zulip.example.com", "https://zulip.example.com"),
            ("https://zulip.example.com//", "https://zulip.example.com"),
            ("https://zulip.example.com/api", "https://zulip.example.com"),
            ("https://zulip.example.com/api/", "https://zulip.example.com"),
            ("https://example.com/zulip", "https://example.com/zulip"),
            ("localhost:9991", "http://localhost:9991"),
        ] {
            assert_eq!(parse_site(written, false).as_deref(), Ok(expected), "{written}");
        }
    }
}
