//! The bundle that `zulip-presence.js` loads: the Rust side of the custom element and of the page
//! API.

// A `main` would link the standard library's start-up of a process.
#![cfg_attr(target_arch = "wasm32", no_main)]
#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

mod element;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

#[cfg(not(target_arch = "wasm32"))]
fn main() {}
