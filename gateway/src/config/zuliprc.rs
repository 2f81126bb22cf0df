//! Where Zulip is and who asks it: read from `zuliprc` and the environment exactly as Zulip's
//! Python client reads them (`zulip/__init__.py`, `Client.__init__`; docs/zulip-wire.md §8).

use std::collections::HashMap;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use crate::config::secret::Secret;

/// A Zulip server and a bot's account on it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ZulipCredentials {
    /// Scheme, host and port, without a trailing slash.
    pub site: String,
    /// The bot's API email.
    pub email: String,
    /// The bot's key.
    pub key: Secret,
    /// How the connection is secured.
    pub tls: Tls,
}

/// What `zuliprc` says of the connection.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
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

/// Why there is no account. Each says what is missing and where it was looked for.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Neither environment nor file.
    #[error(
        "no Zulip account: there is no {}, and ZULIP_EMAIL, ZULIP_API_KEY and ZULIP_SITE are not all set; \
         download a bot's zuliprc from Zulip (Settings > Bots), or try --demo",
        .0.display()
    )]
    NoFile(PathBuf),
    /// Not even a place where the file could be.
    #[error(
        "no Zulip account: no --config-file, no HOME to find .zuliprc in, and ZULIP_EMAIL, ZULIP_API_KEY and ZULIP_SITE are not all set"
    )]
    NoHome,
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no `zuliprc`.
    #[error("{}:{line}: expected `[section]` or `name = value`", .path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
    /// An entry is missing.
    #[error("{} has no `{name}` in its section [api], and {variable} is not set", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The entry.
        name: &'static str,
        /// The variable that would do instead.
        variable: &'static str,
    },
    /// `insecure` is neither true nor false.
    #[error("insecure (or ZULIP_ALLOW_INSECURE) must be 'true' or 'false'")]
    Insecure,
    /// The site is no URL that can be asked.
    #[error("site {0:?} is not the address of a Zulip server, like https://zulip.example.com")]
    Site(String),
    /// Plain http to elsewhere.
    #[error(
        "site {0:?} would send the bot's key in clear: use https, or say insecure=true in the zuliprc"
    )]
    PlainHttp(String),
    /// A key without its certificate.
    #[error("client_cert_key is set, but client_cert is not")]
    KeyWithoutCert,
}

impl ZulipCredentials {
    /// The `zuliprc` that [`find`](Self::find) reads, if it is there. `None`: nothing says where it
    /// could be.
    #[must_use]
    pub fn file(
        config_file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Option<PathBuf> {
        let path = config_file
            .map(Path::to_owned)
            .or_else(|| variable("ZULIP_CONFIG").map(PathBuf::from))
            .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".zuliprc")));
        path.map(|path| expand_home(path, &variable))
    }

    /// The account that environment and `zuliprc` give. `config_file` is what the command line
    /// says, `variable` the environment.
    ///
    /// # Errors
    /// [`CredentialsError`] where they give none.
    pub fn load(
        config_file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialsError> {
        let path = Self::file(config_file, &variable);
        let file = match &path {
            Some(path) => Zuliprc::read(path, config_file.is_some())?,
            None => None,
        };
        let entry = |name: &'static str,
                     name_of_variable: &'static str|
         -> Result<String, CredentialsError> {
            let from_file = || file.as_ref().and_then(|file| file.entry(name));
            match (
                variable(name_of_variable)
                    .or_else(from_file)
                    .filter(|value| !value.trim().is_empty()),
                &file,
                &path,
            ) {
                (Some(value), ..) => Ok(value.trim().to_owned()),
                (None, Some(_), Some(path)) => Err(CredentialsError::Missing {
                    path: path.clone(),
                    name,
                    variable: name_of_variable,
                }),
                (None, _, Some(path)) => Err(CredentialsError::NoFile(path.clone())),
                (None, _, None) => Err(CredentialsError::NoHome),
            }
        };
        let optional = |name: &str, name_of_variable: &str| {
            let from_file = || file.as_ref().and_then(|file| file.entry(name));
            variable(name_of_variable).or_else(from_file).filter(|value| !value.is_empty())
        };
        let insecure = match optional("insecure", "ZULIP_ALLOW_INSECURE") {
            None => false,
            Some(word) if word.eq_ignore_ascii_case("true") => true,
            Some(word) if word.eq_ignore_ascii_case("false") => false,
            Some(_) => return Err(CredentialsError::Insecure),
        };
        let file_entry = |name: &str, name_of_variable: &str| {
            optional(name, name_of_variable).map(|path| expand_home(path.into(), &variable))
        };
        let tls = Tls {
            insecure,
            cert_bundle: file_entry("cert_bundle", "ZULIP_CERT_BUNDLE"),
            client_cert: file_entry("client_cert", "ZULIP_CERT"),
            client_cert_key: file_entry("client_cert_key", "ZULIP_CERT_KEY"),
        };
        if tls.client_cert_key.is_some() && tls.client_cert.is_none() {
            return Err(CredentialsError::KeyWithoutCert);
        }
        Ok(Self {
            site: site(&entry("site", "ZULIP_SITE")?, insecure)?,
            email: entry("email", "ZULIP_EMAIL")?,
            key: Secret::new(entry("key", "ZULIP_API_KEY")?),
            tls,
        })
    }
}

