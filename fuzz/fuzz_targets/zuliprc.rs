//! See `zulip_presence_fuzz::zuliprc`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zulip_presence_fuzz::zuliprc::check(input));
