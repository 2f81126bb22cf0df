//! Names a Zulip user, by ID or by email.

use core::fmt;
use core::str::FromStr;

/// A Zulip user as a page names them: by ID or by email. Input that cannot be parsed never becomes
/// a URL.
///
/// Equal in all notations: `012` is `12`, `Ada@Example.com` is `ada@example.com`.
///
/// ```
/// use zulip_presence_core::{InvalidUser, UserRef};
///
/// assert_eq!("012".parse(), Ok(UserRef::Id(12)));
/// let ada: UserRef = "Ada Lovelace <Ada@example.com>".parse()?;
/// assert_eq!(ada, UserRef::Email("ada@example.com".into()));
/// assert_eq!(ada.path_segment(), "ada%40example.com");
/// assert_eq!("../users".parse::<UserRef>(), Err(InvalidUser));
/// # Ok::<(), InvalidUser>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum UserRef {
    /// The numeric user ID, the only stable key (docs/zulip-wire.md §1): at most ten digits.
    Id(u64),
    /// The Zulip API email, in lower case.
    Email(Box<str>),
}

/// Maximum digits of an ID. Zulip's IDs are PostgreSQL integers: ten digits at most.
const MAX_DIGITS: usize = 10;
/// Maximum bytes of an email (RFC 3696, erratum 1690).
const MAX_EMAIL_BYTES: usize = 254;

impl FromStr for UserRef {
    type Err = InvalidUser;

    /// Ignores what is often copied along with an address: blanks, invisible characters,
    /// surrounding quotes, `mailto:`, and the name before `<ada@example.com>`.
    ///
    /// # Errors
    /// [`InvalidUser`] if the rest is neither 1–10 ASCII digits nor an address of at most 254 bytes
    /// with exactly one `@`, both sides non-empty, and no space, control character, `/`, `\`,
    /// bracket, typographic quote, `,`, `;` or `:` in it.
    fn from_str(written: &str) -> Result<Self, InvalidUser> {
        // Most are: replies are about hundreds of them.
        if let Some(id) = id(written) {
            return Ok(Self::Id(id));
        }
        let visible = written.chars().filter(|c| !is_invisible(*c));
        let lower: String = visible.map(|c| c.to_ascii_lowercase()).collect();
        let address = address(&lower);
        if let Some(id) = id(address) {
            return Ok(Self::Id(id));
        }
        let (local, domain) = address.split_once('@').ok_or(InvalidUser)?;
        let fits = address.len() <= MAX_EMAIL_BYTES && !local.is_empty() && !domain.is_empty();
        if fits && !domain.contains('@') && !address.chars().any(is_foreign) {
            Ok(Self::Email(address.into()))
        } else {
            Err(InvalidUser)
        }
    }
}

/// Whether `c` is a format character that word processors, chats and spreadsheets put into copied
/// text: soft hyphen, zero-width space and joiners, directional marks, byte order mark.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Whether `c` may surround a copied address, but never begins or ends one: blank, quote, bracket,
/// separator.
fn is_around(c: char) -> bool {
    c.is_whitespace()
        || matches!(c, '"' | '\'' | '`' | '“' | '”' | '„' | '‘' | '’' | '‚' | '«' | '»' | '‹' | '›')
        || matches!(c, '<' | '>' | ',' | ';')
}

/// Whether `c` is not allowed in an address.
fn is_foreign(c: char) -> bool {
    (is_around(c) && !matches!(c, '"' | '\'' | '`'))
        || c.is_control()
        || matches!(c, '/' | '\\' | '(' | ')' | ':')
}

/// The address within copied text (in lower case), without what surrounds it: `ada@example.com` of
/// `"Ada" <mailto:ada@example.com?subject=x>`.
fn address(written: &str) -> &str {
    let outer = written.trim_matches(is_around);
    let bracket = outer.bytes().rposition(|byte| byte == b'<');
    let inner = bracket.and_then(|at| outer.get(at + 1..)).unwrap_or(outer);
    let inner = match inner.strip_prefix("mailto:") {
        Some(url) => url.split('?').next().unwrap_or_default(),
        None => inner,
    };
    let inner = inner.trim_matches(is_around);
    // An ID is never extracted from other text.
    if inner.contains('@') { inner } else { outer }
}

fn id(written: &str) -> Option<u64> {
    let digits = written.as_bytes();
    if digits.is_empty() || digits.len() > MAX_DIGITS {
        return None;
    }
    digits
        .iter()
        .try_fold(0, |id, digit| digit.is_ascii_digit().then(|| id * 10 + u64::from(digit - b'0')))
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Email(email) => f.write_str(email),
        }
    }
}