fn expand_home(path: PathBuf, variable: &impl Fn(&str) -> Option<String>) -> PathBuf {
    match (path.strip_prefix("~"), variable("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path,
    }
}

/// The site with a scheme and without a trailing slash, as the Python client completes it.
fn site(written: &str, insecure: bool) -> Result<String, CredentialsError> {
    let site = if written.starts_with("localhost") {
        format!("http://{written}")
    } else if written.starts_with("http") {
        written.to_owned()
    } else {
        format!("https://{written}")
    };
    let site = site.trim_end_matches('/').to_owned();
    // What stands before an @ may be a password.
    let wrong =
        || CredentialsError::Site(written.rsplit('@').next().unwrap_or_default().to_owned());
    // By the parser of the client that sends the key, which drops tabs and line ends: there is one
    // reading of the host.
    let url = reqwest::Url::parse(&site).map_err(|_| wrong())?;
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
        "http" => Err(CredentialsError::PlainHttp(written.to_owned())),
        _ => Err(wrong()),
    }
}

/// Whether `host`, as a URL has it, is this machine.
pub(crate) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || bare.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback())
}

/// The section `[api]` of a `zuliprc`, names in lower case.
pub(crate) struct Zuliprc(pub(crate) HashMap<String, String>);

impl Zuliprc {
    /// `None` where there is no such file; an error if it was asked for by name.
    fn read(path: &Path, by_name: bool) -> Result<Option<Self>, CredentialsError> {
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&text)
                .map(Some)
                .map_err(|line| CredentialsError::Syntax { path: path.to_owned(), line }),
            Err(source) if source.kind() == std::io::ErrorKind::NotFound && !by_name => Ok(None),
            Err(source) => Err(CredentialsError::Unreadable { path: path.to_owned(), source }),
        }
    }

    /// The subset of Python's `configparser` that `zuliprc` files use: sections, `=` or `:`,
    /// full-line comments, indented continuation lines, `%%` for `%`. The error is the number
    /// of the line.
    pub(crate) fn parse(text: &str) -> Result<Self, usize> {
        let mut entries: HashMap<String, String> = HashMap::new();
        let mut in_api = None;
        let mut last = None;
        for (at, raw) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = raw.trim();
            if line.is_empty() || line.starts_with('#') || line.starts_with(';') {
                continue;
            }
            if raw.starts_with(char::is_whitespace) && last.is_some() {
                if let Some(value) = last.as_ref().and_then(|name: &String| entries.get_mut(name)) {
                    value.push('\n');
                    value.push_str(line);
                }
            } else if let Some(section) =
                line.strip_prefix('[').and_then(|rest| rest.rsplit_once(']'))
            {
                in_api = Some(section.0 == "api");
                last = None;
            } else {
                let (name, value) = line.split_once(['=', ':']).ok_or(at + 1)?;
                let name = name.trim().to_lowercase();
                if in_api.ok_or(at + 1)? {
                    entries.insert(name.clone(), value.trim().replace("%%", "%"));
                    last = Some(name);
                } else {
                    // Continuation lines of another section are swallowed with it.
                    last = Some(String::new());
                }
            }
        }
        Ok(Self(entries))
    }

    fn entry(&self, name: &str) -> Option<String> {
        self.0.get(name).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMPLETE: &str =
        "[api]\nemail=presence-bot@example.com\nkey=abc\nsite=https://zulip.example.com/\n";

    fn find(
        text: Option<&str>,
        variables: &[(&str, &str)],
    ) -> Result<ZulipCredentials, CredentialsError> {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let home = std::env::temp_dir().join(format!(
            "zuliprc-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        ));
        std::fs::create_dir_all(&home).expect("a directory");
        if let Some(text) = text {
            std::fs::write(home.join(".zuliprc"), text).expect("a file");
        }
        let variable = |name: &str| match name {
            "HOME" => Some(home.display().to_string()),
            _ => variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned()),
        };
        let credentials = ZulipCredentials::load(None, variable);
        std::fs::remove_dir_all(&home).expect("ours");
        credentials
    }

    #[test]
    fn zuliprc_is_read_as_python_does() {
        let credentials = find(Some(COMPLETE), &[]).expect("complete");
        assert_eq!(credentials.site, "https://zulip.example.com");
        assert_eq!(credentials.email, "presence-bot@example.com");
        assert_eq!(credentials.key.expose(), "abc");
        assert!(!credentials.tls.insecure);
        let text = "# mine\n[other]\nkey=no\n continued\n[api]\nEMAIL: a@b\n; x\nkey = k%%1\nsite=localhost:9991\ninsecure = True\n";
        let credentials = find(Some(text), &[]).expect("complete");
        assert_eq!(
            (credentials.site.as_str(), credentials.email.as_str(), credentials.key.expose()),
            ("http://localhost:9991", "a@b", "k%1")
        );
        assert!(credentials.tls.insecure);
    }

    #[test]
    fn environment_overrides_the_file() {
        let credentials =
            find(Some(COMPLETE), &[("ZULIP_API_KEY", "other"), ("ZULIP_SITE", "chat.example.org")])
                .expect("complete");
        assert_eq!(
            (credentials.key.expose(), credentials.site.as_str()),
            ("other", "https://chat.example.org")
        );
        let credentials = find(
            None,
            &[("ZULIP_API_KEY", "k"), ("ZULIP_SITE", "https://z.example"), ("ZULIP_EMAIL", "e@x")],
        )
        .expect("enough");
        assert_eq!(credentials.email, "e@x");
    }

    #[test]
    fn missing_or_invalid_entries_are_named() {
        #[track_caller]
        fn says(text: Option<&str>, variables: &[(&str, &str)], expected: &str) {
            let said = find(text, variables).expect_err(expected).to_string();
            assert!(said.contains(expected), "{said}");
            assert!(!said.contains('\n'), "{said}");
            assert!(!said.contains("sesame"), "{said}");
        }
        says(None, &[], ".zuliprc");
        says(None, &[("ZULIP_EMAIL", "a@b")], "not all set");
        says(Some("[api]\nemail=a@b\nsite=https://x\n"), &[], "no `key`");
        says(Some("[api]\nemail=a@b\nkey=sesame\n"), &[], "no `site`");
        says(Some("[api]\nkey=sesame\nsite=https://x\n"), &[], "no `email`");
        says(Some("[zulip]\nkey=sesame\n"), &[], "[api]");
        says(Some("[api]x]\nkey=sesame\n"), &[], "[api]");
        says(Some("key=sesame\n"), &[], ".zuliprc:1");
        says(Some("[api]\nsesame\n"), &[], ".zuliprc:2");
        says(Some(&format!("{COMPLETE}insecure=yes\n")), &[], "'true' or 'false'");
        says(Some(&format!("{COMPLETE}client_cert_key=/k\n")), &[], "client_cert");
        says(Some(&COMPLETE.replace("https:", "http:")), &[], "in clear");
        says(Some(&COMPLETE.replace("https:", "httpx:")), &[], "not the address");
        says(Some(&COMPLETE.replace("https://", "https://u:sesame@")), &[], "site");
        // A scheme that is misspelt is no host.
        says(Some(&COMPLETE.replace("https:", "htps:")), &[], "not the address");
        for odd in [
            "https://x#@y",
            "https://x?y",
            "https://",
            "https:///",
            "https://x\\@y",
            "https://a b",
            "https://x\n y",
            "http:x",
        ] {
            says(Some(&COMPLETE.replace("https://zulip.example.com/", odd)), &[], "site");
        }
    }

    #[test]
    fn loopback_allows_plain_http() {
        for host in ["localhost", "127.0.0.1", "127.9.9.9", "[::1]"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["localhost.example.com", "10.0.0.1", "[::2]", "example.com"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
