//! See `zulip_presence_fuzz::users`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zulip_presence_fuzz::users::check(input));
