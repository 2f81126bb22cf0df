//! What people say of themselves: text and emoji (docs/zulip-wire.md §12).

use std::fmt::Write as _;

use serde_json::Value;

/// Zulip's own limit of a text. The other fields are shorter.
const MAX_CHARS: usize = 60;
const TEXT: usize = 0;
const EMOJI_NAME: usize = 1;
const FIELDS: [&str; 4] = ["status_text", "emoji_name", "emoji_code", "reaction_type"];

/// A status message. Whether somebody is invisible (`away`) is no part of it, and is never read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct UserStatus([Box<str>; FIELDS.len()]);

impl UserStatus {
    /// Reads a status, or what an event says that changed.
    pub(crate) fn update(&mut self, fields: &Value) {
        for (ours, name) in self.0.iter_mut().zip(FIELDS) {
            if let Some(text) = fields[name].as_str() {
                *ours = text.chars().take(MAX_CHARS).collect();
            }
        }
        // What remains of a cleared emoji is its type.
        if self.0[EMOJI_NAME].is_empty() {
            self.0[EMOJI_NAME + 1..].fill_with(Box::default);
        }
    }

    /// Whether nothing is said.
    pub(crate) fn is_empty(&self) -> bool {
        self.0[TEXT].is_empty() && self.0[EMOJI_NAME].is_empty()
    }

    /// Appends Zulip's own form.
    pub(crate) fn push(&self, json: &mut String) {
        let mut separator = '{';
        for (text, name) in self.0.iter().zip(FIELDS).filter(|(text, _)| !text.is_empty()) {
            let _ = write!(json, r#"{separator}"{name}":{}"#, Value::from(&**text));
            separator = ',';
        }
        json.push_str(if separator == '{' { "{}" } else { "}" });
    }
}

impl From<&Value> for UserStatus {
    fn from(fields: &Value) -> Self {
        let mut status = Self::default();
        status.update(fields);
        status
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn statuses_are_read_and_written() {
        let full = json!({"status_text": "On \"holiday\"\n", "emoji_name": "beach", "emoji_code": "1f3d6", "reaction_type": "unicode_emoji"});
        let long = "x".repeat(5_000);
        for (fields, expected) in [
            (full.clone(), full.clone()),
            (json!({}), json!({})),
            (json!(null), json!({})),
            (json!([1]), json!({})),
            (json!({"status_text": 7, "away": true, "x": "y"}), json!({})),
            (json!({"status_text": "Out", "away": true}), json!({"status_text": "Out"})),
            (json!({"status_text": long}), json!({"status_text": &long[..60]})),
            // A cleared emoji.
            (
                json!({"status_text": "", "emoji_name": "", "emoji_code": "", "reaction_type": "unicode_emoji"}),
                json!({}),
            ),
        ] {
            let status = UserStatus::from(&fields);
            let mut json = String::new();
            status.push(&mut json);
            let written: Value = serde_json::from_str(&json).expect("JSON");
            assert_eq!(written, expected, "{fields}");
            assert_eq!(status.is_empty(), expected == json!({}), "{fields}");
        }
    }

    #[test]
    fn events_change_what_they_name() {
        let mut status = UserStatus::from(
            &json!({"status_text": "Out", "emoji_name": "beach", "emoji_code": "1f3d6", "reaction_type": "unicode_emoji"}),
        );
        status.update(&json!({"type": "user_status", "user_id": 1, "status_text": "Back soon"}));
        assert_eq!(&*status.0[TEXT], "Back soon");
        assert_eq!(&*status.0[EMOJI_NAME], "beach");
        status
            .update(&json!({"emoji_name": "", "emoji_code": "", "reaction_type": "unicode_emoji"}));
        assert_eq!(status, UserStatus::from(&json!({"status_text": "Back soon"})));
        status.update(&json!({"status_text": ""}));
        assert!(status.is_empty());
    }
}
