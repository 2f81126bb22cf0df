//! Zulip's address and the bot's account: from the environment and a `zuliprc`, as Zulip's Python
//! client reads them (`Client.__init__` in `zulip/__init__.py`; docs/zulip-wire.md §8).

use std::path::{Path, PathBuf};

use crate::config::ini::{Ini, IniError, InterpolationError};
use crate::config::secret::Secret;
use crate::config::site::{SiteError, parse_site};
use crate::config::tls::Tls;

/// The section that is read.
const SECTION: &str = "api";

/// A Zulip server and a bot's account on it.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
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

/// Where a `zuliprc` is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Zuliprc {
    /// Named by the command line: it must be there.
    Named(PathBuf),
    /// Where it is looked for otherwise, by `ZULIP_CONFIG` or in `HOME`: the environment may be
    /// enough without it.
    Default(PathBuf),
}

impl Zuliprc {
    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::Default(path) => path,
        }
    }

    /// The path, if the command line named it.
    pub(crate) fn named(&self) -> Option<&Path> {
        match self {
            Self::Named(path) => Some(path),
            Self::Default(_) => None,
        }
    }
}

/// Why there is no account. Each says what is missing and where it was looked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// Neither environment nor file.
    #[error(
        "no Zulip account: there is no {}, and ZULIP_EMAIL, ZULIP_API_KEY and ZULIP_SITE are not all set; \
         download a bot's zuliprc from Zulip (Settings > Bots), or try --demo",
        .0.display()
    )]
    NoFile(PathBuf),
    /// Nor is a path of the file known.
    #[error(
        "no Zulip account: no --config-file, no HOME to find .zuliprc in, and ZULIP_EMAIL, ZULIP_API_KEY and ZULIP_SITE are not all set"
    )]
    NoHome,
    /// The file cannot be read.
    #[error("cannot read {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not a valid INI file.
    #[error("{}:{error}", .path.display())]
    Ini {
        /// The file.
        path: PathBuf,
        /// The line and what is wrong with it.
        error: IniError,
    },
    /// A `%` in a value cannot be expanded.
    #[error("{}: `{name}`: {error}", .path.display())]
    Interpolation {
        /// The file.
        path: PathBuf,
        /// The entry.
        name: &'static str,
        /// What is wrong with it.
        error: InterpolationError,
    },
    /// An entry is missing.
    #[error("{} has no `{name}` in its section [api], and {variable} is not set", .path.display())]
    Missing {
        /// The file.
        path: PathBuf,
        /// The entry.
        name: &'static str,
        /// The environment variable that can be set instead.
        variable: &'static str,
    },
    /// `insecure` is neither true nor false.
    #[error("insecure (or ZULIP_ALLOW_INSECURE) must be 'true' or 'false'")]
    Insecure,
    /// The site is invalid.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// A key without its certificate.
    #[error("client_cert_key is set, but client_cert is not")]
    KeyWithoutCert,
}

impl ZulipCredentials {
    /// An account at `site` (scheme, host and port, without a trailing slash), secured as by default.
    #[must_use]
    pub fn new(site: impl Into<String>, email: impl Into<String>, key: Secret) -> Self {
        Self { site: site.into(), email: email.into(), key, tls: Tls::default() }
    }

