//! Which endpoint a page uses, and how.

use core::time::Duration;

use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_core::watchlist::{Endpoint, PollSettings};
use zulip_presence_core::{MAX_OFFLINE_THRESHOLD, MIN_OFFLINE_THRESHOLD};

use super::page::window;
use crate::console::warn_once;

/// Default time between two requests for the same people.
const INTERVAL: Duration = Duration::from_secs(30);
/// Zulip's clients report once a minute: a shorter interval gives nothing new.
const MIN_INTERVAL: Duration = Duration::from_secs(15);
/// Part of the 200 s in which changes must arrive (docs/design.md, delay sum).
const MAX_INTERVAL: Duration = Duration::from_secs(60);
/// Maximum number of requests of a page in any 60 s.
const BUDGET: u32 = 60;

const INVALID_INTERVAL: &str =
    "data-interval must be a number of seconds from 15 to 60; 30 is used.";
const INVALID_OFFLINE_AFTER: &str =
    "data-offline-after must be a number of seconds from 60 to 3600; the endpoint's own is used.";
const INVALID_CREDENTIALS: &str =
    "data-credentials must be same-origin, include or omit; same-origin is used.";
const INVALID_LIVE: &str = "data-live must be on or off; on is used.";
const INVALID_ENDPOINT: &str = "data-endpoint must be an http or https URL like https://presence.example.com/api/v1; no request is made.";
const INVALID_ZULIP: &str =
    "data-zulip must be an http or https URL like https://chat.example.com; no link is shown.";
const INCOMPLETE_CREDENTIALS: &str = "data-email and data-api-key belong together, with data-endpoint for the address of your Zulip; no request is made.";
const API_KEY_EXPOSED: &str = "data-api-key gives everybody who can read this page all that the bot can do in Zulip. \
    Use it for trials only; a zulip-presence-gateway keeps the key off the page.";

#[wasm_bindgen(module = "/src/client/browser.js")]
extern "C" {
    /// The URL of an endpoint, absolute; `None` if it is not an http or https URL.
    #[wasm_bindgen(js_name = resolveEndpoint)]
    fn resolve_endpoint(written: &str) -> Option<String>;
}

/// Which endpoint a page uses, and how.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// Absolute, ends with a slash.
    endpoint: String,
    interval: Duration,
    offline_after: Option<Duration>,
    live: bool,
    /// The address at which people use Zulip; absolute, ends with a slash.
    zulip: Option<String>,
    pub(crate) auth: Auth,
}

/// How requests are authenticated.
#[derive(Clone, PartialEq)]
pub(crate) enum Auth {
    /// A gateway: it holds the key.
    Gateway(Credentials),
    /// Zulip itself.
    Zulip(BasicAuth),
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
    /// The value in `data-credentials`, and in fetch.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SameOrigin => "same-origin",
            Self::Include => "include",
            Self::Omit => "omit",
        }
    }
}

/// A bot's email and API key, encoded for HTTP Basic. No `Debug`: it appears in one header and
/// nowhere else.
#[derive(Clone, PartialEq)]
pub(crate) struct BasicAuth(String);

impl BasicAuth {
    fn new(email: &str, api_key: &str) -> Option<Self> {
        let encoded = window().btoa(&[email, ":", api_key].concat()).ok()?;
        Some(Self(["Basic ", &encoded].concat()))
    }

    /// The value of the header `Authorization`.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

/// The endpoint is not an http or https URL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidEndpoint;

impl core::fmt::Display for InvalidEndpoint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(INVALID_ENDPOINT)
    }
}

impl core::error::Error for InvalidEndpoint {}

impl Settings {
    /// Settings for a gateway whose API begins at `endpoint`, which may be relative to the page:
    /// `https://presence.example.com/api/v1`.
    ///
    /// # Errors
    /// [`InvalidEndpoint`] if `endpoint` is not an http or https URL.
    pub fn gateway(endpoint: &str) -> Result<Self, InvalidEndpoint> {
        let endpoint = resolve_endpoint(endpoint).ok_or(InvalidEndpoint)?;
        Ok(Self {
            endpoint,
            interval: INTERVAL,
            offline_after: None,
            live: true,
            zulip: None,
            auth: Auth::Gateway(Credentials::default()),
        })
    }

