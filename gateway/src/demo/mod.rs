//! A simulated Zulip organisation served over HTTP, for `--demo` and for tests, which can make it fail
//! in every way that Zulip fails.

mod fault;
mod people;
mod schedule;
mod server;
mod state;

use std::future::Future;

use tokio::net::TcpListener;

pub use self::fault::Fault;
pub use self::people::{EMAIL, KEY};
pub use self::server::SimulatedZulip;
pub use self::state::{ReportedTimestamps, SimulatedState};
use crate::config::credentials::ZulipCredentials;
use crate::config::secret::Secret;
use crate::config::tls::Tls;
use crate::server::serve;

/// Serves the simulated organisation, with `more_people` than the demo page lists, on `listener`.
/// Returns its account, and the server, which runs for as long as it is polled.
///
/// # Errors
/// Where the listener has no address.
pub fn start(
    listener: TcpListener,
    generation: u8,
    more_people: u32,
) -> std::io::Result<(ZulipCredentials, impl Future<Output = ()> + Send + use<>)> {
    let zulip = SimulatedZulip::demo(generation);
    for id in (10_001..).take(more_people as usize) {
        zulip.add(
            id,
            &format!("user{id}@example.com"),
            &format!("User {id}"),
            SimulatedState::Scheduled,
        );
    }
    let account = zulip.account(listener.local_addr()?);
    Ok((account, serve(listener, zulip.router(), std::future::pending())))
}

impl SimulatedZulip {
    /// The bot's account in this organisation, which listens on `address`.
    #[must_use]
    pub fn account(&self, address: std::net::SocketAddr) -> ZulipCredentials {
        ZulipCredentials {
            site: format!("http://{address}"),
            email: EMAIL.into(),
            key: Secret::new(self.key()),
            tls: Tls::default(),
        }
    }
}
