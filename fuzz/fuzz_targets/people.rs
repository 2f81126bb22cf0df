//! See `zulip_presence_fuzz::people`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| zulip_presence_fuzz::people::check(input));
