//! JSON as far as Zulip's replies need it, read by hand: serde_json would be a third of the page's
//! bundle.
//!
//! Strict in what ends where, so that a reply that was cut off is none; lenient in what says
//! nothing about presence.

/// A JSON value. Arrays, booleans and nulls say nothing about presence.
pub(super) enum Json {
    Number(f64),
    Text(String),
    Object(Object),
    Other,
}

/// The members of an object, in their order.
pub(super) struct Object(pub(super) Vec<(String, Json)>);

/// Deepest nesting of objects and arrays; Zulip's is 4.
const MAX_DEPTH: u8 = 64;

impl Object {
    pub(super) fn number(&self, key: &str) -> Option<f64> {
        match self.get(key) {
            Some(Json::Number(number)) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match self.get(key) {
            Some(Json::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// The members that are objects themselves.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&str, &Self)> {
        self.0.iter().filter_map(|(key, value)| match value {
            Json::Object(object) => Some((key.as_str(), object)),
            _ => None,
        })
    }

    /// Of two members of one name the first counts.
    fn get(&self, key: &str) -> Option<&Json> {
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// Reads one JSON text from its begin to its end. `None` from any method: it is none.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    depth: u8,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { rest: text, depth: 0 }
    }

    /// Whether nothing is left but blanks.
    pub(super) fn is_at_end(&mut self) -> bool {
        self.skip_blanks();
        self.rest.is_empty()
    }

    /// One value, whatever it is.
    pub(super) fn value(&mut self) -> Option<Json> {
        self.skip_blanks();
        match self.rest.first()? {
            b'{' => {
                let mut members = Vec::new();
                self.members(&mut |reader, key| {
                    let value = reader.value()?;
                    members.push((key, value));
                    Some(())
                })?;
                Some(Json::Object(Object(members)))
            }
            b'[' => {
                self.sequence(b'[', b']', &mut |reader| reader.value().map(drop))?;
                Some(Json::Other)
            }
            b'"' => self.string().map(Json::Text),
            b'-' | b'0'..=b'9' => self.number().map(Json::Number),
            _ => {
                let mut words = ["true", "false", "null"].iter();
                self.rest = words.find_map(|word| self.rest.strip_prefix(word.as_bytes()))?;
                Some(Json::Other)
            }
        }
    }

    /// An object; `member` reads the value of each key.
    pub(super) fn members(
        &mut self,
        member: &mut dyn FnMut(&mut Self, String) -> Option<()>,
    ) -> Option<()> {
        self.sequence(b'{', b'}', &mut |reader| {
            let key = reader.string()?;
            reader.expect(b':')?;
            member(reader, key)
        })
    }

    /// What stands between two brackets, separated by commas.
    fn sequence(
        &mut self,
        open: u8,
        close: u8,
        item: &mut dyn FnMut(&mut Self) -> Option<()>,
    ) -> Option<()> {
        self.expect(open)?;
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return None;
        }
        if self.expect(close).is_none() {
            loop {
                item(self)?;
                if self.expect(close).is_some() {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.depth -= 1;
        Some(())
    }

    fn string(&mut self) -> Option<String> {
        self.expect(b'"')?;
        let mut text = Vec::new();
        loop {
            match self.next()? {
                b'"' => return String::from_utf8(text).ok(),
                b'\\' => {
                    let escaped = self.escape()?;
                    text.extend_from_slice(escaped.encode_utf8(&mut [0; 4]).as_bytes());
                }
                byte if byte < b' ' => return None,
                byte => text.push(byte),
            }
        }
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            byte @ (b'"' | b'\\' | b'/') => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let mut code = self.code_unit()?;
                // Half of a pair; the other half must follow.
                if (0xD800..0xDC00).contains(&code) && self.next()? == b'\\' && self.next()? == b'u'
                {
                    let low = self.code_unit()?;
                    if !(0xDC00..0xE000).contains(&low) {
                        return None;
                    }
                    code = 0x1_0000 + ((code - 0xD800) << 10) + (low - 0xDC00);
                }
                char::from_u32(code)?
            }
            _ => return None,
        })
    }

    /// Four hexadecimal digits.
    fn code_unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit * 16 + char::from(self.next()?).to_digit(16)?))
    }

    /// A number, to the precision that times need: exact for up to 15 digits.
    fn number(&mut self) -> Option<f64> {
        let is_negative = self.eat(b'-');
        let has_leading_zero = self.rest.first() == Some(&b'0');
        let mut value = 0.0;
        let whole_digits = self.digits(&mut |digit| value = value * 10.0 + digit);
        if whole_digits == 0 || has_leading_zero && whole_digits > 1 {
            return None;
        }
        let mut scale = 1.0;
        if self.eat(b'.') {
            let fraction_digits = self.digits(&mut |digit| {
                // What comes after 20 digits changes nothing, and would make the scale infinite.
                if scale < 1e20 {
                    value = value * 10.0 + digit;
                    scale *= 10.0;
                }
            });
            if fraction_digits == 0 {
                return None;
            }
        }
        value /= scale;
        if self.eat(b'e') || self.eat(b'E') {
            let is_small = self.eat(b'-');
            if !is_small {
                self.eat(b'+');
            }
            let mut exponent = 0.0_f64;
            if self.digits(&mut |digit| exponent = (exponent * 10.0 + digit).min(400.0)) == 0 {
                return None;
            }
            for _ in 0..exponent as u32 {
                value = if is_small { value / 10.0 } else { value * 10.0 };
            }
        }
        Some(if is_negative { -value } else { value })
    }

    /// Takes the digits that are next, and tells how many.
    fn digits(&mut self, each: &mut dyn FnMut(f64)) -> usize {
        let mut count = 0;
        while let Some((digit @ b'0'..=b'9', rest)) = self.rest.split_first() {
            each(f64::from(digit - b'0'));
            self.rest = rest;
            count += 1;
        }
        count
    }

    /// The byte `wanted`, after blanks.
    fn expect(&mut self, wanted: u8) -> Option<()> {
        self.skip_blanks();
        self.eat(wanted).then_some(())
    }

    fn skip_blanks(&mut self) {
        while let Some((b' ' | b'\t' | b'\n' | b'\r', rest)) = self.rest.split_first() {
            self.rest = rest;
        }
    }

    fn eat(&mut self, wanted: u8) -> bool {
        let is_next = self.rest.first() == Some(&wanted);
        if is_next {
            self.next();
        }
        is_next
    }

    fn next(&mut self) -> Option<u8> {
        let (byte, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*byte)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &[u8]) -> Option<Json> {
        let mut reader = Reader::new(text);
        let value = reader.value()?;
        reader.is_at_end().then_some(value)
    }

    /// Whether serde_json reads the same.
    fn agrees(ours: &Json, theirs: &serde_json::Value) -> bool {
        match (ours, theirs) {
            (Json::Number(ours), serde_json::Value::Number(theirs)) => {
                let theirs = theirs.as_f64().unwrap_or(f64::NAN);
                (ours - theirs).abs() <= theirs.abs() * 1e-14 + 1e-19
            }
            (Json::Text(ours), serde_json::Value::String(theirs)) => ours == theirs,
            (Json::Object(ours), serde_json::Value::Object(theirs)) => {
                // Of two members of one name serde_json keeps the last.
                theirs.iter().all(|(key, theirs)| {
                    ours.0
                        .iter()
                        .rfind(|(name, _)| name == key)
                        .is_some_and(|(_, ours)| agrees(ours, theirs))
                }) && ours.0.iter().all(|(name, _)| theirs.contains_key(name))
            }
            (Json::Other, theirs) => theirs.is_array() || theirs.is_boolean() || theirs.is_null(),
            _ => false,
        }
    }

    #[track_caller]
    fn check(text: &str) {
        match (read(text.as_bytes()), serde_json::from_str(text)) {
            (Some(ours), Ok(theirs)) => assert!(agrees(&ours, &theirs), "{text}"),
            (ours, theirs) => assert!(
                ours.is_none() && theirs.is_err(),
                "{text}: {} but {theirs:?}",
                ours.is_some()
            ),
        }
    }

    #[test]
    fn rows() {
        for text in [
            "",
            " ",
            "null",
            "nul",
            "truefalse",
            " true ",
            "[]",
            "[ ]",
            "[1]",
            "[1,]",
            "[,1]",
            "[1 2]",
            "{}",
            "{ }",
            "{\"a\":1}",
            "{\"a\":1,}",
            "{\"a\" : 1 , \"b\":[{}] }",
            "{a:1}",
            "{\"a\"1}",
            "{\"a\":}",
            "{",
            "}",
            "[",
            "]",
            "[}",
            "{]",
            "\"",
            "\"a",
            "\"a\"",
            "\"\\",
            "\"\\x\"",
            "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
            "\"\\u0041\\u00e9\\uD83D\\ude00\"",
            "\"\\uD83D\"",
            "\"\\uD83Dx\"",
            "\"\\uD83D\\u0041\"",
            "\"\\uDE00\"",
            "\"\\u12\"",
            "\"\\u12é4\"",
            "\"\\u+123\"",
            "\"a\nb\"",
            "\"a\tb\"",
            "\"é😀\"",
            "0",
            "-0",
            "00",
            "01",
            "-",
            "-a",
            "+1",
            "1.",
            ".5",
            "1.5",
            "-1.5e3",
            "1e",
            "1e+",
            "1e+2",
            "1E-2",
            "1e5.5",
            "1532697622",
            "1795448335.26",
            "6.466876268386841",
            "1532697622.1234567890123456789",
            "0.00000000000000000000000000000001",
            "123456789012345678901234567890",
            "1 1",
            "{}x",
            "\u{feff}{}",
            "{\"a\":1,\"a\":2}",
        ] {
            check(text);
        }
        assert!(read(b"\xff").is_none() && read(b"\"\xc3\"").is_none());
        assert!(
            read(b"1e999")
                .is_some_and(|json| matches!(json, Json::Number(number) if number.is_infinite()))
        );
    }

    #[test]
    fn depth_has_an_end() {
        assert!(read(&[b"[".repeat(60), b"]".repeat(60)].concat()).is_some());
        assert!(read(&b"[".repeat(1_000_000)).is_none());
        assert!(read(&b"{\"a\":".repeat(1_000_000)).is_none());
    }

    proptest! {
        #[test]
        fn as_serde_json_reads(text in r#"[\[\]{},:"\\/ue0-9a-f .+\-]{0,24}"#) {
            check(&text);
        }

        #[test]
        fn as_serde_json_writes(key in ".*", text in ".*", number in -1e15..1e15_f64, whole in any::<i64>()) {
            check(&serde_json::json!({ (key): [text.clone()], "text": text, "number": number, "whole": whole, "o": { "": null } }).to_string());
        }
    }
}
