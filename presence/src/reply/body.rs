//! The `presence` object of Zulip's replies, in all generations (docs/zulip-wire.md §2).

use super::value::Object;
use crate::presence::{LegacyStatus, WireFields};
use crate::{Presence, Timestamp};

/// Maximum number of a person's clients that are read: bounds the work on a hostile reply.
const MAX_CLIENTS: usize = 1_000;

/// Parses the value of `presence`, or of one member of `presences`. `None` if it has neither a
/// timestamp nor "offline".
pub(super) fn presence(object: &Object) -> Option<Presence> {
    let timestamp = |key| object.number(key).map(Timestamp::from_unix_s);
    let website = object.object("website").and_then(legacy_entry);
    let modern = Presence {
        last_active: timestamp("active_timestamp"),
        last_connected: timestamp("idle_timestamp"),
        offline: false,
        fields: WireFields {
            modern: true,
            aggregated: object.object("aggregated").is_some(),
            website: website.and_then(|(status, at)| Some((status, at?))),
        },
    };
    if !modern.is_empty() {
        return Some(modern);
    }
    let fields = WireFields { modern: false, ..modern.fields };
    let mut legacy = Presence { fields, ..Presence::default() };
    for (client, _) in object.objects().take(MAX_CLIENTS) {
        // The entries of all clients count, not `aggregated` alone: before Zulip 7 that is only the
        // newest one, and an idle phone would hide an active desktop.
        // Of two entries of one client the last counts, as in every JSON object here.
        match object.object(client).and_then(legacy_entry) {
            Some((LegacyStatus::Active, at)) => legacy.last_active = legacy.last_active.max(at),
            Some((LegacyStatus::Idle, at)) => {
                legacy.last_connected = legacy.last_connected.max(at);
            }
            Some((LegacyStatus::Offline, at)) => {
                legacy.last_connected = legacy.last_connected.max(at);
                legacy.offline |= client == "aggregated";
            }
            None => {}
        }
    }
    (!legacy.is_empty()).then_some(legacy)
}

/// One client's entry: `{"status": …, "timestamp": …}`.
fn legacy_entry(entry: &Object) -> Option<(LegacyStatus, Option<Timestamp>)> {
    let status = match entry.string("status")? {
        "active" => LegacyStatus::Active,
        "idle" => LegacyStatus::Idle,
        "offline" => LegacyStatus::Offline,
        _ => return None,
    };
    Some((status, entry.number("timestamp").map(Timestamp::from_unix_s)))
}
