//! Whom a page asks, and how.

use core::time::Duration;

use web_sys::Url;
use zulip_presence_core::watchlist;
use zulip_presence_core::{MAX_OFFLINE_AFTER, MIN_OFFLINE_AFTER};

use crate::console::warn_once;
use crate::driver::window;

/// Time between two requests for the same people unless the page says otherwise.
const INTERVAL: Duration = Duration::from_secs(60);
/// Zulip's clients report once a minute: more often than this tells nothing new.
const MIN_INTERVAL: Duration = Duration::from_secs(15);
/// Part of the 200 s in which news must arrive (DESIGN.md §2).
const MAX_INTERVAL: Duration = Duration::from_secs(60);
/// Most requests of a page in any 60 s.
const BUDGET: u32 = 60;

const BAD_INTERVAL: &str = "data-interval must be a number of seconds from 15 to 60; 60 is used.";
const BAD_OFFLINE_AFTER: &str = "data-offline-after must be a number of seconds from 60 to 3600; the endpoint's own is used.";
const BAD_CREDENTIALS: &str = "data-credentials must be same-origin, include or omit; same-origin is used.";
const BAD_ENDPOINT: &str = "data-endpoint must be an http or https URL like https://presence.example.com/api/v1; nobody is asked.";
const HALF_A_KEY: &str = "data-email and data-api-key belong together, with data-endpoint for the address of your Zulip; nobody is asked.";
const KEY_IN_PAGE: &str = "data-api-key gives everybody who can read this page all that the bot can do in Zulip. \
    Use it for trials only; a zulip-presence-gateway keeps the key off the page.";

/// Whom a page asks, and how.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// Absolute, ends with a slash.
    endpoint: String,
    interval: Duration,
    offline_after: Option<Duration>,
    pub(crate) access: Access,
}

/// What an endpoint wants to see.
#[derive(Clone, PartialEq)]
pub(crate) enum Access {
    /// A gateway: it holds the key.
    Gateway(Credentials),
    /// Zulip itself.
    Zulip(Key),
}

/// Whether requests to a gateway carry the cookies of its site.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Credentials {
    /// Only to the page's own origin.
    #[default]
    SameOrigin,
    /// To another origin too; its gateway must list the page's (`--allow-origin`).
    Include,
    /// Never.
    Omit,
}

impl Credentials {
    /// The word in `data-credentials`, and in fetch.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::Include => "include",
            Self::Omit => "omit",
        }
    }
}

/// A bot's email and API key as HTTP wants them. No `Debug`: it appears in one header and nowhere else.
#[derive(Clone, PartialEq)]
pub(crate) struct Key(String);

impl Key {
    fn new(email: &str, api_key: &str) -> Option<Self> {
        let encoded = window().btoa(&[email, ":", api_key].concat()).ok()?;
        Some(Self(["Basic ", &encoded].concat()))
    }

    /// The value of the header `Authorization`.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// No http or https URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidEndpoint;

impl core::fmt::Display for InvalidEndpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(BAD_ENDPOINT)
    }
}

impl core::error::Error for InvalidEndpoint {}

impl Settings {
    /// A gateway whose API begins at `endpoint`, which may be relative to the page: `https://presence.example.com/api/v1`.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] for all that is no http or https URL.
    pub fn gateway(endpoint: &str) -> Result<Self, InvalidEndpoint> {
        let endpoint = absolute(endpoint).ok_or(InvalidEndpoint)?;
        Ok(Self { endpoint, interval: INTERVAL, offline_after: None, access: Access::Gateway(Credentials::default()) })
    }

