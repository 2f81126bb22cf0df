//! The command line and its environment. Flag beats environment beats `zuliprc`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use reqwest::Url;

use crate::config::last_active::LastActive;
use crate::config::listen::ListenAddress;
use crate::config::origin::AllowedOrigin;
use crate::config::pace::{Budget, Refresh};

/// Shows on any web page whether people are active in Zulip, and keeps the bot's key off the page.
///
/// Zulip's address and the bot's email and key come from a zuliprc (as Zulip offers it for download
/// under Settings > Bots) or from ZULIP_SITE, ZULIP_EMAIL and ZULIP_API_KEY, as for Zulip's Python
/// client; so do ZULIP_CERT, ZULIP_CERT_KEY, ZULIP_CERT_BUNDLE and ZULIP_ALLOW_INSECURE.
#[derive(Parser, Debug)]
#[command(name = "zulip-presence-gateway", version, about, long_about, max_term_width = 120)]
#[non_exhaustive]
pub struct Cli {
    /// A command to run in place of the server.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub settings: Settings,
}

/// A command that ends.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Checks configuration, reachability, key, clock, rate limit and CORS, and says how to fix each
    /// problem; exit status 1 if there is one
    Doctor {
        /// The origin of a page with badges, such as `https://wiki.example.com`
        #[arg(long, value_name = "ORIGIN")]
        origin: Option<AllowedOrigin>,
        /// Where browsers reach this gateway, through whatever proxy stands before it, such as
        /// `https://intra.example.com/presence`
        #[arg(long, value_name = "URL")]
        public_url: Option<Url>,
    },
    /// Lists the users who can be shown, with ID, name and API email: for page authors and for the
    /// file of --people
    People {
        /// Output format
        #[arg(long, value_name = "table|csv|json", value_enum, default_value_t = ListFormat::Table, hide_possible_values = true)]
        format: ListFormat,
    },
    /// Asks the gateway at --listen for /healthz: exit status 0 if it is healthy; for containers
    Healthcheck,
    /// Writes the manual page
    #[command(hide = true)]
    Man,
    /// Writes the completions of a shell
    #[command(hide = true)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// How people are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum ListFormat {
    /// For people.
    Table,
    /// For spreadsheets.
    Csv,
    /// For programs.
    Json,
}

