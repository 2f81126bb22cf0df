//! The gateway as pages, Zulip and administrators meet it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails shall say where")]

mod binary;
mod face;
mod front;
mod hostile;
mod outage;
mod rig;
mod secrets;
mod tls;
mod upstream;