    /// Time between two requests for the same people, moved into 15–60 s.
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval: interval.clamp(MIN_INTERVAL, MAX_INTERVAL), ..self }
    }

    /// How long after their last sign of life people are offline, moved into 60–3600 s. Default: as the endpoint says, else 200 s.
    #[must_use]
    pub fn offline_after(self, offline_after: Duration) -> Self {
        Self { offline_after: Some(offline_after.clamp(MIN_OFFLINE_AFTER, MAX_OFFLINE_AFTER)), ..self }
    }

    /// Whether requests carry cookies.
    #[must_use]
    pub fn credentials(self, credentials: Credentials) -> Self {
        match self.access {
            Access::Gateway(_) => Self { access: Access::Gateway(credentials), ..self },
            Access::Zulip(_) => self,
        }
    }

    /// Reads the attributes of the script tag. `attribute` finds one by its name in the DOM's `dataset` (`offlineAfter`); `here` is the
    /// endpoint where none is named. What is wrong is said once in the console and left at its default; `None` where nobody can be asked.
    #[must_use]
    pub fn from_script(attribute: &dyn Fn(&str) -> Option<String>, here: &str) -> Option<Self> {
        let attribute = |name: &str| attribute(name).map(|value| value.trim_ascii().to_owned()).filter(|value| !value.is_empty());
        let endpoint = attribute("endpoint");
        let mut settings = match (attribute("email"), attribute("apiKey")) {
            (None, None) => {
                let endpoint = endpoint.as_deref().unwrap_or(here);
                let settings = Self::gateway(endpoint).map_err(|_| warn_once(BAD_ENDPOINT, endpoint)).ok()?;
                settings.credentials(credentials(attribute("credentials").as_deref()))
            }
            (Some(email), Some(api_key)) if endpoint.is_some() => {
                let endpoint = endpoint.unwrap_or_default();
                let settings = Self::gateway(&site_api(&endpoint)).map_err(|_| warn_once(BAD_ENDPOINT, &endpoint)).ok()?;
                warn_once(KEY_IN_PAGE, "");
                let key = Key::new(&email, &api_key).or_else(|| {
                    warn_once(HALF_A_KEY, "");
                    None
                });
                Self { access: Access::Zulip(key?), ..settings }
            }
            _ => {
                warn_once(HALF_A_KEY, "");
                return None;
            }
        };
        if let Some(interval) = seconds(attribute("interval"), MIN_INTERVAL, MAX_INTERVAL, BAD_INTERVAL) {
            settings.interval = interval;
        }
        settings.offline_after = seconds(attribute("offlineAfter"), MIN_OFFLINE_AFTER, MAX_OFFLINE_AFTER, BAD_OFFLINE_AFTER);
        Some(settings)
    }

    /// The same but for another gateway, which never gets to see a key.
    #[must_use]
    pub fn elsewhere(&self, endpoint: &str) -> Option<Self> {
        let endpoint = absolute(endpoint).or_else(|| {
            warn_once(BAD_ENDPOINT, endpoint);
            None
        })?;
        let access = match &self.access {
            Access::Gateway(credentials) => Access::Gateway(*credentials),
            Access::Zulip(_) => Access::Gateway(Credentials::default()),
        };
        Some(Self { endpoint, access, ..*self })
    }

    /// The URL of `path`, which is relative to the endpoint.
    pub(crate) fn url(&self, path: &str) -> String {
        [&self.endpoint, path].concat()
    }

    /// Where requests go.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn watchlist(&self) -> watchlist::Settings {
        watchlist::Settings {
            interval: self.interval,
            offline_after: self.offline_after,
            budget: BUDGET,
            endpoint: match self.access {
                Access::Gateway(_) => watchlist::Endpoint::Gateway,
                Access::Zulip(_) => watchlist::Endpoint::Zulip,
            },
            seed: (js_sys::Math::random() * f64::from(u32::MAX)) as u64,
        }
    }
}

/// The URL without query and fragment, and with a slash at its end.
fn absolute(endpoint: &str) -> Option<String> {
    let base = window().location().href().ok()?;
    let url = Url::new_with_base(endpoint, &base).ok()?;
    let origin = url.origin();
    // Other schemes have another origin or none; with a user and password, which fetch refuses, an address does not begin with it.
    if endpoint.is_empty() || !origin.starts_with("http") || !url.href().starts_with(&origin) {
        return None;
    }
    let mut absolute = [origin, url.pathname()].concat();
    if !absolute.ends_with('/') {
        absolute.push('/');
    }
    Some(absolute)
}

/// Where the API of a Zulip site begins: people know the address of their Zulip (`https://zulip.example.com`), not that of its API.
fn site_api(site: &str) -> String {
    let site = site.strip_suffix('/').unwrap_or(site);
    if site.ends_with("/api/v1") { site.to_owned() } else { [site, "/api/v1"].concat() }
}

fn credentials(written: Option<&str>) -> Credentials {
    let Some(written) = written else {
        return Credentials::default();
    };
    let mut all = [Credentials::SameOrigin, Credentials::Include, Credentials::Omit].into_iter();
    all.find(|credentials| credentials.as_str() == written).unwrap_or_else(|| {
        warn_once(BAD_CREDENTIALS, written);
        Credentials::default()
    })
}

fn seconds(written: Option<String>, min: Duration, max: Duration, line: &'static str) -> Option<Duration> {
    let written = written?;
    let span = written.parse().ok().map(Duration::from_secs).filter(|span| (min..=max).contains(span));
    if span.is_none() {
        warn_once(line, &written);
    }
    span
}
