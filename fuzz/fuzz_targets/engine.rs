//! See `zulip_presence_fuzz::engine`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zulip_presence_fuzz::engine::check(input));
