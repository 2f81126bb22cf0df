//! A simulated Zulip on a free port of 127.0.0.1, for tests and benches in other languages.
//!
//! Prints its address. Each line of the standard input changes something; it ends with the input:
//!
//! - `add 12 ada@example.com Ada Lovelace`: an active human who was never there
//! - `here 12`, `away 12`, `gone 12`: from now on they are at their desk, have left it, or are gone
//! - `gone 12 3600`: as if they were gone for that many seconds already
//! - `says 12 {"status_text": "In a meeting"}`: what they say of themselves, in Zulip's form
//! - `lose-queues`: every event queue is gone

use std::io::BufRead as _;

use serde_json::Value;
use zulip_simulator::{Activity, ReportedTimestamps, Simulator};

fn main() -> std::io::Result<()> {
    let zulip = Simulator::empty(4);
    let server = zulip.start()?;
    println!("listening on http://{}", server.address());
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if change(&zulip, &line).is_none() {
            eprintln!("not understood: {line}");
        }
    }
    Ok(())
}

fn change(zulip: &Simulator, line: &str) -> Option<()> {
    if line == "lose-queues" {
        zulip.lose_queues();
        return Some(());
    }
    let (what, rest) = line.split_once(' ')?;
    let (id, rest) = rest.split_once(' ').unwrap_or((rest, ""));
    let id = id.parse().ok()?;
    match what {
        "add" => {
            let (email, full_name) = rest.split_once(' ')?;
            zulip.add(id, email, full_name, Activity::NeverSeen);
        }
        "here" => zulip.set_activity(id, Activity::AtTheDesk),
        "away" => zulip.set_activity(id, Activity::AwayFromTheDesk),
        "gone" => {
            let ago_s: i64 = if rest.is_empty() { 0 } else { rest.parse().ok()? };
            let at = zulip.now() as i64 - ago_s;
            let left = ReportedTimestamps { active: Some(at), idle: at };
            zulip.set_activity(id, Activity::Reported(left));
        }
        "says" => zulip.set_status(id, &serde_json::from_str::<Value>(rest).ok()?),
        _ => return None,
    }
    Some(())
}