    /// Time between two requests for the same people, clamped to 15–60 s.
    #[must_use]
    pub fn interval(self, interval: Duration) -> Self {
        Self { interval: interval.clamp(MIN_INTERVAL, MAX_INTERVAL), ..self }
    }

    /// Time from the last reported timestamp until a person is shown as offline. Clamped to
    /// 60–3600 s. Default: the endpoint's value, else 200 s.
    #[must_use]
    pub fn offline_after(self, offline_after: Duration) -> Self {
        Self {
            offline_after: Some(offline_after.clamp(MIN_OFFLINE_THRESHOLD, MAX_OFFLINE_THRESHOLD)),
            ..self
        }
    }

    /// Whether a visible page reads the gateway's stream, by which whoever comes is shown at once;
    /// it then polls once a minute. Default: `true`. Gateways without streams are polled.
    #[must_use]
    pub fn live(self, live: bool) -> Self {
        Self { live, ..self }
    }

    /// Whether requests carry cookies.
    #[must_use]
    pub fn credentials(self, credentials: Credentials) -> Self {
        match self.auth {
            Auth::Gateway(_) => Self { auth: Auth::Gateway(credentials), ..self },
            Auth::Zulip(_) => self,
        }
    }

    /// The address at which people use Zulip, for links: `https://chat.example.com`. Ignored, with
    /// a console line, unless it is an http or https URL.
    #[must_use]
    pub fn zulip(self, url: &str) -> Self {
        Self { zulip: resolve_or_warn(url, INVALID_ZULIP), ..self }
    }

    /// The URL of a message to the person with this ID.
    pub(crate) fn message_url(&self, user_id: u64) -> Option<String> {
        Some([self.zulip.as_deref()?, "#narrow/dm/", &user_id.to_string()].concat())
    }

    /// Parses the attributes of the script tag, by the names that they have in its `dataset`
    /// (`offlineAfter`), or what the page configured in place of them. `default_endpoint` is used if
    /// no endpoint is given. Invalid settings are ignored, with one console line each; `None` if no
    /// request can be made.
    pub fn from_script(
        written: &dyn Fn(&str) -> Option<String>,
        default_endpoint: &str,
    ) -> Option<Self> {
        let given = |name: &str| {
            written(name)
                .map(|value| value.trim_ascii().to_owned())
                .filter(|value| !value.is_empty())
        };
        let endpoint = given("endpoint");
        let (email, api_key) = (given("email"), given("apiKey"));
        let is_direct = email.is_some() || api_key.is_some();
        let key = email
            .zip(api_key)
            .filter(|_| endpoint.is_some())
            .and_then(|(email, api_key)| BasicAuth::new(&email, &api_key));
        if is_direct && key.is_none() {
            warn_once(INCOMPLETE_CREDENTIALS, "");
            return None;
        }
        let written = endpoint.as_deref().unwrap_or(default_endpoint);
        let api = if is_direct { zulip_api_url(written) } else { written.to_owned() };
        let mut settings =
            Self::gateway(&api).map_err(|_| warn_once(INVALID_ENDPOINT, written)).ok()?;
        settings.auth = match key {
            Some(key) => {
                warn_once(API_KEY_EXPOSED, "");
                Auth::Zulip(key)
            }
            None => Auth::Gateway(credentials(given("credentials").as_deref())),
        };
        settings.zulip = given("zulip").and_then(|zulip| resolve_or_warn(&zulip, INVALID_ZULIP));
        if let Some(interval) =
            seconds(given("interval"), MIN_INTERVAL, MAX_INTERVAL, INVALID_INTERVAL)
        {
            settings.interval = interval;
        }
        settings.offline_after = seconds(
            given("offlineAfter"),
            MIN_OFFLINE_THRESHOLD,
            MAX_OFFLINE_THRESHOLD,
            INVALID_OFFLINE_AFTER,
        );
        settings.live = match given("live").as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(written) => {
                warn_once(INVALID_LIVE, written);
                true
            }
        };
        Some(settings)
    }

    /// The same settings for another gateway, which never gets the key, and may belong to another
    /// Zulip.
    #[must_use]
    pub fn with_endpoint(&self, endpoint: &str) -> Option<Self> {
        let endpoint = resolve_or_warn(endpoint, INVALID_ENDPOINT)?;
        let auth = match &self.auth {
            Auth::Gateway(credentials) => Auth::Gateway(*credentials),
            Auth::Zulip(_) => Auth::Gateway(Credentials::default()),
        };
        Some(Self { endpoint, auth, zulip: None, ..*self })
    }

    /// The URL of `path`, which is relative to the endpoint.
    pub(crate) fn url(&self, path: &str) -> String {
        [&self.endpoint, path].concat()
    }

    /// The base URL of all requests.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The engine's settings: a key means that Zulip itself is asked.
    pub(crate) fn polling(&self) -> PollSettings {
        let endpoint = match self.auth {
            Auth::Gateway(_) => Endpoint::Gateway,
            Auth::Zulip(_) => Endpoint::Zulip { verified_users: false },
        };
        PollSettings::new(endpoint)
            .interval(self.interval)
            .offline_threshold(self.offline_after)
            .budget(BUDGET)
            .live(self.live)
            .seed((js_sys::Math::random() * f64::from(u32::MAX)) as u64)
    }
}

