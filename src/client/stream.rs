//! The client's stream: passes what arrives to the engine, which decides when there is one.

use std::rc::Rc;

use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;
use zulip_presence_core::reply::{EventStreamParser, HttpReply, MessageTooLong, RequestError};
use zulip_presence_core::watchlist::{Query, Request, RequestId};

use super::presence_client::{Inner, with};
use super::{clock, fetch};

impl Inner {
    /// Opens a stream. The former one was cancelled before.
    pub(super) fn open_stream(self: &Rc<Self>, Request { id, query }: Request) {
        let Ok(abort) = AbortController::new() else {
            return;
        };
        let signal = abort.signal();
        self.stream.replace(Some((id, abort)));
        let (url, auth) = (self.settings.url(&query.path()), self.settings.auth.clone());
        let client = Rc::downgrade(self);
        spawn_local(async move {
            let mut parser = EventStreamParser::default();
            let mut on_piece = |piece: Vec<u8>| {
                let client = client.upgrade().ok_or(RequestError::Unreachable)?;
                client.stream_arrived(id, &query, parser.push(&piece))
            };
            let ended = fetch::fetch_stream(&url, &auth, &signal, &mut on_piece).await;
            with(&client, |client| {
                let now = client.event_now();
                client.watchlist.borrow_mut().handle_stream_end(id, ended.err(), now);
            });
        });
    }

    fn stream_arrived(
        self: &Rc<Self>,
        id: RequestId,
        query: &Query,
        messages: Result<Vec<Vec<u8>>, MessageTooLong>,
    ) -> Result<(), RequestError> {
        let messages = messages.map_err(|_| RequestError::InvalidResponse)?;
        if messages.is_empty() {
            // Nothing follows from it.
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
