//! Presence objects as the gateway sends them: only fields that Zulip sent itself, and a status
//! that holds now.

use std::fmt::Write as _;
use std::time::Duration;

use zulip_presence_core::{LegacyStatus, Observation, Status, Timestamp};

/// How to render.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RenderOptions {
    /// The server's now.
    pub(crate) now: Timestamp,
    /// The threshold in force.
    pub(crate) offline_threshold: Duration,
    /// Users who are offline get no timestamps.
    pub(crate) hide_times: bool,
}

/// An object without timestamps, which every generation of clients reads as offline.
const OFFLINE: &str = r#"{"aggregated":{"status":"offline"}}"#;

/// Appends the presence object of `observed`, as it is at `render.now`, to `json`.
pub(crate) fn push_presence(observed: &Observation, render: RenderOptions, json: &mut String) {
    let RenderOptions { now, offline_threshold, hide_times } = render;
    let status = observed.status(now, offline_threshold);
    let was_offline = observed.status(observed.at, offline_threshold) == Status::Offline;
    let presence = &observed.presence;
    let last_seen = presence.last_active.max(presence.last_connected);
    if last_seen.is_none() || hide_times && (status == Status::Offline || was_offline) {
        json.push_str(OFFLINE);
        return;
    }
    let fields = &presence.fields;
    // An observation that is too old says neither active nor, as docs/design.md has it, offline.
    let status = match status {
        Status::Active => LegacyStatus::Active,
        Status::Offline => LegacyStatus::Offline,
        Status::Unknown if was_offline => LegacyStatus::Offline,
        Status::Idle | Status::Unknown => LegacyStatus::Idle,
    };
    let aggregated = match status {
        LegacyStatus::Active => presence.last_active,
        LegacyStatus::Idle => presence.last_connected.or(presence.last_active),
        LegacyStatus::Offline => last_seen,
    };
    json.push('{');
    let mut separator = "";
    for (name, at) in
        [("active_timestamp", presence.last_active), ("idle_timestamp", presence.last_connected)]
    {
        if let Some(at) = at.filter(|_| fields.modern) {
            let _ = write!(json, r#"{separator}"{name}":"#);
            push_timestamp(at, json);
            separator = ",";
        }
    }
    let aggregated = aggregated.filter(|_| fields.aggregated).map(|at| (status, at));
    for (name, entry) in [("aggregated", aggregated), ("website", fields.website)] {
        if let Some((status, at)) = entry {
            let status = status.as_str();
            let _ = write!(json, r#"{separator}"{name}":{{"status":"{status}","timestamp":"#);
            push_timestamp(at, json);
            json.push('}');
            separator = ",";
        }
    }
    json.push('}');
}

/// Appends UNIX seconds, with a fraction only where there is one.
pub(crate) fn push_timestamp(at: Timestamp, json: &mut String) {
    let _ = write!(json, "{}", at.as_ms() as f64 / 1000.0);
}
