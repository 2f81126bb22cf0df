//! Whether the last activity of offline people is shown.

use clap::ValueEnum;

/// Whether replies have timestamps of offline people.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum LastActive {
    /// As Zulip sends them.
    #[default]
    Show,
    /// None: only that they are offline.
    Hide,
}
