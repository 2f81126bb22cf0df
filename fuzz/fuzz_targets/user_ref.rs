//! See `zulip_presence_fuzz::user_ref`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zulip_presence_fuzz::user_ref::check(input));
