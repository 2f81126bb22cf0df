//! Whatever is asked of the gateway's `realm/presence`, each key of the reply is JSON, stands there
//! once, and names who it says.

use std::collections::HashSet;

use zulip_presence_gateway::fuzzing;

/// Checks `input` as the query of a URL.
pub fn check(input: &[u8]) {
    let query = String::from_utf8_lossy(input);
    let Some(asked) = fuzzing::users(&query) else {
        return;
    };
    assert!((1..=1_000).contains(&asked.len()), "{} people", asked.len());
    let mut seen = HashSet::new();
    for (key, user) in &asked {
        let written: String = serde_json::from_str(key).expect("a key is a JSON string");
        assert_eq!(written.parse().ok(), *user, "{key}");
        assert!(seen.insert(written), "{key} twice");
    }
    // Asked by the keys of the reply, the reply has the same keys.
    let list =
        format!("[{}]", asked.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>().join(","));
    let encoded: String = list.bytes().map(|byte| format!("%{byte:02X}")).collect();
    assert_eq!(fuzzing::users(&format!("users={encoded}")), Some(asked));
}
