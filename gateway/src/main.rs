//! Serves Zulip presence to web pages.
fn main() {}
