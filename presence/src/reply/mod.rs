//! Parses Zulip's HTTP replies into types.

mod body;
mod event_stream;
mod status_message;
mod value;

use core::time::Duration;
use std::sync::Arc;

pub use self::event_stream::EventStreamParser;
use self::status_message::status_message;
use self::value::{Object, Value};
use crate::user_map::UserMap;
use crate::{Presence, Timestamp, UserRef, http_date};

/// One HTTP reply as the edge received it.
///
/// ```
/// use zulip_presence_core::Timestamp;
/// use zulip_presence_core::reply::{HttpReply, NoPresenceReason, RequestError};
///
/// let ok = HttpReply {
///     status: 200,
///     header: &|_| None,
///     body: br#"{"result": "success", "msg": "", "presence": {"active_timestamp": 1800000000}}"#,
/// };
/// let presence = ok.parse_user()?.content.expect("data");
/// assert_eq!(presence.last_active, Some(Timestamp::from_unix_s(1_800_000_000.0)));
///
/// let unknown = HttpReply {
///     status: 400,
///     body: br#"{"result": "error", "msg": "No such user", "code": "BAD_REQUEST"}"#,
///     ..ok
/// };
/// assert_eq!(unknown.parse_user()?.content, Err(NoPresenceReason::NoSuchUser));
///
/// let busy = HttpReply { status: 429, header: &|name| (name == "retry-after").then(|| "3".into()), ..ok };
/// assert!(matches!(busy.parse_user(), Err(RequestError::RateLimited { retry_after: Some(_) })));
/// # Ok::<(), RequestError>(())
/// ```
#[derive(Clone, Copy)]
pub struct HttpReply<'a> {
    /// The HTTP status code.
    pub status: u16,
    /// Returns a header by its name in lower case (header names are case-insensitive); `None` also
    /// if it may not be read.
    pub header: &'a dyn Fn(&str) -> Option<String>,
    /// The body, decompressed.
    pub body: &'a [u8],
}

/// A parsed reply with its timestamps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reply<T> {
    /// The parsed content.
    pub content: T,
    /// The body's `server_timestamp`: when the server made the reply.
    pub server_timestamp: Option<Timestamp>,
    /// The lower bound of the server's now that the headers give: `Expires` minus `max-age` (Zulip
    /// and gateways set it by Zulip's clock, and browsers expose it across origins), else `Date`.
    pub date_lower_bound: Option<Timestamp>,
    /// The body's `server_presence_offline_threshold_seconds`.
    pub offline_threshold: Option<Duration>,
}

impl<T> Reply<T> {
    /// Separates the content from the rest.
    pub(crate) fn split(self) -> (T, Reply<()>) {
        let Self { content, server_timestamp, date_lower_bound, offline_threshold } = self;
        (content, Reply { content: (), server_timestamp, date_lower_bound, offline_threshold })
    }

    /// The greatest lower bound of the server's now.
    #[must_use]
    pub fn lower_bound(&self) -> Option<Timestamp> {
        self.server_timestamp.max(self.date_lower_bound)
    }

    /// When the content was observed: by the body, else by the lower bound from the headers.
    #[must_use]
    pub fn observed_at(&self) -> Option<Timestamp> {
        self.server_timestamp.or(self.date_lower_bound)
    }
}

/// The presence of one person, or why there is none.
pub type UserPresence = Result<Presence, NoPresenceReason>;

/// The presence of many people, each once. An entry without data (`{}`) is
/// [`NoPresenceReason::NoData`].
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RealmPresence(UserMap<RealmEntry>);

#[derive(Clone, PartialEq, Eq, Debug)]
struct RealmEntry {
    presence: UserPresence,
    /// What they say of themselves, where the gateway shows it.
    message: Option<Arc<str>>,
}

impl RealmPresence {
    /// The entry of `user`; the outer `None` if there is no entry at all.
    #[must_use]
    pub fn get(&self, user: &UserRef) -> Option<UserPresence> {
        self.0.get(user).map(|entry| entry.presence)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// All entries.
    pub fn iter(&self) -> impl Iterator<Item = (&UserRef, &UserPresence)> {
        self.0.iter().map(|(user, entry)| (user, &entry.presence))
    }

    /// All entries, with what each person says of themselves: an emoji, a text, or both; one line of
    /// at most 60 characters of text, without control characters.
    pub(crate) fn iter_with_messages(
        &self,
    ) -> impl Iterator<Item = (&UserRef, UserPresence, Option<&Arc<str>>)> {
        self.0.iter().map(|(user, entry)| (user, entry.presence, entry.message.as_ref()))
    }
}

impl FromIterator<(UserRef, UserPresence)> for RealmPresence {
    /// If a user has several entries, the first counts.
    fn from_iter<I: IntoIterator<Item = (UserRef, UserPresence)>>(entries: I) -> Self {
        let entry = |(user, presence)| (user, RealmEntry { presence, message: None });
        Self(entries.into_iter().map(entry).collect())
    }
}

/// Why Zulip sends no presence (all are HTTP 400, docs/zulip-wire.md §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum NoPresenceReason {
    /// "No such user": unknown, deactivated, or named by a hidden email.
    NoSuchUser,
    /// "Presence is not supported for bot users."
    Bot,
    /// "No presence data for …", or a success without any timestamp.
    NoData,
    /// "Insufficient permission".
    NotPermitted,
    /// Another 400 with `BAD_REQUEST`, perhaps with a message in another language.
    Other,
}