/// How to serve.
#[derive(Args, Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The zuliprc [default: $ZULIP_CONFIG, else ~/.zuliprc]
    #[arg(long, global = true, env = "ZULIP_PRESENCE_CONFIG_FILE", value_name = "FILE")]
    pub config_file: Option<PathBuf>,

    /// Serve a simulated organisation instead of a real one
    #[arg(long, global = true, env = "ZULIP_PRESENCE_DEMO", num_args = 0..=1, require_equals = true, default_missing_value = "true", default_value_t = false, value_parser = flag(), hide_default_value = true)]
    pub demo: bool,

    /// Zulip version that the simulated organisation imitates: 1 (before 7.0), 2 (7 to 11), 3
    /// (12.0-dev), 4 (12)
    #[arg(long, global = true, env = "ZULIP_PRESENCE_DEMO_GENERATION", value_name = "1..4", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=4))]
    pub demo_generation: u8,

    /// Address of the simulated Zulip server itself, for tests without a gateway
    #[arg(
        long,
        global = true,
        env = "ZULIP_PRESENCE_DEMO_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:0"
    )]
    pub demo_listen: SocketAddr,

    /// Number of additional people in the simulated organisation, from ID 10001 on; for measurements
    #[arg(long, global = true, value_name = "NUMBER", default_value_t = 0, hide = true)]
    pub demo_people: u32,

    /// Address to listen on: HOST:PORT, :PORT for every interface, unix:/PATH, or fd for the socket
    /// that systemd passes; port 0 takes a free one
    #[arg(
        long,
        global = true,
        env = "ZULIP_PRESENCE_LISTEN",
        value_name = "ADDRESS",
        default_value = "127.0.0.1:8640"
    )]
    pub listen: ListenAddress,

    /// Serve the files of this directory instead of the embedded ones
    #[arg(long, env = "ZULIP_PRESENCE_DIST", value_name = "DIR")]
    pub dist: Option<PathBuf>,

    /// An origin whose pages may read presence, such as `https://wiki.example.com`; may be repeated. `*`: any page (without its
    /// cookies) [default: only pages that this gateway serves]
    #[arg(
        long,
        global = true,
        env = "ZULIP_PRESENCE_ALLOW_ORIGIN",
        value_name = "ORIGIN",
        value_delimiter = ','
    )]
    pub allow_origin: Vec<AllowedOrigin>,

    /// Serve only the people in this file: one ID or email per line, `!` excludes, `#` starts a
    /// comment; reloaded when it changes [default: the whole organisation]
    #[arg(long, global = true, env = "ZULIP_PRESENCE_PEOPLE", value_name = "FILE")]
    pub people: Option<PathBuf>,

    /// Whether replies include the last activity of offline people
    #[arg(long, env = "ZULIP_PRESENCE_LAST_ACTIVE", value_name = "show|hide", value_enum, default_value_t = LastActive::Show, hide_possible_values = true)]
    pub last_active: LastActive,

    /// Whether replies include what people say of themselves in Zulip: text and emoji
    #[arg(long, env = "ZULIP_PRESENCE_STATUS_MESSAGES", value_name = "show|hide", value_enum, default_value_t = StatusMessages::Hide, hide_possible_values = true)]
    pub status_messages: StatusMessages,

    /// Whether pages are told at once who comes: the gateway reads Zulip's events, and pages read a
    /// stream. Without it, or where either fails, both poll
    #[arg(long, global = true, env = "ZULIP_PRESENCE_LIVE", value_name = "on|off", value_enum, default_value_t = Live::On, hide_possible_values = true)]
    pub live: Live,

    /// Maximum number of pages that read a stream; further pages poll. Each needs an open file here
    #[arg(
        long,
        env = "ZULIP_PRESENCE_MAX_STREAMS",
        value_name = "STREAMS",
        default_value_t = 10_000
    )]
    pub max_streams: u16,

    /// Seconds between two requests to Zulip, each for all watched people, 10 to 45; more while
    /// Zulip is slow, so that it spends at most 5 % of the time answering
    #[arg(long, env = "ZULIP_PRESENCE_REFRESH", value_name = "SECONDS", default_value_t)]
    pub refresh: Refresh,

    /// Seconds without activity after which a person is offline, 60 to 3600 [default: as Zulip
    /// tells, else 200]
    #[arg(long, env = "ZULIP_PRESENCE_OFFLINE_AFTER", value_name = "SECONDS", value_parser = clap::value_parser!(u16).range(60..=3600))]
    pub offline_after: Option<u16>,

    /// Maximum number of requests to Zulip per minute. Zulip allows a bot 200: divide them among the
    /// replicas
    #[arg(
        long,
        global = true,
        env = "ZULIP_PRESENCE_BUDGET",
        value_name = "REQUESTS_PER_MINUTE",
        default_value_t
    )]
    pub budget: Budget,

    /// Format of log lines
    #[arg(long, global = true, env = "ZULIP_PRESENCE_LOG_FORMAT", value_name = "text|json", value_enum, default_value_t = LogFormat::Text, hide_possible_values = true)]
    pub log_format: LogFormat,

    /// Least severe level that is logged: error, warn, info, debug or trace
    #[arg(
        long,
        global = true,
        env = "ZULIP_PRESENCE_LOG_LEVEL",
        value_name = "LEVEL",
        default_value = "info"
    )]
    pub log_level: tracing_subscriber::filter::LevelFilter,
}

impl Settings {
    /// The threshold of "offline"; `None`: Zulip's own.
    #[must_use]
    pub fn offline_after(&self) -> Option<Duration> {
        self.offline_after.map(|seconds| Duration::from_secs(seconds.into()))
    }
}

/// Whether replies include what people say of themselves.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum StatusMessages {
    /// Replies include them.
    Show,
    /// No reply includes them.
    Hide,
}

/// Whether pages are told at once who comes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Live {
    /// By events and streams.
    On,
    /// By polling alone.
    Off,
}

/// How log lines are written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines: one object a line.
    Json,
}

/// `ZULIP_PRESENCE_DEMO=1` is as good as `true`.
fn flag() -> impl clap::builder::TypedValueParser<Value = bool> {
    clap::builder::BoolishValueParser::new()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn command_line_definition_is_valid() {
        Cli::command().debug_assert();
    }

    #[test]
    fn out_of_range_values_are_refused() {
        for line in [
            ["--refresh", "9"],
            ["--refresh", "46"],
            ["--budget", "201"],
            ["--offline-after", "59"],
            ["--demo-generation", "5"],
            ["--allow-origin", "https://x/y"],
            ["--listen", "8640"],
        ] {
            assert!(Cli::try_parse_from(["gateway", line[0], line[1]]).is_err(), "{line:?}");
        }
        let cli = Cli::try_parse_from([
            "gateway",
            "--demo",
            "--allow-origin",
            "*",
            "--allow-origin",
            "null",
        ])
        .expect("right");
        assert!(cli.settings.demo);
        assert_eq!(cli.settings.allow_origin.len(), 2);
    }
}
