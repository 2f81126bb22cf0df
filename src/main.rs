//! The bundle that `zulip-presence.js` loads.
fn main() {}
