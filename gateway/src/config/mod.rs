//! Configuration: the command line and the `zuliprc`.

pub mod cli;
pub(crate) mod credentials;
pub(crate) mod ini;
pub(crate) mod last_active;
pub mod listen;
pub(crate) mod origin;
pub(crate) mod pace;
pub(crate) mod secret;
pub(crate) mod site;
pub(crate) mod tls;
