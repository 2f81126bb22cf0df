//! Text of others in what people read: names are chosen by users, errors by servers. Neither may control
//! a terminal, reorder a line or hide in one.

use std::borrow::Cow;

/// `text` with U+FFFD for every character that is not seen itself but changes what is seen: controls,
/// line ends, bidirectional controls, and what Unicode calls default-ignorable (zero-width spaces, tags,
/// fillers). Joiners and variation selectors stay where names and emoji need them: after a visible
/// character that is not ASCII, a joiner also before one.
#[must_use]
pub fn printable(text: &str) -> Cow<'_, str> {
    replaced(text, |_| false)
}

/// As [`printable`], but leaves what `is_kept`.
pub(crate) fn replaced(text: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Cow::Borrowed(text);
    }
    escaped(text, |c, out| out.push(if is_kept(c) { c } else { '\u{fffd}' }))
}

/// Passes each character that is not seen to `escape`, which appends what takes its place.
pub(crate) fn escaped(text: &str, escape: impl Fn(char, &mut String)) -> Cow<'_, str> {
    let mut out = String::with_capacity(text.len());
    let mut before = None;
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let is_seen = match c {
            '\u{200c}' | '\u{200d}' => is_foreign(before) && is_foreign(rest.clone().next()),
            '\u{fe00}'..='\u{fe0f}' => is_foreign(before),
            _ => !is_hidden(c),
        };
        if is_seen {
            out.push(c);
        } else {
            escape(c, &mut out);
        }
        before = Some(c);
    }
    Cow::Owned(out)
}

/// Visible, and of a script that may need joiners.
fn is_foreign(c: Option<char>) -> bool {
    c.is_some_and(|c| !c.is_ascii() && (!is_hidden(c) || matches!(c, '\u{fe00}'..='\u{fe0f}')))
}

/// Controls, separators of lines, interlinear annotation, and Unicode's `Default_Ignorable_Code_Point`
/// (DerivedCoreProperties.txt), to which the bidirectional controls belong.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{3164}'
                | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}'
                | '\u{ffa0}'
                | '\u{fff0}'..='\u{fffb}'
                | '\u{1bca0}'..='\u{1bca3}'
                | '\u{1d173}'..='\u{1d17a}'
                | '\u{e0000}'..='\u{e0fff}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_seen_stays() {
        for name in [
            "Ada Lovelace",
            "Zoë Ångström",
            "山田　太郎",
            "محمد",
            "علی‌رضا",
            "क्‍ष",
            "👩‍👩‍👧 ❤️",
            "O\u{301}",
            "\u{a0}x",
        ] {
            assert_eq!(printable(name), name);
        }
    }

    #[test]
    fn what_hides_or_reorders_is_replaced() {
        for c in [
            '\0',
            '\n',
            '\r',
            '\t',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            '\u{ad}',
            '\u{61c}',
            '\u{115f}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{200f}',
            '\u{2028}',
            '\u{2029}',
            '\u{202a}',
            '\u{202e}',
            '\u{2060}',
            '\u{2066}',
            '\u{2069}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{fff9}',
            '\u{e0041}',
            '\u{e0100}',
        ] {
            let written = format!("ad{c}a");
            assert_eq!(printable(&written), "ad\u{fffd}a", "U+{:04X}", u32::from(c));
        }
        assert_eq!(printable("é\u{200d}a\u{200d}é"), "é\u{fffd}a\u{fffd}é");
        assert_eq!(printable("é\u{200b}\u{200d}é"), "é\u{fffd}\u{fffd}é");
        assert_eq!(
            replaced("a\u{1b}[0m\u{202e}\n", |c| c == '\u{1b}'),
            "a\u{1b}[0m\u{fffd}\u{fffd}"
        );
    }
}
