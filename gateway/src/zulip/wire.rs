//! Presence objects as the gateway sends them: only fields that Zulip sent itself, and the current
//! status.

use std::fmt::Write as _;
use std::time::Duration;

use zulip_presence_core::{LegacyStatus, Observation, Presence, Status, Timestamp};

use crate::config::last_active::LastActive;

/// How to render.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RenderOptions {
    /// The server's now.
    pub(crate) now: Timestamp,
    /// The threshold in force.
    pub(crate) offline_threshold: Duration,
    /// Users who are offline get no timestamps.
    pub(crate) last_active: LastActive,
}

/// An object without timestamps, which every generation of clients reads as offline.
const OFFLINE: &str = r#"{"aggregated":{"status":"offline"}}"#;

/// Appends the presence object of `observed`, as it is at `render.now`, to `json`.
pub(crate) fn push_presence(observed: &Observation, render: RenderOptions, json: &mut String) {
    let RenderOptions { now, offline_threshold, last_active } = render;
    let status = observed.status(now, offline_threshold);
    let was_offline = observed.status(observed.at, offline_threshold) == Status::Offline;
    let presence = &observed.presence;
    let last_seen = presence.last_active.max(presence.last_connected);
    // Modern fields cannot express "offline" together with a recent timestamp.
    let is_contradictory = presence.offline
        && presence.fields.modern
        && last_seen.is_some_and(|at| at.age(observed.at) <= offline_threshold);
    if last_seen.is_none()
        || is_contradictory
        || last_active == LastActive::Hide && (status == Status::Offline || was_offline)
    {
        json.push_str(OFFLINE);
        return;
    }
    let fields = &presence.fields;
    // An observation that is too old is neither active nor, by docs/design.md, offline.
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

/// Zulip's own slim form of a presence: only `active_timestamp` and `idle_timestamp`. From servers
/// before Zulip 12 they are derived from the legacy status: an active user was active and connected,
/// an idle one connected. A user who is offline by the server's status alone, or has no timestamps,
/// has neither and is sent as `aggregated: offline`: these two fields cannot express it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct SlimPresence {
    active: Option<Timestamp>,
    idle: Option<Timestamp>,
}

impl SlimPresence {
    /// What is sent of `observed` at `render.now`.
    pub(crate) fn new(observed: &Observation, render: RenderOptions) -> Self {
        const OFFLINE: SlimPresence = SlimPresence { active: None, idle: None };
        let RenderOptions { now, offline_threshold, last_active } = render;
        let presence = &observed.presence;
        let last_seen = presence.last_active.max(presence.last_connected);
        let was_offline = observed.status(observed.at, offline_threshold) == Status::Offline;
        let is_offline = was_offline || observed.status(now, offline_threshold) == Status::Offline;
        match last_seen {
            None => OFFLINE,
            Some(_) if last_active == LastActive::Hide && is_offline => OFFLINE,
            Some(at) if presence.offline && at.age(observed.at) <= offline_threshold => OFFLINE,
            Some(_) => Self {
                active: presence.last_active,
                idle: presence
                    .last_connected
                    .or(presence.last_active.filter(|_| !presence.fields.modern)),
            },
        }
    }

    /// What a page makes of it.
    pub(crate) fn presence(self) -> Presence {
        Presence {
            last_active: self.active,
            last_connected: self.idle,
            offline: self.active.is_none() && self.idle.is_none(),
            ..Presence::default()
        }
    }

