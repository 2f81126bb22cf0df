//! Serves Zulip presence to web pages.

use std::fmt;
use std::future::Future;
use std::io::Write as _;
use std::net::SocketAddr;
use std::num::NonZero;
use std::pin::Pin;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{CommandFactory as _, Parser as _};
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal, SignalKind, signal};
use zulip_presence_gateway::commands::doctor::{self, Check};
use zulip_presence_gateway::commands::{healthcheck, people};
use zulip_presence_gateway::config::cli::{
    Cli, Command, ListFormat, Live, Settings, StatusMessages,
};
use zulip_presence_gateway::config::listen::ListenAddress;
use zulip_presence_gateway::{
    AllowedOrigin, AllowedOrigins, BindError, Config, CredentialsError, DistError, Gateway,
    Listener, PeopleError, Secret, StaticFiles, StreamConfig, TlsError, ZulipClient,
    ZulipCredentials, init_logging, max_streams, printable, raise_file_limit, serve_with,
};
use zulip_simulator::{EMAIL, Simulator};

const NAME: &str = "zulip-presence-gateway";
/// Exit status of a usage error; clap's own too.
const USAGE: u8 = 2;
/// A background task ended: `EX_SOFTWARE` of sysexits.h.
const SOFTWARE: u8 = 70;
/// Maximum threads that answer requests. Answers come from memory, tens of thousands a second from two
/// cores; one thread per core of a large host would be more than containers allow (`pids_limit`).
const MAX_WORKERS: usize = 8;
/// Maximum threads that look up names; nothing else blocks.
const MAX_LOOKUPS: usize = 8;

