//! What people say of themselves: Zulip's user status, of a text and an emoji
//! (docs/zulip-wire.md §12).

use std::sync::Arc;

use super::value::Object;

/// Maximum characters that are shown: Zulip's own limit of the text.
const MAX_CHARS: usize = 60;
/// Maximum characters of one emoji: a family of four has seven.
const MAX_EMOJI_CHARS: usize = 10;
/// Asks for the coloured form of characters that also have a plain one.
const EMOJI_PRESENTATION: char = '\u{fe0f}';

/// The message as it is shown, of a member of `user_statuses`: the emoji, a space, and the text.
/// `None` if neither is left.
pub(super) fn status_message(object: &Object) -> Option<Arc<str>> {
    let field = |name| object.string(name).unwrap_or_default();
    let is_unicode = field("reaction_type") == "unicode_emoji";
    let emoji = Some(field("emoji_code")).filter(|_| is_unicode).and_then(unicode_emoji);
    let emoji = emoji.unwrap_or_else(|| match &*plain(field("emoji_name")) {
        "" => String::new(),
        // An emoji of the organisation's own: its picture is not ours to load.
        name => [":", name, ":"].concat(),
    });
    let text = plain(field("status_text"));
    let space = if emoji.is_empty() || text.is_empty() { "" } else { " " };
    let shown = [&*emoji, space, &*text].concat();
    (!shown.is_empty()).then(|| shown.into())
}

/// The characters of an emoji's code: `1f3d6`, or of several joined by `-`.
fn unicode_emoji(code: &str) -> Option<String> {
    let mut emoji = String::new();
    for (before, part) in code.split('-').enumerate() {
        let c = char::from_u32(u32::from_str_radix(part, 16).ok()?)?;
        if before == MAX_EMOJI_CHARS || is_control(c) || c.is_whitespace() {
            return None;
        }
        emoji.push(c);
    }
    if !code.contains('-') {
        emoji.push(EMOJI_PRESENTATION);
    }
    Some(emoji)
}

/// Text on one line, without what would change the text around it.
fn plain(text: &str) -> String {
    let spaced = text.chars().map(|c| if c.is_whitespace() { ' ' } else { c });
    let shown: String = spaced.filter(|c| !is_control(*c)).take(MAX_CHARS).collect();
    shown.trim().to_owned()
}

/// Control characters, and those that change the direction of the text that follows.
fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::super::value::Value;
    use super::*;

    fn shown(json: &str) -> Option<String> {
        match Value::parse(json.as_bytes()) {
            Some(Value::Object(object)) => status_message(&object).map(|shown| shown.to_string()),
            _ => panic!("{json}"),
        }
    }

    fn says(text: &str, code: &str, name: &str, kind: &str) -> Option<String> {
        shown(&format!(
            r#"{{"status_text": {text:?}, "emoji_code": "{code}", "emoji_name": "{name}", "reaction_type": "{kind}"}}"#
        ))
    }

    #[test]
    fn emoji_and_text_are_shown() {
        let beach = says("On holiday until Monday", "1f3d6", "beach", "unicode_emoji");
        assert_eq!(beach.as_deref(), Some("🏖\u{fe0f} On holiday until Monday"));
        assert_eq!(says("", "2615", "coffee", "unicode_emoji").as_deref(), Some("☕\u{fe0f}"));
        assert_eq!(shown(r#"{"status_text": "Back at three"}"#).as_deref(), Some("Back at three"));
        assert_eq!(shown("{}"), None);
        assert_eq!(shown(r#"{"status_text": 12, "emoji_name": null}"#), None);
        assert_eq!(says("  ", "", "", ""), None);
    }

    #[test]
    fn an_emoji_may_be_a_sequence() {
        let code = "1f468-200d-1f469-200d-1f467";
        assert_eq!(
            says("", code, "family", "unicode_emoji").as_deref(),
            Some("👨\u{200d}👩\u{200d}👧")
        );
        assert_eq!(says("", "0031-20e3", "one", "unicode_emoji").as_deref(), Some("1\u{20e3}"));
    }

    #[test]
    fn other_emoji_show_their_name() {
        for (code, kind) in [
            ("1234", "realm_emoji"),
            ("zulip", "zulip_extra_emoji"),
            ("", "unicode_emoji"),
            ("110000", "unicode_emoji"),
            ("d800", "unicode_emoji"),
            ("202e", "unicode_emoji"),
            ("20", "unicode_emoji"),
            ("1f468-", "unicode_emoji"),
            ("1-1-1-1-1-1-1-1-1-1-1", "unicode_emoji"),
        ] {
            assert_eq!(says("", code, "octopus", kind).as_deref(), Some(":octopus:"), "{code}");
        }
    }

    #[test]
    fn text_stays_text_on_one_line() {
        let markup = "<b>bold</b> & \"quoted\"";
        let shown = shown(&format!(r#"{{"status_text": {}}}"#, serde_json::json!(markup)));
        assert_eq!(shown.as_deref(), Some(markup));
        let hostile = "a\nb\tc\u{0}d\u{7f}\u{9b}e\u{202e}f\u{2066}g\u{2028}h";
        assert_eq!(plain(hostile), "a b cdefg h");
        assert_eq!(plain(&"x".repeat(500)).len(), 60);
        assert_eq!(plain(&"ü".repeat(61)).chars().count(), 60);
        assert_eq!(plain("בחופשה עד יום ראשון"), "בחופשה עד יום ראשון");
    }
}
