//! Splits a stream of server-sent events into messages.

use super::RequestError;

/// Maximum bytes of one message: what a group of 500 takes, many times over.
const MAX_MESSAGE: usize = 1 << 20;

/// Reads a body of `text/event-stream` piece by piece, as it arrives: the `data` of each message,
/// without names, IDs and comments (WHATWG HTML, 9.2.6).
///
/// ```
/// use zulip_presence_core::reply::EventStreamParser;
///
/// let mut parser = EventStreamParser::default();
/// assert_eq!(parser.push(b":\n\ndata: {\"a\"")?, Vec::<Vec<u8>>::new());
/// assert_eq!(parser.push(b": 1}\n\n")?, [b"{\"a\": 1}"]);
/// # Ok::<(), zulip_presence_core::reply::RequestError>(())
/// ```
#[derive(Debug, Default)]
pub struct EventStreamParser {
    /// The line that has no end yet.
    line: Vec<u8>,
    /// The data of the message that has no end yet.
    data: Vec<u8>,
    /// The last byte was a CR: an LF that follows belongs to it.
    after_cr: bool,
}

impl EventStreamParser {
    /// Takes the next piece, and returns the messages that it completes.
    ///
    /// # Errors
    /// [`RequestError::InvalidResponse`] if a message is longer than a megabyte.
    pub fn push(&mut self, piece: &[u8]) -> Result<Vec<Vec<u8>>, RequestError> {
        let mut messages = Vec::new();
        for &byte in piece {
            let follows_cr = core::mem::replace(&mut self.after_cr, byte == b'\r');
            match byte {
                b'\n' if follows_cr => {}
                b'\n' | b'\r' => messages.extend(self.end_line()),
                _ => self.line.push(byte),
            }
            if self.line.len() + self.data.len() > MAX_MESSAGE {
                return Err(RequestError::InvalidResponse);
            }
        }
        Ok(messages)
    }

    /// Ends a line. An empty one ends the message.
    fn end_line(&mut self) -> Option<Vec<u8>> {
        let line = core::mem::take(&mut self.line);
        if line.is_empty() {
            let mut data = core::mem::take(&mut self.data);
            // The line end of the last line.
            return data.pop().map(|_| data);
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn messages(pieces: &[&[u8]]) -> Vec<String> {
        let mut parser = EventStreamParser::default();
        let messages = pieces.iter().flat_map(|piece| parser.push(piece).expect("short"));
        messages.map(|message| String::from_utf8(message).expect("UTF-8")).collect()
    }

    #[test]
    fn only_data_counts() {
        let body = b"event: news\nid: 7\ndata: a\nretry: 5\ndata:b\ndatum: c\n: data: d\n\ndata: e\n\ndata: f";
        assert_eq!(messages(&[body]), ["a\nb", "e"]);
        assert_eq!(messages(&[b":\n\n\n\n:\n\n"]), Vec::<String>::new());
        assert_eq!(messages(&[b"data:  \n\n"]), [" "], "one space belongs to the form");
    }

    #[test]
    fn every_line_end_counts() {
        for end in ["\n", "\r", "\r\n"] {
            let body = ["data: a", end, "data: b", end, end, "data: c", end, end].concat();
            assert_eq!(messages(&[body.as_bytes()]), ["a\nb", "c"], "{end:?}");
        }
    }

    #[test]
    fn an_endless_message_is_an_error() {
        let mut parser = EventStreamParser::default();
        let lines = [b'x'; 64].map(|_| "data: ".to_owned() + &"x".repeat(32 << 10) + "\n").concat();
        assert_eq!(parser.push(lines.as_bytes()), Err(RequestError::InvalidResponse));
        let mut parser = EventStreamParser::default();
        assert_eq!(parser.push(&[b'x'; MAX_MESSAGE + 1]), Err(RequestError::InvalidResponse));
    }

    proptest! {
        /// Where the network cuts a body makes no difference.
        #[test]
        fn pieces_make_no_difference(
            body in prop::collection::vec(prop::sample::select(b"data: \n\r:{}x".as_slice()), 0..200),
            cuts in prop::collection::vec(0..200_usize, 0..20),
        ) {
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(body.len())).collect();
            cuts.extend([0, body.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|cut| &body[cut[0]..cut[1]]).collect();
            prop_assert_eq!(messages(&pieces), messages(&[&body]));
        }
    }
}
