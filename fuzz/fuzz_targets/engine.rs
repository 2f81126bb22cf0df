//! See `zulip_presence_fuzz::engine`.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    // Input that spells no events is no input.
    let _ = zulip_presence_fuzz::engine::check(input);
});
