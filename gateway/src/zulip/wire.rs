//! What Zulip said of one person, field by field, so that no field is given to a page that Zulip
//! did not give.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use zulip_presence_core::{Observation, Presence, Status, Timestamp, UserRef};

/// The fields of Zulip's presence object that the modern reply has (generation 4, docs/zulip-wire.md §2).
/// Other clients' entries, which only servers before 7.0 give, are in the engine's normal form.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct PresenceEntry {
    active_timestamp: Option<f64>,
    idle_timestamp: Option<f64>,
    website: Option<(LegacyStatus, f64)>,
    /// `aggregated` was there: its status is computed anew for every reply.
    aggregated: bool,
}

/// A legacy status.
#[derive(Clone, Copy, PartialEq, Debug)]
enum LegacyStatus {
    Active,
    Idle,
    Offline,
}

impl LegacyStatus {
    fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Idle => "idle",
            Self::Offline => "offline",
        }
    }
}

/// How to render.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RenderOptions {
    /// The server's now.
    pub(crate) now: Timestamp,
    /// The threshold in force.
    pub(crate) offline_threshold: Duration,
    /// People who are offline carry no times.
    pub(crate) hide_times: bool,
}

impl PresenceEntry {
    /// Reads a presence object leniently: what is of another type than expected is not there.
    #[must_use]
    pub(crate) fn parse(object: &str) -> Option<Self> {
        let Ok(Value::Object(object)) = serde_json::from_str(object) else {
            return None;
        };
        let number = |name: &str| object.get(name).and_then(Value::as_f64);
        let website = object.get("website").and_then(|entry| {
            let status = match entry.get("status")?.as_str()? {
                "active" => LegacyStatus::Active,
                "idle" => LegacyStatus::Idle,
                "offline" => LegacyStatus::Offline,
                _ => return None,
            };
            Some((status, entry.get("timestamp")?.as_f64()?))
        });
        Some(Self {
            active_timestamp: number("active_timestamp"),
            idle_timestamp: number("idle_timestamp"),
            website,
            aggregated: object.get("aggregated").is_some_and(Value::is_object),
        })
    }

    /// The `presence` of a single reply.
    #[must_use]
    pub(crate) fn from_user_reply(body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            presence: &'a RawValue,
        }
        Self::parse(serde_json::from_slice::<Body<'_>>(body).ok()?.presence.get())
    }

    /// The little that follows from the engine's normal form.
    #[must_use]
    pub(crate) fn from_presence(presence: &Presence) -> Self {
        let legacy = presence.offline;
        let seconds = |at: Timestamp| at.as_ms() as f64 / 1000.0;
        let modern = |at: Option<Timestamp>| at.filter(|_| !legacy).map(seconds);
        Self {
            active_timestamp: modern(presence.last_active),
            idle_timestamp: modern(presence.last_connected),
            website: None,
            aggregated: legacy,
        }
    }

    /// The `presences` of an organisation-wide reply, by email.
    #[must_use]
    pub(crate) fn from_realm_reply(body: &[u8]) -> HashMap<UserRef, Self> {
        #[derive(Deserialize)]
        struct Body<'a> {
            #[serde(borrow)]
            presences: HashMap<String, &'a RawValue>,
        }
        let presences =
            serde_json::from_slice::<Body<'_>>(body).map(|body| body.presences).unwrap_or_default();
        presences
            .into_iter()
            .filter_map(|(email, object)| Some((email.parse().ok()?, Self::parse(object.get())?)))
            .collect()
    }

    /// Appends the presence object, as it is to be said at `render.now`, to `json`.
    pub(crate) fn write(&self, observed: &Observation, render: RenderOptions, json: &mut String) {
        let RenderOptions { now, offline_threshold, hide_times } = render;
        let status = observed.status(now, offline_threshold);
        let was_offline = observed.status(observed.at, offline_threshold) == Status::Offline;
        if hide_times && (status == Status::Offline || was_offline) {
            json.push_str(r#"{"aggregated":{"status":"offline"}}"#);
            return;
        }
        json.push('{');
        let mut separator = "";
        for (name, value) in
            [("active_timestamp", self.active_timestamp), ("idle_timestamp", self.idle_timestamp)]
        {
            if let Some(value) = value {
                let _ = write!(json, r#"{separator}"{name}":"#);
                push_seconds(value, json);
                separator = ",";
            }
        }
        let presence = &observed.presence;
        // An answer too old to judge by is no reason to call anybody active, nor, as docs/design.md §2
        // has it, offline.
        let status = match status {
            Status::Active => LegacyStatus::Active,
            Status::Offline => LegacyStatus::Offline,
            Status::Unknown if was_offline => LegacyStatus::Offline,
            Status::Idle | Status::Unknown => LegacyStatus::Idle,
        };
        let aggregated = match status {
            LegacyStatus::Active => presence.last_active,
            LegacyStatus::Idle => presence.last_connected.or(presence.last_active),
            LegacyStatus::Offline => presence.last_active.max(presence.last_connected),
        };
        let aggregated =
            aggregated.filter(|_| self.aggregated).map(|at| (status, at.as_ms() as f64 / 1000.0));
        for (name, entry) in [("aggregated", aggregated), ("website", self.website)] {
            if let Some((status, timestamp)) = entry {
                let _ = write!(
                    json,
                    r#"{separator}"{name}":{{"status":"{}","timestamp":"#,
                    status.as_str()
                );
                push_seconds(timestamp, json);
                json.push('}');
                separator = ",";
            }
        }
        json.push('}');
    }
}

/// Appends UNIX seconds, whole ones without a fraction.
pub(crate) fn push_seconds(seconds: f64, json: &mut String) {
    let seconds = (seconds * 1000.0).round() / 1000.0;
    let _ = if seconds.is_finite() { write!(json, "{seconds}") } else { write!(json, "0") };
}
