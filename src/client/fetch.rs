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

/// Status and headers of a reply.
pub(super) struct Head {
    status: u16,
    headers: Headers,
}

impl Head {
    /// Parses the reply with this head and `body`.
    ///
    /// # Errors
    /// [`RequestError`] if it says nothing about presence.
    pub(super) fn parse(
        &self,
        query: &Query,
        body: &[u8],
    ) -> Result<watchlist::Response, RequestError> {
        let header = |name: &str| self.headers.get(name);
        query.parse_reply(&HttpReply { status: self.status, header: &header, body })
    }
}

/// Takes a body piece by piece, until it returns an error.
pub(super) type OnPiece<'a> = &'a mut dyn FnMut(Vec<u8>) -> Result<(), RequestError>;

/// Maximum bytes of a reply's body.
pub(super) fn max_body(auth: &Auth) -> usize {
    match auth {
        Auth::Gateway(_) => MAX_BODY,
        Auth::Zulip(_) => MAX_REALM_BODY,
    }
}

/// Requests `url`, and passes the body to `on_piece` as it arrives.
///
/// # Errors
/// [`RequestError::Unreachable`] if no reply arrived or none to its end, also if `signal` aborted
/// the request; that of `on_piece`.
pub(super) async fn fetch(
    url: &str,
    auth: &Auth,
    signal: &AbortSignal,
    on_piece: OnPiece<'_>,
) -> Result<Head, RequestError> {
    let response = request(url, auth, signal).await?;
    read(&response, on_piece).await?;
    Ok(Head { status: response.status(), headers: response.headers() })
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
async fn read(response: &Response, on_piece: OnPiece<'_>) -> Result<(), RequestError> {
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

#[cfg(all(test, target_arch = "wasm32"))]
mod browser_tests {
    use core::time::Duration;
    use std::collections::HashSet;

    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
    use zulip_presence_core::watchlist::{Endpoint, MAX_IN_FLIGHT, PollSettings};
    use zulip_presence_core::{ClockReading, Timestamp, UserRef, Watchlist};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen(module = "/src/client/browser.js")]
    extern "C" {
        type Group;

        #[wasm_bindgen(js_name = groupsOf)]
        fn groups_of(ids: Vec<String>) -> Vec<Group>;

        #[wasm_bindgen(method, getter)]
        fn path(this: &Group) -> String;
    }

    /// What the engine requests for `ids`, all on screen.
    fn engine_paths(ids: &[u64]) -> Vec<String> {
        let now = ClockReading { wall: Timestamp::from_ms(0), monotonic: Duration::ZERO };
        let mut watchlist = Watchlist::new(PollSettings::new(Endpoint::Gateway), now);
        for id in ids {
            watchlist.watch(&UserRef::Id(*id), now);
            watchlist.show(&UserRef::Id(*id));
        }
        watchlist.step(now).requests.iter().map(|request| request.query.path()).collect()
    }

    #[wasm_bindgen_test]
    fn requests_before_the_engine_are_the_engines() {
        let of_ten_digits = (0..1_200).map(|at| 2_000_000_000 - 7 * at).collect();
        // Of one to ten digits, in no order.
        let mixed = (1..900_u64).map(|at| (at * at * 977) % 10_u64.pow((at % 9) as u32 + 1) + at);
        let mut seen = HashSet::new();
        let mixed = mixed.filter(|id| seen.insert(*id)).collect();
        for ids in [
            vec![],
            vec![12],
            (1..=501).collect(),
            (1..=1_700).rev().collect(),
            of_ten_digits,
            mixed,
        ] {
            let ids: Vec<u64> = ids;
            let written = ids.iter().map(u64::to_string).collect();
            let paths: Vec<String> =
                groups_of(written).iter().map(Group::path).take(MAX_IN_FLIGHT).collect();
            assert_eq!(paths, engine_paths(&ids));
        }
    }
}
