//! The bodies of Zulip's replies: four generations, and the fifth to come (ZULIP.md §2).

use super::json::{Json, Object, Reader};
use crate::{Presence, Timestamp, UserRef};

/// A body of the organisation-wide reply: `presences` apart, as there may be 20,000 of them.
pub(super) struct RealmBody {
    pub(super) rest: Object,
    pub(super) presences: Option<Vec<(UserRef, Option<Presence>)>>,
}

/// What the value of `presence`, or one of `presences`, claims. `None`: nothing.
pub(super) fn presence(claims: &Object) -> Option<Presence> {
    let at = |key| claims.number(key).map(Timestamp::from_unix_s);
    let modern = Presence {
        last_active: at("active_timestamp"),
        last_connected: at("idle_timestamp"),
        offline: false,
    };
    if modern != Presence::default() {
        return Some(modern);
    }
    let mut legacy = Presence::default();
    for (client, claim) in claims.objects() {
        let at = claim.number("timestamp").map(Timestamp::from_unix_s);
        match claim.text("status") {
            // All clients are heard, not `aggregated` alone: before Zulip 7 that is only the
            // newest, and an idle phone would hide the desktop at which somebody works.
            Some("active") => legacy.last_active = legacy.last_active.max(at),
            Some("idle") => legacy.last_connected = legacy.last_connected.max(at),
            Some("offline") => {
                legacy.last_connected = legacy.last_connected.max(at);
                legacy.offline |= client == "aggregated";
            }
            _ => {}
        }
    }
    (legacy != Presence::default()).then_some(legacy)
}

impl RealmBody {
    /// `None` for what is no JSON object, or has another thing than an object in the place of
    /// `presences`.
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(body);
        let (mut rest, mut presences) = (Vec::new(), None);
        reader.members(&mut |reader, key| {
            if key == "presences" {
                presences = Some(read_presences(reader)?);
            } else {
                let value = reader.value()?;
                rest.push((key, value));
            }
            Some(())
        })?;
        reader.is_at_end().then_some(Self { rest: Object(rest), presences })
    }
}

fn read_presences(reader: &mut Reader<'_>) -> Option<Vec<(UserRef, Option<Presence>)>> {
    let mut presences = Vec::new();
    reader.members(&mut |reader, key| {
        let claims = reader.value()?;
        if let (Ok(user), Json::Object(claims)) = (key.parse(), claims) {
            presences.push((user, presence(&claims)));
        }
        Some(())
    })?;
    Some(presences)
}
