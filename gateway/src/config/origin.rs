//! Origins of pages, as `--allow-origin` takes them.

use std::fmt;
use std::str::FromStr;

use axum::http::HeaderValue;
use reqwest::Url;

const EXAMPLE: &str = "https://wiki.example.com";
/// Schemes of pages that do not come by HTTP: browser extensions and app shells.
const APP_SCHEMES: [&str; 6] =
    ["chrome-extension", "moz-extension", "safari-web-extension", "capacitor", "ionic", "tauri"];
const QUOTES: [char; 7] = ['\'', '"', '`', '‘', '’', '“', '”'];

/// One `--allow-origin`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AllowedOrigin {
    /// `*`: every page, without its cookies.
    Any,
    /// One origin, as browsers send it, or `null` (pages from files).
    Origin(HeaderValue),
}

/// An invalid origin, and what to write instead.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InvalidOrigin {
    problem: OriginProblem,
    suggestion: Option<String>,
}

/// Why no page has such an origin.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
enum OriginProblem {
    #[error("the quotes are part of the value")]
    Quotes,
    #[error("an origin has no blanks and no backslashes")]
    Blank,
    #[error("the scheme is missing")]
    NoScheme,
    #[error("this is no URL: {0}")]
    Url(<Url as FromStr>::Err),
    #[error("no page has the scheme `{0}`")]
    Scheme(String),
    #[error("the host is missing")]
    NoHost,
    #[error("`*` cannot be part of a host: name each host")]
    Pattern,
    #[error("an origin has no user name")]
    UserName,
    #[error("an origin ends with its host or port")]
    Path,
    #[error("it holds a character that no origin has")]
    Character,
}

impl fmt::Display for InvalidOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; write ", self.problem)?;
        match &self.suggestion {
            Some(origin) => f.write_str(origin),
            None => write!(f, "it like {EXAMPLE}, or `*`"),
        }
    }
}

impl std::error::Error for InvalidOrigin {}

impl FromStr for AllowedOrigin {
    type Err = InvalidOrigin;

    fn from_str(written: &str) -> Result<Self, InvalidOrigin> {
        let written = written.trim();
        if written == "*" {
            return Ok(Self::Any);
        }
        if written.eq_ignore_ascii_case("null") {
            return Ok(Self::Origin(HeaderValue::from_static("null")));
        }
        let origin = serialize(written).and_then(|origin| {
            HeaderValue::from_str(&origin).map_err(|_| OriginProblem::Character)
        });
        let invalid = |problem| InvalidOrigin { problem, suggestion: suggestion(written) };
        origin.map(Self::Origin).map_err(invalid)
    }
}

/// The origin as browsers send it: host in lower case and ASCII, no default port.
fn serialize(written: &str) -> Result<String, OriginProblem> {
    if written.starts_with(QUOTES) || written.ends_with(QUOTES) {
        return Err(OriginProblem::Quotes);
    }
    let odd = |c: char| c.is_whitespace() || c.is_control() || c == '\\';
    if written.is_empty() || written.contains(odd) {
        return Err(OriginProblem::Blank);
    }
    if !written.contains("://") {
        return Err(OriginProblem::NoScheme);
    }
    let url = Url::parse(written).map_err(OriginProblem::Url)?;
    let scheme = url.scheme();
    let is_http = matches!(scheme, "http" | "https");
    if !is_http && !APP_SCHEMES.contains(&scheme) {
        return Err(OriginProblem::Scheme(scheme.to_owned()));
    }
    let host = url.host_str().unwrap_or_default();
    if host.is_empty() {
        return Err(OriginProblem::NoHost);
    }
    if host.contains('*') {
        return Err(OriginProblem::Pattern);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OriginProblem::UserName);
    }
    // Url::parse adds the slash after the host.
    let after_host = written.split_once("://").map_or("", |(_, rest)| rest);
    if after_host.contains(['/', '?', '#']) {
        return Err(OriginProblem::Path);
    }
    if is_http {
        return Ok(url.origin().ascii_serialization());
    }
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    Ok(format!("{scheme}://{}{port}", host.to_ascii_lowercase()))
}

/// What was probably meant.
fn suggestion(written: &str) -> Option<String> {
    let bare = written.trim_matches(|c: char| QUOTES.contains(&c) || c.is_whitespace());
    let rest = bare.split_once("://").map_or(bare, |(_, rest)| rest);
    let host = rest.split(['/', '?', '#']).next()?;
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    let scheme = if bare.starts_with("http://") { "http" } else { "https" };
    serialize(&format!("{scheme}://{host}")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_normalized_as_browsers_send_them() {
        #[track_caller]
        fn origin(written: &str, expected: &'static str) {
            assert_eq!(
                written.parse(),
                Ok(AllowedOrigin::Origin(HeaderValue::from_static(expected)))
            );
        }
        origin("https://Wiki.example.com", "https://wiki.example.com");
        origin("HTTPS://wiki.example.com", "https://wiki.example.com");
        origin("https://wiki.example.com:443", "https://wiki.example.com");
        origin("https://wiki.example.com:0443", "https://wiki.example.com");
        origin("https://wiki.example.com:8443", "https://wiki.example.com:8443");
        origin("https://wiki.example.com:80", "https://wiki.example.com:80");
        origin("http://localhost:8080", "http://localhost:8080");
        origin("http://localhost:80", "http://localhost");
        origin("http://[::1]:8080", "http://[::1]:8080");
        origin("https://bücher.example", "https://xn--bcher-kva.example");
        origin("https://XN--BCHER-KVA.example", "https://xn--bcher-kva.example");
        origin(" https://wiki.example.com ", "https://wiki.example.com");
        origin("chrome-extension://abcdefghijklmnop", "chrome-extension://abcdefghijklmnop");
        origin("capacitor://localhost", "capacitor://localhost");
        origin("null", "null");
        assert_eq!("*".parse(), Ok(AllowedOrigin::Any));
    }

    #[test]
    fn what_no_page_has_is_refused_with_the_fix() {
        #[track_caller]
        fn refused(written: &str, problem: &str, fix: &str) {
            let error = written.parse::<AllowedOrigin>().expect_err(written).to_string();
            assert!(error.contains(problem) && error.ends_with(fix), "{written}: {error}");
        }
        let wiki = "write https://wiki.example.com";
        refused("'https://wiki.example.com'", "quotes", wiki);
        refused("\"https://wiki.example.com\"", "quotes", wiki);
        refused("“https://wiki.example.com”", "quotes", wiki);
        refused("htps://wiki.example.com", "scheme `htps`", wiki);
        refused("ws://wiki.example.com", "scheme `ws`", wiki);
        refused("file://wiki.example.com", "scheme `file`", wiki);
        refused("wiki.example.com", "scheme is missing", wiki);
        refused("wiki.example.com:8443", "scheme is missing", ":8443");
        refused("https://wiki.example.com/", "ends with its host", wiki);
        refused("https://wiki.example.com/team?x#y", "ends with its host", wiki);
        refused("http://wiki.example.com/", "ends", "write http://wiki.example.com");
        refused("https://me@wiki.example.com", "user name", wiki);
        refused("https://me:sesame@wiki.example.com", "user name", wiki);
        refused("https://*.example.com", "name each host", "or `*`");
        refused("https://wiki.example.com:99999", "port", "or `*`");
        refused("https://wiki example.com", "blanks", "or `*`");
        refused("https:\\\\wiki.example.com", "backslashes", "or `*`");
        refused("https://", "no URL", "or `*`");
        refused("://x", "no URL", "write https://x");
        refused("", "blanks", "or `*`");
    }
}
