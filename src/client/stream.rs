//! The client's stream: what arrives by it goes to the engine, which decides when there is one.

use std::rc::Rc;

use zulip_presence_core::reply::{HttpReply, RequestError};
use zulip_presence_core::watchlist::{Query, RequestId};

use super::clock;
use super::presence_client::Inner;

impl Inner {
    /// A piece of the stream `id` arrived, which completed `messages`.
    ///
    /// # Errors
    /// [`RequestError`] if one of them says nothing about presence.
    pub(super) fn stream_arrived(
        self: &Rc<Self>,
        id: RequestId,
        query: &Query,
        messages: Vec<Vec<u8>>,
    ) -> Result<(), RequestError> {
        if messages.is_empty() {
            // Nothing is to be done for it: no tick.
            self.watchlist.borrow_mut().handle_stream_comment(id, clock::now());
        }
        for body in messages {
            let reply = HttpReply { status: 200, header: &|_| None, body: &body };
            let message = query.parse_reply(&reply)?;
            let now = self.event_now();
            self.watchlist.borrow_mut().handle_stream_message(id, message, now);
        }
        Ok(())
    }
}
