//! HTTP requests by the browser's fetch: replies, and streams.

use gloo_net::http::{Headers, Request, Response};
use js_sys::{Promise, Uint8Array};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{AbortSignal, ReadableStreamDefaultReader, RequestCredentials};
use zulip_presence_core::reply::{HttpReply, RequestError};
use zulip_presence_core::watchlist::{self, Query};

use super::settings::{Auth, Credentials};

/// Maximum bytes read of a gateway's reply: a group of 50 takes about 10 KB.
const MAX_BODY: usize = 1 << 20;
/// Maximum bytes read of Zulip's own reply, which contains everybody: about 300 bytes each.
const MAX_REALM_BODY: usize = 8 << 20;

#[wasm_bindgen(module = "/src/client/browser.js")]
extern "C" {
    /// Used in place of gloo-net's `send()`, which panics if a page's wrapper of fetch throws,
    /// rejects with a value that is not an `Error`, or returns its own class of response.
    #[wasm_bindgen(catch)]
    fn send(request: &web_sys::Request) -> Result<JsValue, JsValue>;
}

#[wasm_bindgen]
extern "C" {
    /// What a page's own fetch may resolve to.
    type Reply;

    #[wasm_bindgen(method, getter)]
    fn headers(this: &Reply) -> JsValue;

    /// What a stream's `read()` resolves to.
    type Chunk;

    #[wasm_bindgen(method, getter)]
    fn value(this: &Chunk) -> Option<Uint8Array>;
}

/// An unparsed reply.
pub(super) struct RawResponse {
    status: u16,
    headers: Headers,
    body: Vec<u8>,
}

impl RawResponse {
    /// Parses the reply.
    ///
    /// # Errors
    /// [`RequestError`] if it says nothing about presence.
    pub(super) fn parse(&self, query: &Query) -> Result<watchlist::Response, RequestError> {
        let header = |name: &str| self.headers.get(name);
        let reply = HttpReply { status: self.status, header: &header, body: &self.body };
        query.parse_reply(&reply)
    }
}

/// Requests `url`, and reads the reply.
///
/// # Errors
/// [`RequestError::Unreachable`] if no reply arrived, also if `signal` aborted the request;
/// [`RequestError::InvalidResponse`] if the reply is too long.
pub(super) async fn fetch(
    url: &str,
    auth: &Auth,
    signal: &AbortSignal,
) -> Result<RawResponse, RequestError> {
    let max = if matches!(auth, Auth::Zulip(_)) { MAX_REALM_BODY } else { MAX_BODY };
    let response = request(url, auth, signal).await?;
    let mut body = Vec::new();
    let mut append = |mut piece| {
        body.append(&mut piece);
        if body.len() > max { Err(RequestError::InvalidResponse) } else { Ok(()) }
    };
    read(&response, &mut append).await?;
    Ok(RawResponse { status: response.status(), headers: response.headers(), body })
}

/// Requests a stream, and passes what arrives to `on_piece` until it returns an error. `Ok`: the
/// stream ended.
///
/// # Errors
/// That of `on_piece`; as [`fetch`]; and that of a reply that is no stream.
pub(super) async fn fetch_stream(
    url: &str,
    auth: &Auth,
    signal: &AbortSignal,
    on_piece: &mut dyn FnMut(Vec<u8>) -> Result<(), RequestError>,
) -> Result<(), RequestError> {
    let response = request(url, auth, signal).await?;
    let headers = response.headers();
    let is_stream =
        headers.get("content-type").is_some_and(|it| it.starts_with("text/event-stream"));
    if !is_stream || !response.ok() {
        let raw = RawResponse { status: response.status(), headers, body: Vec::new() };
        return raw.parse(&Query::Stream(Vec::new())).and(Err(RequestError::InvalidResponse));
    }
    read(&response, on_piece).await
}

/// Sends a request with only the headers that `auth` needs: any other header costs a preflight and
/// splits caches.
async fn request(url: &str, auth: &Auth, signal: &AbortSignal) -> Result<Response, RequestError> {
    let request = Request::get(url).abort_signal(Some(signal));
    let request = match auth {
        Auth::Gateway(credentials) => request.credentials(mode(*credentials)),
        Auth::Zulip(key) => request
            .credentials(RequestCredentials::Omit)
            .header("Accept-Language", "en")
            .header("Authorization", key.expose()),
    };
    let request = request.build().map_err(|_| RequestError::Unreachable)?;
    let unreachable = |_: JsValue| RequestError::Unreachable;
    let reply = send(&request.into()).map_err(unreachable)?;
    let reply = JsFuture::from(Promise::resolve(&reply)).await.map_err(unreachable)?;
    // Not by `instanceof`: some pages replace `Response` by their own class.
    if !reply.is_object() || !reply.unchecked_ref::<Reply>().headers().is_object() {
        return Err(RequestError::Unreachable);
    }
    Ok(Response::from(reply.unchecked_into::<web_sys::Response>()))
}

/// Passes the body to `on_piece` as it arrives, until that returns an error. Used in place of
/// gloo-net's `binary()`, which reads without a bound and panics if a page's own response rejects
/// with a value that is not an `Error`.
async fn read(
    response: &Response,
    on_piece: &mut dyn FnMut(Vec<u8>) -> Result<(), RequestError>,
) -> Result<(), RequestError> {
    // Locked: the page has already read it.
    let Some(stream) = response.body().filter(|stream| !stream.locked()) else {
        return Ok(());
    };
    let reader: ReadableStreamDefaultReader = stream.get_reader().unchecked_into();
    loop {
        let read = JsFuture::from(reader.read()).await;
        let chunk = read.map_err(|_| RequestError::Unreachable)?.unchecked_into::<Chunk>();
        let Some(chunk) = chunk.value() else {
            return Ok(());
        };
        if let Err(error) = on_piece(chunk.to_vec()) {
            // The rest is not needed; the result is ignored.
            let _ = reader.cancel();
            return Err(error);
        }
    }
}

fn mode(credentials: Credentials) -> RequestCredentials {
    match credentials {
        Credentials::SameOrigin => RequestCredentials::SameOrigin,
        Credentials::Include => RequestCredentials::Include,
        Credentials::Omit => RequestCredentials::Omit,
    }
}

#[cfg(test)]
mod unit_tests {
    use zulip_presence_core::UserRef;
    use zulip_presence_core::watchlist::{MAX_GROUP, MAX_GROUP_BYTES, Query};

    #[test]
    fn requests_before_the_engine_have_its_bounds() {
        let frame = Query::Group(vec![UserRef::Id(1)]).path().len() - 1;
        let preload = include_str!("../element/preload.js").replace('_', "");
        for (name, value) in [
            ("MAXGROUP", MAX_GROUP),
            ("MAXGROUPBYTES", MAX_GROUP_BYTES),
            ("GROUPFRAMEBYTES", frame),
        ] {
            assert!(preload.contains(&format!("const {name} = {value};")), "{name} = {value}");
        }
    }
}
