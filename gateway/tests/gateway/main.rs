//! The gateway as pages, Zulip and administrators meet it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test that fails shall say where")]

mod abuse;
mod api;
mod cli;
mod daemon;
mod deployment;
mod events;
mod outage;
mod secrets;
mod statuses;
mod streams;
mod test_gateway;
mod tls;
mod upstream;
