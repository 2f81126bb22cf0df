//! The bundle that `zulip-presence.js` loads: the Rust side of the custom element and of the page
//! API.

#![allow(unreachable_pub, reason = "wasm-bindgen exports only what is pub")]

mod element;

#[cfg(target_arch = "wasm32")]
#[global_allocator]
static ALLOCATOR: talc::wasm::WasmDynamicTalc = talc::wasm::new_wasm_dynamic_allocator();

fn main() {
    element::set_catalog_loader();
}
