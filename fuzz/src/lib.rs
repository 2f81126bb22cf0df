//! What must hold for any input whatever. Each module checks one way in from outside;
//! `fuzz_targets/` hands them the bytes.
#![forbid(unsafe_code)]

pub mod engine;
pub mod people;
pub mod reply;
pub mod user_ref;
pub mod users;
pub mod zuliprc;