/// Why a command cannot start: a setting is wrong, or the system refuses something.
#[derive(Debug, thiserror::Error)]
enum StartError {
    #[error("no runtime: {0}")]
    Runtime(#[source] std::io::Error),
    #[error("no signals: {0}")]
    Signals(#[source] std::io::Error),
    #[error("no manual page: {0}")]
    Man(#[source] std::io::Error),
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error(transparent)]
    Dist(#[from] DistError),
    #[error(transparent)]
    People(#[from] PeopleError),
    #[error("cannot listen on {address}: {error}; choose another address with --listen")]
    Listen { address: ListenAddress, error: BindError },
    #[error("cannot listen on {address}: {error}; choose another address with --demo-listen")]
    DemoListen { address: SocketAddr, error: std::io::Error },
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let _log = init_logging(&cli.settings);
    let runtime = match runtime(cli.command.is_none()) {
        Ok(runtime) => runtime,
        Err(error) => return usage_error(&StartError::Runtime(error)),
    };
    let done = runtime.block_on(async {
        match &cli.command {
            None => serve_until_shutdown(&cli.settings).await,
            Some(Command::Doctor { origin, public_url }) => {
                run_doctor(&cli.settings, origin.as_ref(), public_url.as_ref()).await
            }
            Some(Command::People { format }) => list_people(&cli.settings, *format).await,
            Some(Command::Healthcheck) => healthcheck::healthcheck(&cli.settings.listen)
                .await
                .map(|()| ExitCode::SUCCESS)
                .or_else(|error| Ok(failed(&error))),
            Some(Command::Man) => {
                let mut page = Vec::new();
                clap_mangen::Man::new(Cli::command()).render(&mut page).map_err(StartError::Man)?;
                Ok(write_out(&page))
            }
            Some(Command::Completions { shell }) => {
                let mut script = Vec::new();
                clap_complete::generate(*shell, &mut Cli::command(), NAME, &mut script);
                Ok(write_out(&script))
            }
        }
    });
    // A pending DNS lookup must not delay the exit.
    runtime.shutdown_background();
    done.unwrap_or_else(|error: StartError| usage_error(&error))
}

/// Several threads for the server; the commands need no more than this one.
fn runtime(is_server: bool) -> std::io::Result<Runtime> {
    let mut builder = if is_server {
        let mut builder = Builder::new_multi_thread();
        let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
        builder.worker_threads(cores.min(MAX_WORKERS));
        builder
    } else {
        Builder::new_current_thread()
    };
    builder.max_blocking_threads(MAX_LOOKUPS).enable_all().build()
}

/// Zulip's address and the bot's account, and the simulated server if there is one.
async fn credentials(settings: &Settings) -> Result<(ZulipCredentials, BoxFuture), StartError> {
    if settings.demo {
        let address = settings.demo_listen;
        let cannot_listen = |error| StartError::DemoListen { address, error };
        let listener = TcpListener::bind(address).await.map_err(cannot_listen)?;
        let zulip = Simulator::demo(settings.demo_generation);
        zulip.add_people(settings.demo_people);
        let site = format!("http://{}", listener.local_addr().map_err(cannot_listen)?);
        let credentials = ZulipCredentials::new(site, EMAIL, Secret::new(zulip.key()));
        Ok((credentials, Box::pin(zulip.serve(listener))))
    } else {
        let credentials = ZulipCredentials::load(settings.config_file.as_deref(), variable)?;
        Ok((credentials, Box::pin(std::future::pending())))
    }
}

type BoxFuture = Pin<Box<dyn Future<Output = ()> + Send>>;

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn run_doctor(
    settings: &Settings,
    origin: Option<&AllowedOrigin>,
    public_url: Option<&Url>,
) -> Result<ExitCode, StartError> {
    let checks = match credentials(settings).await {
        Ok((credentials, server)) => tokio::select! {
            checks = doctor::run(settings, credentials, origin, public_url) => checks,
            () = server => Vec::new(),
        },
        Err(error) => vec![Check::Failed {
            problem: error.to_string(),
            fix: "see docs/gateway.md, \"The bot\"".into(),
        }],
    };
    let mut out = std::io::stdout().lock();
    for check in &checks {
        let _ = writeln!(out, "{check}");
    }
    let is_broken = checks.iter().any(|check| matches!(check, Check::Failed { .. }));
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

async fn list_people(settings: &Settings, format: ListFormat) -> Result<ExitCode, StartError> {
    let (credentials, server) = credentials(settings).await?;
    let listed = tokio::select! {
        listed = people::list(settings, credentials, format) => listed,
        () = server => Ok(String::new()),
    };
    Ok(match listed {
        Ok(text) => write_out(text.as_bytes()),
        Err(error) => failed(&error),
    })
}

/// Writes `text` to standard output. A closed one is no error.
fn write_out(text: &[u8]) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text);
    let _ = out.flush();
    ExitCode::SUCCESS
}

fn failed(error: &impl fmt::Display) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{NAME}: {}", printable(&error.to_string()));
    ExitCode::FAILURE
}

fn usage_error(error: &StartError) -> ExitCode {
    let _ = failed(error);
    ExitCode::from(USAGE)
}

async fn serve_until_shutdown(settings: &Settings) -> Result<ExitCode, StartError> {
    let (credentials, simulated_zulip) = credentials(settings).await?;
    let files = match &settings.dist {
        Some(directory) => StaticFiles::read(directory)?,
        None => StaticFiles::embedded(),
    };
    let allow_origins: AllowedOrigins = settings.allow_origin.iter().cloned().collect();
    let cannot_listen = |error| StartError::Listen { address: settings.listen.clone(), error };
    let listener = Listener::bind(&settings.listen).await.map_err(cannot_listen)?;
    let has_files = !files.is_empty();
    raise_file_limit();
    let max_streams = max_streams().min(settings.max_streams.into());
    if settings.live == Live::On && max_streams < settings.max_streams.into() {
        tracing::warn!(
            max_streams,
            "the limit of open files allows fewer streams than --max-streams; raise it (LimitNOFILE, ulimit -Hn)"
        );
    }
    let mut config = Config::new(ZulipClient::new(credentials.clone())?);
    if !settings.demo {
        config.zuliprc = ZulipCredentials::file(settings.config_file.as_deref(), variable);
    }
    config.refresh = settings.refresh;
    config.offline_after = settings.offline_after();
    config.budget = settings.budget;
    config.allow_origins = allow_origins.clone();
    config.people.clone_from(&settings.people);
    config.last_active = settings.last_active;
    config.show_statuses = settings.status_messages == StatusMessages::Show;
    config.live = (settings.live == Live::On)
        .then(|| StreamConfig { max_streams, ..StreamConfig::default() });
    config.files = files;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    config.seed = now.subsec_nanos().into();
    let mut gateway = Gateway::start(config)?;
    gateway.tasks.spawn("simulated Zulip", simulated_zulip);
    log_config(settings, &credentials, has_files, &allow_origins);
    let mut signals = Signals::new().map_err(StartError::Signals)?;
    // Scripts wait for this line. A closed standard output is no error.
    let _ = writeln!(std::io::stdout(), "listening on {}", listener.name());
    let _ = std::io::stdout().flush();
    let reload_handle = gateway.reload_handle();
    let end_handle = gateway.end_handle();
    let end = async {
        signals.until_termination(|| reload_handle.reload()).await;
        tracing::info!("ending");
    };
    let served = serve_with(gateway.tasks, listener, gateway.router, end).await;
    end_handle.end().await;
    match served {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) => {
            tracing::error!(%error, "ending");
            Ok(ExitCode::from(SOFTWARE))
        }
    }
}

/// The signals that this program handles.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Calls `reload` on every SIGHUP, and completes on SIGINT or SIGTERM.
    async fn until_termination(&mut self, reload: impl Fn()) {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
                _ = self.hangup.recv() => {
                    tracing::info!("SIGHUP: the people file and the zuliprc are read again");
                    reload();
                }
            }
        }
    }
}

/// Logs the configuration.
fn log_config(
    settings: &Settings,
    credentials: &ZulipCredentials,
    has_files: bool,
    origins: &AllowedOrigins,
) {
    if settings.demo {
        tracing::info!(generation = settings.demo_generation, "a simulated organisation");
    } else {
        tracing::info!(site = credentials.site, bot = credentials.email, "Zulip");
    }
    if credentials.tls.insecure {
        tracing::warn!(
            "insecure: Zulip's certificate is not checked, so that anybody on the way can read the bot's key"
        );
    }
    match &settings.people {
        Some(file) => {
            tracing::info!(file = %file.display(), "only the people in this file are served");
        }
        None => tracing::info!("the whole organisation is served; --people FILE narrows that"),
    }
    if origins.is_any() {
        tracing::warn!("--allow-origin '*': pages of every origin may read who is active");
    }
    if !has_files {
        tracing::warn!(
            "built without the widget's files: pages cannot load it from here; build with `make dist` before, or use --dist"
        );
    }
}
