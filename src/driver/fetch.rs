//! One HTTP request by the browser's fetch.

use gloo_net::http::{Headers, Response};
use js_sys::{Function, Promise, Reflect, Uint8Array};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStreamDefaultReader};
use zulip_presence_core::reply::{HttpReply, RequestError};
use zulip_presence_core::watchlist::{self, Query};

use super::page::window;
use crate::object::object;
use crate::settings::Access;

/// Most bytes that are read of a gateway's reply: a group of 50 takes about 10 KB.
const MAX_BODY: usize = 1 << 20;
/// Most bytes that are read of Zulip's own reply, which tells of everybody: about 300 bytes each.
const MAX_REALM_BODY: usize = 8 << 20;

/// A reply as it came.
pub(super) struct Fetched {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

impl Fetched {
    /// What the reply says.
    ///
    /// # Errors
    /// [`RequestError`] where it says nothing about presence.
    pub(super) fn answer(&self, ask: &Query) -> Result<watchlist::Response, RequestError> {
        let header = |name: &str| self.headers.get(name);
        let reply = HttpReply { status: self.status, header: &header, body: &self.body };
        match ask {
            Query::User(_) => reply.parse_user().map(watchlist::Response::User),
            Query::Group(_) | Query::AllUsers => {
                reply.parse_realm().map(watchlist::Response::Realm)
            }
        }
    }
}

/// Asks `url`, with no header but those that `access` needs: any other costs a preflight and splits
/// caches.
///
/// # Errors
/// [`RequestError::Unreachable`] where no reply came, also when `signal` ended it; [`RequestError::InvalidResponse`]
/// for an absurdly long one.
pub(super) async fn fetch(
    url: &str,
    access: &Access,
    signal: &AbortSignal,
) -> Result<Fetched, RequestError> {
    let unreachable = |_: JsValue| RequestError::Unreachable;
    let (init, max_body) = match access {
        Access::Gateway(credentials) => {
            (object(&[("signal", signal), ("credentials", &credentials.as_str().into())]), MAX_BODY)
        }
        Access::Zulip(key) => {
            let headers = object(&[
                ("Accept-Language", &"en".into()),
                ("Authorization", &key.expose().into()),
            ]);
            (
                object(&[
                    ("signal", signal),
                    ("credentials", &"omit".into()),
                    ("headers", &headers),
                ]),
                MAX_REALM_BODY,
            )
        }
    };
    // Not gloo-net's own send(): it panics where a page that wraps fetch throws, or rejects with
    // something that is no Error.
    let fetch: Function =
        Reflect::get(&window(), &"fetch".into()).and_then(JsCast::dyn_into).map_err(unreachable)?;
    let reply: Promise = fetch
        .call2(&window(), &url.into(), &init)
        .and_then(JsCast::dyn_into)
        .map_err(unreachable)?;
    let response: web_sys::Response =
        JsFuture::from(reply).await.and_then(JsCast::dyn_into).map_err(unreachable)?;
    let response = Response::from(response);
    Ok(Fetched {
        status: response.status(),
        headers: response.headers(),
        body: body(&response, max_body).await?,
    })
}

async fn body(response: &Response, max: usize) -> Result<Vec<u8>, RequestError> {
    let mut body = Vec::new();
    // Locked: the page read it before us.
    let Some(stream) = response.body().filter(|stream| !stream.locked()) else {
        return Ok(body);
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    loop {
        let chunk = JsFuture::from(reader.read()).await.map_err(|_| RequestError::Unreachable)?;
        let Ok(chunk) =
            Reflect::get(&chunk, &"value".into()).and_then(JsCast::dyn_into::<Uint8Array>)
        else {
            return Ok(body);
        };
        let start = body.len();
        let end = start + chunk.length() as usize;
        if end > max {
            // Whether it ends well or not: nobody waits for the rest.
            let _ = reader.cancel();
            return Err(RequestError::InvalidResponse);
        }
        body.resize(end, 0);
        chunk.copy_to(&mut body[start..]);
    }
}
