//! The normal form of all generations of Zulip's reply, and the status that follows from it.

use core::time::Duration;

use crate::{Status, Timestamp};

/// The threshold unless an administrator or the endpoint sets another: 200 s since Zulip 7.0
/// (`OFFLINE_THRESHOLD_SECS`, docs/zulip-wire.md §3).
pub const OFFLINE_THRESHOLD: Duration = Duration::from_secs(200);
/// The lowest threshold that can be configured: clients report once a minute, so below that
/// everybody would flicker.
pub const MIN_OFFLINE_THRESHOLD: Duration = Duration::from_secs(60);
/// The highest threshold that can be configured.
pub const MAX_OFFLINE_THRESHOLD: Duration = Duration::from_secs(3600);

/// A timestamp further ahead of the reply than this is invalid and ignored.
const MAX_FUTURE_SKEW: Duration = Duration::from_secs(60);
/// Maximum age of the newest timestamp of a person who is online, in a fresh reply: 60 s between
/// reports and a write throttle of 55 s make about 65 s (docs/zulip-wire.md §3); the rest allows
/// for delivery.
const MAX_REPORT_AGE: Duration = Duration::from_secs(80);

/// What a server reports about one person: when they were last active, when a client was last
/// connected, and whether the server itself said "offline".
///
/// After parsing, no code compares status strings.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Presence {
    /// When the person was last active. A legacy reply says it only while its status is `active`.
    pub last_active: Option<Timestamp>,
    /// When any client was last connected, idle ones included.
    pub last_connected: Option<Timestamp>,
    /// The server itself said "offline". The parser sets it only if there is no modern field.
    pub offline: bool,
    /// Which of Zulip's fields these were read from.
    pub fields: WireFields,
}

/// Which fields a presence object had, so that the gateway sends only fields that Zulip sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WireFields {
    /// `active_timestamp` or `idle_timestamp`, the fields of Zulip 12.
    pub modern: bool,
    /// `aggregated`.
    pub aggregated: bool,
    /// `website`, with its status and timestamp.
    pub website: Option<(LegacyStatus, Timestamp)>,
}

/// The `status` of a presence entry before Zulip 12.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LegacyStatus {
    /// `active`
    Active,
    /// `idle`
    Idle,
    /// `offline`
    Offline,
}

impl LegacyStatus {
    /// The name that Zulip uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Offline => "offline",
        }
    }
}

impl Presence {
    /// Removes timestamps more than 60 s after `observed_at`, which are errors. `None` if nothing
    /// is left: no data.
    #[must_use]
    pub fn without_future_timestamps(mut self, observed_at: Timestamp) -> Option<Self> {
        let is_plausible = |at: &Timestamp| *at <= observed_at + MAX_FUTURE_SKEW;
        self.last_active = self.last_active.filter(is_plausible);
        self.last_connected = self.last_connected.filter(is_plausible);
        self.fields.website = self.fields.website.filter(|(_, at)| is_plausible(at));
        (!self.is_empty()).then_some(self)
    }

    /// Whether there is neither a timestamp nor "offline".
    pub(crate) fn is_empty(&self) -> bool {
        self.last_active.is_none() && self.last_connected.is_none() && !self.offline
    }

    /// The newest timestamp.
    fn last_seen(&self) -> Option<Timestamp> {
        self.last_active.max(self.last_connected)
    }
}

/// The presence in a reply: what the server reported, and when.
///
/// ```
/// use std::time::Duration;
/// use zulip_presence_core::{OFFLINE_THRESHOLD, Observation, Presence, Status, Timestamp};
///
/// let at = Timestamp::from_unix_s(1_800_000_000.0);
/// let reported = Some(at - Duration::from_secs(150));
/// let observation = Observation {
///     presence: Presence { last_active: reported, ..Presence::default() },
///     at,
/// };
/// assert_eq!(observation.status(at, OFFLINE_THRESHOLD), Status::Active);
/// // 200 s after the last report.
/// let change = observation.next_change(at, OFFLINE_THRESHOLD).expect("a change");
/// assert_eq!(change.as_ms() - at.as_ms(), 50_001);
/// assert_eq!(observation.status(change, OFFLINE_THRESHOLD), Status::Offline);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Observation {
    /// What was reported.
    pub presence: Presence,
    /// When, by the server's clock.
    pub at: Timestamp,
}

impl Observation {
    /// The status at `now` (server's clock), for a server that calls people offline after
    /// `offline_threshold`.
    ///
    /// As `now` grows the status only decays: active, idle, offline, unknown.
    #[must_use]
    pub fn status(&self, now: Timestamp, offline_threshold: Duration) -> Status {
        let reply_age = self.at.age(now);
        if reply_age > offline_threshold {
            return Status::Unknown;
        }
        let Presence { last_active, last_connected, offline, .. } = self.presence;
        let counts = |reported: Option<Timestamp>| {
            reported.is_some_and(|at| at.age(now) <= offline_threshold)
        };
        if !offline && counts(last_active) {
            return Status::Active;
        }
        if !offline && counts(last_connected) {
            return Status::Idle;
        }
        let stale_when_observed = |reported: Timestamp| reported.age(self.at) > offline_threshold;
        let was_offline = offline || self.presence.last_seen().is_none_or(stale_when_observed);
        if was_offline || reply_age <= max_age_for_offline(offline_threshold) {
            Status::Offline
        } else {
            Status::Unknown
        }
    }

    /// The next instant after `now` at which the status changes by age alone. `None`: never again.
    #[must_use]
    pub fn next_change(&self, now: Timestamp, offline_threshold: Duration) -> Option<Timestamp> {
        const TICK: Duration = Duration::from_millis(1);
        let current = self.status(now, offline_threshold);
        let Presence { last_active, last_connected, .. } = self.presence;
        [
            last_active.map(|at| at + offline_threshold),
            last_connected.map(|at| at + offline_threshold),
            Some(self.at + max_age_for_offline(offline_threshold)),
            Some(self.at + offline_threshold),
        ]
        .into_iter()
        .flatten()
        .map(|last| last + TICK)
        .filter(|&at| at > now && self.status(at, offline_threshold) != current)
        .min()
    }

    /// When the person was last active, if known: `None` for an idle person of a server before
    /// Zulip 12, which says only that a client is connected. For an offline person, the last
    /// connection is used if the last activity is unknown.
    #[must_use]
    pub fn last_active(&self, now: Timestamp, offline_threshold: Duration) -> Option<Timestamp> {
        match self.status(now, offline_threshold) {
            Status::Offline => self.presence.last_active.or(self.presence.last_connected),
            _ => self.presence.last_active,
        }
    }
}

/// Maximum age of a reply at which a person may become offline by age alone. The timestamps of a
/// person who is online cannot age out sooner after a reply, so an outage never shows an online
/// user as offline. 120 s for a threshold of 200 s.
fn max_age_for_offline(offline_threshold: Duration) -> Duration {
    offline_threshold.saturating_sub(MAX_REPORT_AGE)
}