    fn push(self, json: &mut String) {
        if self.presence().offline {
            json.push_str(OFFLINE);
            return;
        }
        let mut separator = '{';
        for (name, at) in [("active_timestamp", self.active), ("idle_timestamp", self.idle)] {
            if let Some(at) = at {
                let _ = write!(json, r#"{separator}"{name}":"#);
                push_timestamp(at, json);
                separator = ',';
            }
        }
        json.push('}');
    }
}

/// Appends the [`SlimPresence`] of `observed`.
pub(crate) fn push_slim_presence(observed: &Observation, render: RenderOptions, json: &mut String) {
    SlimPresence::new(observed, render).push(json);
}

/// Appends UNIX seconds, with a fraction only where there is one.
pub(crate) fn push_timestamp(at: Timestamp, json: &mut String) {
    let _ = write!(json, "{}", at.as_ms() as f64 / 1000.0);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use zulip_presence_core::reply::HttpReply;

    use super::*;

    const NOW_S: i64 = 1_795_462_200;

    /// Parses `presence` as Zulip's reply, and renders it in full and slim.
    fn rendered(presence: &str, last_active: LastActive) -> [String; 2] {
        let body = format!(r#"{{"result":"success","presence":{presence}}}"#);
        let reply = HttpReply { status: 200, header: &|_| None, body: body.as_bytes() };
        let presence = reply.parse_user().expect("a reply").content.expect("presence");
        let now = Timestamp::from_ms(NOW_S * 1000);
        let observed = Observation { presence, at: now };
        let render =
            RenderOptions { now, offline_threshold: Duration::from_secs(200), last_active };
        let mut json = [String::new(), String::new()];
        push_presence(&observed, render, &mut json[0]);
        push_slim_presence(&observed, render, &mut json[1]);
        json
    }

    /// The status that a page derives from each form.
    fn statuses(json: &[String; 2]) -> [Status; 2] {
        json.each_ref().map(|json| {
            let body = format!(r#"{{"result":"success","presence":{json}}}"#);
            let reply = HttpReply { status: 200, header: &|_| None, body: body.as_bytes() };
            let presence = reply.parse_user().expect("a reply").content.expect("presence");
            let now = Timestamp::from_ms(NOW_S * 1000);
            Observation { presence, at: now }.status(now, Duration::from_secs(200))
        })
    }

    #[test]
    fn full_and_slim_entries_of_every_generation() {
        let at = |ago: i64| NOW_S - ago;
        let legacy =
            |status: &str, ago: i64| format!(r#"{{"status":"{status}","timestamp":{}}}"#, at(ago));
        let modern = |active: i64, idle: i64| {
            format!(r#""active_timestamp":{},"idle_timestamp":{}"#, at(active), at(idle))
        };
        let offline = r#"{"aggregated":{"status":"offline"}}"#;
        for (zulip, slim, status) in [
            // Before Zulip 7, with other clients; then two entries; then modern fields.
            (
                format!(r#"{{"ZulipMobile":{0},"aggregated":{0}}}"#, legacy("active", 20)),
                format!("{{{}}}", modern(20, 20)),
                Status::Active,
            ),
            (
                format!(r#"{{"aggregated":{0},"website":{0}}}"#, legacy("idle", 20)),
                format!(r#"{{"idle_timestamp":{}}}"#, at(20)),
                Status::Idle,
            ),
            (
                format!(
                    r#"{{"aggregated":{},"website":{}}}"#,
                    legacy("offline", 9_000),
                    legacy("active", 9_000)
                ),
                format!("{{{}}}", modern(9_000, 9_000)),
                Status::Offline,
            ),
            // Offline at a lower threshold than ours.
            (
                format!(r#"{{"aggregated":{}}}"#, legacy("offline", 150)),
                offline.into(),
                Status::Offline,
            ),
            (format!("{{{}}}", modern(90, 30)), format!("{{{}}}", modern(90, 30)), Status::Active),
            (
                format!(r#"{{{},"aggregated":{}}}"#, modern(500, 30), legacy("idle", 30)),
                format!("{{{}}}", modern(500, 30)),
                Status::Idle,
            ),
            (
                format!(r#"{{"active_timestamp":{}}}"#, at(30)),
                format!(r#"{{"active_timestamp":{}}}"#, at(30)),
                Status::Active,
            ),
        ] {
            let json = rendered(&zulip, LastActive::Show);
            assert_eq!(json[1], slim, "{zulip}");
            assert_eq!(statuses(&json), [status; 2], "{zulip}: {json:?}");
            let hidden = rendered(&zulip, LastActive::Hide);
            assert_eq!(statuses(&hidden), [status; 2], "{zulip}: {hidden:?}");
            if status == Status::Offline {
                assert_eq!(hidden, [offline; 2], "{zulip}");
            }
        }
    }
}
