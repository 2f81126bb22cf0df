//! Configuration: the command line, the `zuliprc`, the people file.

pub(crate) mod allow_list;
pub mod cli;
pub(crate) mod credentials;
pub(crate) mod file_watch;
pub(crate) mod ini;
pub mod listen;
pub(crate) mod origin;
pub(crate) mod secret;
pub(crate) mod site;
pub(crate) mod tls;
