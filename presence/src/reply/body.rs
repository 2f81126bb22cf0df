//! The bodies of Zulip's replies: four generations, and the fifth to come (ZULIP.md §2).

use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};

use super::json::{Json, Object};
use crate::{Presence, Timestamp, UserRef};

/// A body of the organisation-wide reply: `presences` apart, as there may be 20,000 of them.
pub(super) struct RealmBody {
    pub(super) rest: Object,
    pub(super) presences: Option<Vec<(UserRef, Option<Presence>)>>,
}

/// What the value of `presence`, or one of `presences`, claims. `None`: nothing.
pub(super) fn presence(claims: &Object) -> Option<Presence> {
    let at = |key| claims.number(key).map(Timestamp::from_unix_s);
    let modern = Presence { last_active: at("active_timestamp"), last_connected: at("idle_timestamp"), offline: false };
    if modern != Presence::default() {
        return Some(modern);
    }
    let mut legacy = Presence::default();
    for (client, claim) in claims.objects() {
        let at = claim.number("timestamp").map(Timestamp::from_unix_s);
        match claim.text("status") {
            // All clients are heard, not `aggregated` alone: before Zulip 7 that is only the newest, and an idle phone would hide
            // the desktop at which somebody works.
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

impl<'de> Deserialize<'de> for RealmBody {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(RealmVisitor)
    }
}

struct RealmVisitor;

impl<'de> Visitor<'de> for RealmVisitor {
    type Value = RealmBody;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<RealmBody, A::Error> {
        let (mut rest, mut presences) = (Vec::new(), None);
        while let Some(key) = map.next_key::<String>()? {
            if key == "presences" {
                presences = Some(map.next_value::<Presences>()?.0);
            } else {
                rest.push((key, map.next_value()?));
            }
        }
        Ok(RealmBody { rest: Object(rest), presences })
    }
}

struct Presences(Vec<(UserRef, Option<Presence>)>);

impl<'de> Deserialize<'de> for Presences {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(PresencesVisitor)
    }
}

struct PresencesVisitor;

impl<'de> Visitor<'de> for PresencesVisitor {
    type Value = Presences;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Presences, A::Error> {
        let mut presences = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let claims = map.next_value()?;
            if let (Ok(user), Json::Object(claims)) = (key.parse(), claims) {
                presences.push((user, presence(&claims)));
            }
        }
        Ok(Presences(presences))
    }
}
