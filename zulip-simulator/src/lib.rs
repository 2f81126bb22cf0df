//! A simulated Zulip organisation, served over HTTP as Zulip serves its own (docs/zulip-wire.md), with
//! every way in which Zulip fails.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use zulip_simulator::{Activity, Fault, Simulator};
//!
//! let zulip = Simulator::empty(4);
//! zulip.add(12, "ada@example.com", "Ada Lovelace", Activity::AtTheDesk);
//! let server = zulip.start()?;
//! println!("Zulip listens on {}", server.address());
//!
//! zulip.set_activity(12, Activity::NeverSeen);
//! zulip.fail(Some(Fault::ServerError));
//! zulip.fail(None);
//! assert!(zulip.asked().is_empty(), "nobody has asked so far");
//! # Ok(())
//! # }
//! ```

mod activity;
mod events;
mod fault;
mod people;
mod schedule;
mod server;

pub use self::activity::{Activity, ReportedTimestamps};
pub use self::fault::Fault;
pub use self::people::{EMAIL, KEY};
pub use self::server::{Held, Server, Simulator};