impl UserRef {
    /// The path segment that names this user in a URL: all bytes except RFC 3986's unreserved ones
    /// are percent-encoded.
    #[must_use]
    pub fn path_segment(&self) -> String {
        match self {
            Self::Id(id) => id.to_string(),
            Self::Email(email) => {
                let mut segment = String::new();
                percent_encode(email, &mut segment);
                segment
            }
        }
    }
}

/// Appends `text` with every byte outside RFC 3986's unreserved set as `%XX`.
pub(crate) fn percent_encode(text: &str, to: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            to.push(char::from(byte));
        } else {
            to.push('%');
            to.push(char::from(HEX[usize::from(byte >> 4)]));
            to.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

/// Neither a user ID nor an email.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct InvalidUser;

impl fmt::Display for InvalidUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a user is a numeric ID of at most 10 digits or an email address")
    }
}

impl core::error::Error for InvalidUser {}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn same(a: &str, b: &str) {
        assert_eq!(a.parse::<UserRef>(), b.parse());
        assert!(a.parse::<UserRef>().is_ok(), "{a:?}");
    }

    #[track_caller]
    fn invalid(written: &str) {
        assert_eq!(written.parse::<UserRef>(), Err(InvalidUser), "{written:?}");
    }

    #[test]
    fn equal_for_all_notations_of_one_user() {
        same("12", "012");
        same(" 12\n", "0000000012");
        same("Ada@Example.COM", "ada@example.com");
        same("0", "00");
    }

    #[test]
    fn what_is_copied_along_is_dropped() {
        for written in [
            "\u{feff}ada@example.com\u{200b}",
            "ada\u{200b}@exam\u{ad}ple.com",
            "\u{202a}ada@example.com\u{202c}",
            "\u{2066}ada@example.com\u{2069}",
            "\u{a0}ada@example.com\u{3000}",
            "mailto:ada@example.com",
            "MailTo: ada@example.com?subject=Hello%20Ada",
            "<ada@example.com>",
            "<mailto:ada@example.com>",
            "Ada Lovelace <ada@example.com>",
            "\"Lovelace, Ada\" <ada@example.com>;",
            "“ada@example.com”",
            "„ada@example.com“",
            "« ada@example.com »",
            "‘ada@example.com’",
            "'ada@example.com'",
            "\"ada@example.com\",",
            "`<ada@example.com>`",
            "ada@example.com;",
            "“ada@example.com",
            "Ada <ada@example.com",
        ] {
            same(written, "ada@example.com");
        }
        for written in ["12\u{200b}", "“12”", "\u{a0}12", "12,", "<12>"] {
            same(written, "12");
        }
        same("o'brien@example.com", "O'Brien@example.com");
        assert_ne!("o'brien@example.com".parse::<UserRef>(), "obrien@example.com".parse());
    }

    #[test]
    fn rejects_invalid_users() {
        for written in [
            "",
            " ",
            "-1",
            "+1",
            "1.0",
            "1e3",
            "12345678901",
            "١٢",
            "ada",
            "@",
            "a@",
            "@b",
            "a@b@c",
            "a b@c",
            "a/b@c",
            "a\\b@c",
            "a\u{0}@b",
            "a\u{7f}@b",
            "a\u{a0}b@c",
            "ada@example.com, bob@example.com",
            "ada@example.com;12",
            "ada@example.com (Ada)",
            "sip:ada@example.com",
            "mailto:",
            "mailto:12",
            "a@<12>",
            "<>",
            "“”",
            "\u{200b}",
            "..",
            ".",
            "%2e%2e",
            "../../x",
            "<script>",
            "12?x=1",
            "12#x",
            "12/presence",
        ] {
            invalid(written);
        }
        invalid(&"9".repeat(10_000));
        invalid(&format!("{}@b", "a".repeat(10_000)));
        invalid(&format!("{}@b", "a".repeat(253)));
        same(&format!("{}@b", "a".repeat(252)), &format!("{}@B", "A".repeat(252)));
    }

    #[test]
    fn path_segment_escapes_reserved_bytes() {
        #[track_caller]
        fn segment(written: &str, expected: &str) {
            assert_eq!(
                written.parse::<UserRef>().map(|user| user.path_segment()).as_deref(),
                Ok(expected)
            );
        }
        segment("012", "12");
        segment("ada+x@example.com", "ada%2Bx%40example.com");
        segment("a?b#c%@d", "a%3Fb%23c%25%40d");
        segment("{é}@x", "%7B%C3%A9%7D%40x");
    }
}
