//! The bundle that `zulip-presence.js` loads: Rust's side of the custom element and of the page's
//! API.

#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

mod element;
mod languages;
mod page_api;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

fn main() {
    languages::start();
}
