//! The bundle that `zulip-presence.js` loads: Rust's side of the custom element and of the page's API.

#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

mod element;
mod page_api;

fn main() {}