    /// The `zuliprc` that [`load`](Self::load) reads, if it exists. `None`: no path is known.
    #[must_use]
    pub fn file(
        config_file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Option<Zuliprc> {
        if let Some(path) = config_file {
            return Some(Zuliprc::Named(expand_home(path.to_owned(), &variable)));
        }
        let path = variable("ZULIP_CONFIG")
            .map(PathBuf::from)
            .or_else(|| variable("HOME").map(|home| Path::new(&home).join(".zuliprc")));
        path.map(|path| Zuliprc::Default(expand_home(path, &variable)))
    }

    /// Loads the account from the environment and the `zuliprc`. `config_file` is from the command
    /// line, `variable` reads the environment.
    ///
    /// # Errors
    /// [`CredentialsError`] if they define none.
    pub fn load(
        config_file: Option<&Path>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, CredentialsError> {
        let zuliprc = Self::file(config_file, &variable);
        let path = zuliprc.as_ref().map(Zuliprc::path);
        let file = match &zuliprc {
            Some(zuliprc) => read(zuliprc)?.map(|ini| (zuliprc.path(), ini)),
            None => None,
        };
        // The environment comes first: an entry that is not needed is not expanded.
        let optional = |name: &'static str, variable_name: &str| {
            if let Some(value) = variable(variable_name) {
                return Ok(Some(value));
            }
            let Some((path, ini)) = &file else {
                return Ok(None);
            };
            ini.get(SECTION, name).map_err(|error| CredentialsError::Interpolation {
                path: (*path).to_owned(),
                name,
                error,
            })
        };
        let required = |name: &'static str, variable_name: &'static str| {
            let value = optional(name, variable_name)?;
            let value =
                value.map(|value| value.trim().to_owned()).filter(|value| !value.is_empty());
            value.ok_or_else(|| match (&file, path) {
                (Some((path, _)), _) => CredentialsError::Missing {
                    path: (*path).to_owned(),
                    name,
                    variable: variable_name,
                },
                (None, Some(path)) => CredentialsError::NoFile(path.to_owned()),
                (None, None) => CredentialsError::NoHome,
            })
        };
        let insecure = match optional("insecure", "ZULIP_ALLOW_INSECURE")?.as_deref() {
            None | Some("") => false,
            Some(word) if word.eq_ignore_ascii_case("true") => true,
            Some(word) if word.eq_ignore_ascii_case("false") => false,
            Some(_) => return Err(CredentialsError::Insecure),
        };
        let path_of = |name: &'static str, variable_name: &str| {
            let value = optional(name, variable_name)?.filter(|value| !value.is_empty());
            Ok::<_, CredentialsError>(value.map(|path| expand_home(path.into(), &variable)))
        };
        let tls = Tls {
            insecure,
            cert_bundle: path_of("cert_bundle", "ZULIP_CERT_BUNDLE")?,
            client_cert: path_of("client_cert", "ZULIP_CERT")?,
            client_cert_key: path_of("client_cert_key", "ZULIP_CERT_KEY")?,
        };
        if tls.client_cert_key.is_some() && tls.client_cert.is_none() {
            return Err(CredentialsError::KeyWithoutCert);
        }
        Ok(Self {
            site: parse_site(&required("site", "ZULIP_SITE")?, insecure)?,
            email: required("email", "ZULIP_EMAIL")?,
            key: Secret::new(required("key", "ZULIP_API_KEY")?),
            tls,
        })
    }
}

/// `None` if there is no such file, and need not be.
fn read(zuliprc: &Zuliprc) -> Result<Option<Ini>, CredentialsError> {
    let path = zuliprc.path();
    match std::fs::read_to_string(path) {
        // Windows editors write this byte order mark, which Python refuses.
        Ok(text) => Ini::parse(text.strip_prefix('\u{feff}').unwrap_or(&text))
            .map(Some)
            .map_err(|error| CredentialsError::Ini { path: path.to_owned(), error }),
        Err(source)
            if source.kind() == std::io::ErrorKind::NotFound && zuliprc.named().is_none() =>
        {
            Ok(None)
        }
        Err(source) => Err(CredentialsError::Unreadable { path: path.to_owned(), source }),
    }
}

fn expand_home(path: PathBuf, variable: &impl Fn(&str) -> Option<String>) -> PathBuf {
    match (path.strip_prefix("~"), variable("HOME")) {
        (Ok(rest), Some(home)) => Path::new(&home).join(rest),
        _ => path,
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
        says(Some(&format!("{COMPLETE}key=sesame\n")), &[], ".zuliprc:5: this entry is there");
        says(Some(&format!("{COMPLETE}[api]\n")), &[], ".zuliprc:5: this section is there");
        says(Some(&COMPLETE.replace("abc", "sesame%")), &[], "`key`: `%` must be written `%%`");
        says(Some(&COMPLETE.replace("abc", "%(sesam)s")), &[], "`key`: it refers by");
        says(Some("key=sesame\n"), &[], ".zuliprc:1");
        says(Some("[api]\nsesame\n"), &[], ".zuliprc:2");
        says(Some(&format!("{COMPLETE}insecure=yes\n")), &[], "'true' or 'false'");
        says(Some(&format!("{COMPLETE}client_cert_key=/k\n")), &[], "client_cert");
        says(Some(&COMPLETE.replace("https:", "http:")), &[], "in clear");
        says(Some(&COMPLETE.replace("https:", "httpx:")), &[], "not the address");
        says(Some(&COMPLETE.replace("https://", "https://u:sesame@")), &[], "site");
        // A misspelt scheme is not taken for a host.
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
}