/// No reply, or a reply that says nothing about presence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum RequestError {
    /// No reply: refused, reset, blocked, CORS. A browser does not distinguish them.
    Unreachable,
    /// No reply in time.
    TimedOut,
    /// 401: the key or the host is wrong, or the organisation is deactivated.
    Unauthorized,
    /// 429.
    RateLimited {
        /// How long to wait, from the header or the body; `None` if neither has a positive number.
        retry_after: Option<Duration>,
    },
    /// Any other status but 200.
    Status {
        /// The HTTP status code.
        code: u16,
        /// How long to wait, as for [`RateLimited`](Self::RateLimited).
        retry_after: Option<Duration>,
    },
    /// 200 with a body that is not Zulip's: a login page, cut-off JSON.
    InvalidResponse,
    /// 400 of a gateway that was asked for everybody, as only Zulip itself answers.
    UsersMissing,
}

/// The longest wait that a server can impose: one header must not disable badges for a day.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(900);
/// The wait after a 401, which only an administrator can resolve.
const UNAUTHORIZED_DELAY: Duration = Duration::from_secs(300);

impl RequestError {
    /// The wait that the server imposes with this error: its `Retry-After`, at most 15 minutes, or
    /// a fixed one after a 401.
    #[must_use]
    pub fn imposed_delay(self) -> Option<Duration> {
        match self {
            Self::Unauthorized => Some(UNAUTHORIZED_DELAY),
            Self::RateLimited { retry_after } | Self::Status { retry_after, .. } => {
                retry_after.map(|wait| wait.min(MAX_RETRY_AFTER))
            }
            Self::Unreachable | Self::TimedOut | Self::InvalidResponse | Self::UsersMissing => None,
        }
    }
}