fn resolve_or_warn(url: &str, line: &'static str) -> Option<String> {
    let resolved = resolve_endpoint(url);
    if resolved.is_none() {
        warn_once(line, url);
    }
    resolved
}

/// The base URL of a Zulip site's API: people know the address of their Zulip
/// (`https://zulip.example.com`), not that of its API.
fn zulip_api_url(site: &str) -> String {
    let site = site.strip_suffix('/').unwrap_or(site);
    if site.ends_with("/api/v1") { site.to_owned() } else { [site, "/api/v1"].concat() }
}

fn credentials(written: Option<&str>) -> Credentials {
    let Some(written) = written else {
        return Credentials::default();
    };
    let mut all = [Credentials::SameOrigin, Credentials::Include, Credentials::Omit].into_iter();
    all.find(|credentials| credentials.as_str() == written).unwrap_or_else(|| {
        warn_once(INVALID_CREDENTIALS, written);
        Credentials::default()
    })
}

fn seconds(
    written: Option<String>,
    min: Duration,
    max: Duration,
    line: &'static str,
) -> Option<Duration> {
    let written = written?;
    let span =
        written.parse().ok().map(Duration::from_secs).filter(|span| (min..=max).contains(span));
    if span.is_none() {
        warn_once(line, &written);
    }
    span
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    const DEFAULT_ENDPOINT: &str = "https://presence.example.com/api/v1";

    /// The settings of a script tag with these attributes.
    fn script(attributes: &[(&str, &str)]) -> Option<Settings> {
        let attribute = |name: &str| {
            let found = attributes.iter().find(|(key, _)| *key == name)?;
            Some(found.1.to_owned())
        };
        Settings::from_script(&attribute, DEFAULT_ENDPOINT)
    }

    #[wasm_bindgen_test]
    fn without_attributes_the_gateway_beside_the_script_is_asked() {
        let settings = script(&[]).expect("valid");
        assert_eq!(
            settings.url("realm/presence"),
            "https://presence.example.com/api/v1/realm/presence"
        );
        assert_eq!((settings.interval, settings.offline_after), (Duration::from_secs(30), None));
        assert!(settings.auth == Auth::Gateway(Credentials::SameOrigin));
        assert!(
            script(&[("endpoint", " "), ("email", "")]) == Some(settings),
            "what is empty is not there"
        );
    }

    #[wasm_bindgen_test]
    fn only_http_urls_are_endpoints() {
        let origin = window().location().origin().expect("an origin");
        for (written, expected) in [
            ("https://a.example/api/v1", "https://a.example/api/v1/"),
            ("HTTPS://A.example:443/api/v1/", "https://a.example/api/v1/"),
            ("http://localhost:8640/x y?q=1#f", "http://localhost:8640/x%20y/"),
            (
                "//a.example",
                &[if origin.starts_with("https") { "https" } else { "http" }, "://a.example/"]
                    .concat(),
            ),
            ("/presence/api/v1", &[&origin, "/presence/api/v1/"].concat()),
        ] {
            let settings = script(&[("endpoint", written)]);
            assert_eq!(settings.as_ref().map(Settings::endpoint), Some(expected), "{written}");
        }
        for written in [
            "http://[",
            "http://",
            "https://user:password@a.example/",
            "https://user@a.example/",
            "javascript:alert(1)",
            "ftp://a.example/api/v1",
            "httpx://a.example/",
            "data:text/plain,x",
            "blob:https://a.example/0",
            "file:///api/v1",
            "ws://a.example",
        ] {
            assert!(script(&[("endpoint", written)]).is_none(), "{written}");
            assert!(Settings::gateway(written).is_err(), "{written}");
        }
        assert!(Settings::gateway("").is_err());
    }

    #[wasm_bindgen_test]
    fn pages_are_live_unless_they_say_off() {
        for (written, is_live) in [("on", true), ("", true), (" off ", false), ("no", true)] {
            let settings = script(&[("live", written)]).expect("valid");
            assert_eq!(settings.live, is_live, "{written}");
        }
        assert!(script(&[]).expect("valid").live);
    }

    #[wasm_bindgen_test]
    fn values_out_of_bounds_are_ignored() {
        for (written, expected_s) in [
            ("15", 15),
            ("60", 60),
            (" 20 ", 20),
            ("0", 30),
            ("14", 30),
            ("61", 30),
            ("-20", 30),
            ("abc", 30),
            ("20s", 30),
            ("1e1", 30),
            ("99999999999999999999", 30),
        ] {
            assert_eq!(
                script(&[("interval", written)]).expect("valid").interval,
                Duration::from_secs(expected_s),
                "{written}"
            );
        }
        for (written, expected_s) in [
            ("60", Some(60)),
            ("3600", Some(3600)),
            ("59", None),
            ("3601", None),
            ("never", None),
            ("", None),
        ] {
            let expected = expected_s.map(Duration::from_secs);
            assert_eq!(
                script(&[("offlineAfter", written)]).expect("valid").offline_after,
                expected,
                "{written}"
            );
        }
        for (written, expected) in [
            ("omit", Credentials::Omit),
            ("include", Credentials::Include),
            ("same-origin", Credentials::SameOrigin),
            ("INCLUDE", Credentials::SameOrigin),
            ("yes", Credentials::SameOrigin),
        ] {
            assert!(
                script(&[("credentials", written)]).expect("valid").auth == Auth::Gateway(expected),
                "{written}"
            );
        }
    }

    #[wasm_bindgen_test]
    fn links_lead_to_http_urls_only() {
        for (written, expected) in [
            ("https://chat.example.com", Some("https://chat.example.com/#narrow/dm/12")),
            (" https://chat.example.com/?x#y ", Some("https://chat.example.com/#narrow/dm/12")),
            ("https://example.com/zulip/", Some("https://example.com/zulip/#narrow/dm/12")),
            ("javascript:alert(1)", None),
            ("https://user:password@chat.example.com", None),
            ("http://[", None),
            ("", None),
        ] {
            let settings = script(&[("zulip", written)]).expect("valid");
            assert_eq!(settings.message_url(12).as_deref(), expected, "{written}");
        }
        let settings = script(&[("zulip", "https://chat.example.com")]).expect("valid");
        let other = settings.with_endpoint("https://b.example/api/v1").expect("valid");
        assert_eq!(other.message_url(12), None);
    }

    #[wasm_bindgen_test]
    fn incomplete_credentials_are_refused() {
        let (endpoint, email, key) = (
            ("endpoint", "https://zulip.example.com"),
            ("email", "bot@example.com"),
            ("apiKey", "abc"),
        );
        assert!(script(&[endpoint, email]).is_none());
        assert!(script(&[endpoint, key]).is_none());
        assert!(script(&[email, key]).is_none(), "nor a key without the address of its Zulip");
        assert!(
            script(&[endpoint, ("email", "böt☃@example.com"), key]).is_none(),
            "nor an email that HTTP cannot carry"
        );
        for site in [
            "https://zulip.example.com",
            "https://zulip.example.com/",
            "https://zulip.example.com/api/v1",
        ] {
            let settings = script(&[("endpoint", site), email, key]).expect("valid");
            assert_eq!(settings.endpoint(), "https://zulip.example.com/api/v1/");
            assert!(
                matches!(settings.auth, Auth::Zulip(ref key) if key.expose() == "Basic Ym90QGV4YW1wbGUuY29tOmFiYw==")
            );
        }
    }
}