impl HttpReply<'_> {
    /// Parses the reply to `GET users/{user}/presence`.
    ///
    /// # Errors
    /// [`RequestError`] for every reply that says nothing about presence. Never panics, whatever
    /// the body.
    pub fn parse_user(&self) -> Result<Reply<UserPresence>, RequestError> {
        match (self.status, self.object()) {
            (200, Some(body)) if body.string("result") == Some("success") => {
                let object = body.object("presence").ok_or(RequestError::InvalidResponse)?;
                Ok(self.reply(user_presence(object), &body))
            }
            (200, _) => Err(RequestError::InvalidResponse),
            (400, Some(body)) if body.string("code") == Some("BAD_REQUEST") => {
                let reason = no_presence_reason(body.string("msg").unwrap_or_default());
                Ok(self.reply(Err(reason), &body))
            }
            (_, body) => Err(self.error(body.as_ref())),
        }
    }

    /// Parses the reply to `GET realm/presence`.
    ///
    /// # Errors
    /// [`RequestError`] for every reply without presence. Never panics, whatever the body.
    pub fn parse_realm(&self) -> Result<Reply<RealmPresence>, RequestError> {
        let body = self.object();
        if self.status != 200 {
            return Err(self.error(body.as_ref()));
        }
        let body = body.ok_or(RequestError::InvalidResponse)?;
        match body.object("presences") {
            Some(presences) if body.string("result") == Some("success") => {
                let entries = presences
                    .objects()
                    .filter_map(|(user, object)| Some((user.parse().ok()?, user_presence(object))));
                let mut realm: RealmPresence = entries.collect();
                if let Some(statuses) = body.object("user_statuses") {
                    for (user, object) in statuses.objects() {
                        if let Ok(user) = user.parse()
                            && let Some(entry) = realm.0.get_mut(&user)
                        {
                            entry.message = status_message(object);
                        }
                    }
                }
                Ok(self.reply(realm, &body))
            }
            _ => Err(RequestError::InvalidResponse),
        }
    }

    /// Parses the reply to `GET users/{user}/status`. Zulip says nothing of who may not be seen, and
    /// before version 9 it has no such path: then the person says nothing.
    ///
    /// # Errors
    /// [`RequestError`] for every other reply without a status. Never panics, whatever the body.
    pub fn parse_message(&self) -> Result<Reply<Option<Arc<str>>>, RequestError> {
        match (self.status, self.object()) {
            (200, Some(body)) => {
                let object = body.object("status").ok_or(RequestError::InvalidResponse)?;
                Ok(self.reply(status_message(object), &body))
            }
            (200, None) => Err(RequestError::InvalidResponse),
            (400 | 404, body) => Ok(self.reply(None, &body.unwrap_or(Object(Vec::new())))),
            (_, body) => Err(self.error(body.as_ref())),
        }
    }

    fn object(&self) -> Option<Object> {
        match Value::parse(self.body)? {
            Value::Object(object) => Some(object),
            _ => None,
        }
    }

    fn reply<T>(&self, content: T, body: &Object) -> Reply<T> {
        let Reply { content: (), server_timestamp, date_lower_bound, offline_threshold } =
            self.metadata(body);
        Reply { content, server_timestamp, date_lower_bound, offline_threshold }
    }

    /// The timestamps and the threshold of a reply, whatever its content.
    fn metadata(&self, body: &Object) -> Reply<()> {
        let header = |name| (self.header)(name);
        let date = header("date").and_then(|date| http_date::parse(&date));
        let expires = header("expires").and_then(|date| http_date::parse(&date));
        // Without one a proxy has replaced `Cache-Control`, and `Expires` is as much later as it was.
        let max_age =
            header("cache-control").map_or(Some(Duration::ZERO), |directives| max_age(&directives));
        Reply {
            content: (),
            server_timestamp: body.number("server_timestamp").map(Timestamp::from_unix_s),
            // A proxy's clock, or the gateway's, may be wrong: `Expires` is by Zulip's.
            date_lower_bound: expires.zip(max_age).map(|(at, max_age)| at - max_age).or(date),
            offline_threshold: body
                .number("server_presence_offline_threshold_seconds")
                .and_then(seconds),
        }
    }

    fn error(&self, body: Option<&Object>) -> RequestError {
        let header = (self.header)("retry-after").and_then(|value| parse_retry_after(&value));
        let retry_after = header.or_else(|| body?.number("retry-after").and_then(seconds));
        let code = body.and_then(|body| body.string("code"));
        match self.status {
            // Zulip's code for a parameter that is missing; its own endpoints here require none.
            400 if code == Some("REQUEST_VARIABLE_MISSING") => RequestError::UsersMissing,
            401 => RequestError::Unauthorized,
            429 => RequestError::RateLimited { retry_after },
            code => RequestError::Status { code, retry_after },
        }
    }
}

fn user_presence(object: &Object) -> UserPresence {
    body::presence(object).ok_or(NoPresenceReason::NoData)
}

/// The four 400s differ only in their English `msg` (docs/zulip-wire.md §4).
fn no_presence_reason(msg: &str) -> NoPresenceReason {
    match msg {
        "No such user" => NoPresenceReason::NoSuchUser,
        "Presence is not supported for bot users." => NoPresenceReason::Bot,
        "Insufficient permission" => NoPresenceReason::NotPermitted,
        _ if msg.starts_with("No presence data for ") => NoPresenceReason::NoData,
        _ => NoPresenceReason::Other,
    }
}

/// Converts JSON seconds; `None` unless positive.
fn seconds(number: f64) -> Option<Duration> {
    // The cast saturates, also for non-finite numbers.
    let ms = (number * 1000.0) as u64;
    (ms > 0).then(|| Duration::from_millis(ms))
}

/// Parses the seconds of a header; `None` unless positive. Zulip sends a fraction, which is rounded
/// up so that the wait is long enough.
fn parse_retry_after(header: &str) -> Option<Duration> {
    let header = header.trim_ascii();
    let (whole, fraction) = header.split_once('.').unwrap_or((header, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let whole = whole.bytes().fold(0_u64, |value, digit| {
        value.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
    });
    let up = fraction.bytes().any(|digit| digit != b'0');
    let total = whole.saturating_add(u64::from(up));
    (total > 0).then(|| Duration::from_secs(total))
}

/// The `max-age` of a `Cache-Control`, if there is one. Directive names are case-insensitive, and
/// values may be quoted (RFC 9111, 5.2).
fn max_age(directives: &str) -> Option<Duration> {
    let value = directives.split(',').find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        let is_max_age = name.trim_ascii().eq_ignore_ascii_case("max-age");
        is_max_age.then(|| value.trim_ascii().trim_matches('"'))
    });
    value.map(|value| parse_retry_after(value).unwrap_or_default())
}
