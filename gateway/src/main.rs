//! Serves Zulip presence to web pages.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Parser as _;
use tokio::net::{TcpListener, TcpSocket};
use tokio::signal::unix::{SignalKind, signal};
use zulip_presence_gateway::config::cli::{Cli, Command, LastActive, LogFormat, Settings};
use zulip_presence_gateway::doctor::{self, Check};
use zulip_presence_gateway::{
    AllowedOrigin, AllowedOrigins, Config, StaticFiles, ZulipClient, ZulipCredentials, app, demo,
    serve,
};

/// What is wrong is what was asked for: clap's own status too.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log(&cli.settings);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return usage_error(&format!("no runtime: {error}")),
    };
    let done = runtime.block_on(async {
        match &cli.command {
            None => serve_until_shutdown(&cli.settings).await,
            Some(Command::Doctor { origin }) => run_doctor(&cli.settings, origin.as_ref()).await,
        }
    });
    done.unwrap_or_else(|message| usage_error(&message))
}

/// Zulip's address and the key to it.
async fn credentials(settings: &Settings) -> Result<ZulipCredentials, String> {
    if settings.demo {
        let listener = listen(settings.demo_listen, "--demo-listen")?;
        demo::start(listener, settings.demo_generation, settings.demo_people)
            .map_err(|error| error.to_string())
    } else {
        ZulipCredentials::load(settings.config_file.as_deref(), variable)
            .map_err(|error| error.to_string())
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

async fn run_doctor(
    settings: &Settings,
    origin: Option<&AllowedOrigin>,
) -> Result<ExitCode, String> {
    let checks = match credentials(settings).await {
        Ok(credentials) => doctor::run(settings, credentials, origin).await,
        Err(problem) => {
            vec![Check::Failed { problem, fix: "see docs/gateway.md, \"The bot\"".into() }]
        }
    };
    let mut out = std::io::stdout().lock();
    for check in &checks {
        let _ = writeln!(out, "{check}");
    }
    let is_broken = checks.iter().any(|check| matches!(check, Check::Failed { .. }));
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn usage_error(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "zulip-presence-gateway: {message}");
    ExitCode::from(USAGE)
}

fn log(settings: &Settings) {
    let subscriber = tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(settings.log_level)
        .with_target(false);
    match settings.log_format {
        LogFormat::Text => {
            subscriber.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init()
        }
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
}

async fn serve_until_shutdown(settings: &Settings) -> Result<ExitCode, String> {
    let text = |error: &dyn std::error::Error| error.to_string();
    let credentials = credentials(settings).await?;
    let files = match &settings.dist {
        Some(directory) => StaticFiles::read(directory).map_err(|error| text(&error))?,
        None => StaticFiles::embedded(),
    };
    let allow_origins: AllowedOrigins = settings.allow_origin.iter().cloned().collect();
    let people = settings.people.clone();
    let listener = listen(settings.listen, "--listen")?;
    let address = listener.local_addr().map_err(|error| text(&error))?;
    let has_files = !files.is_empty();
    let config = Config {
        client: ZulipClient::new(credentials.clone()).map_err(|error| text(&error))?,
        zuliprc: if settings.demo {
            None
        } else {
            ZulipCredentials::file(settings.config_file.as_deref(), variable)
        },
        refresh: settings.refresh(),
        offline_after: settings.offline_after(),
        budget: settings.budget.into(),
        allow_origins: allow_origins.clone(),
        people,
        hide_last_active: settings.last_active == LastActive::Hide,
        files,
        seed: SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .subsec_nanos()
            .into(),
    };
    let router = app(config).map_err(|error| text(&error))?;
    log_config(settings, &credentials, has_files, &allow_origins);
    let mut terminated = signal(SignalKind::terminate()).map_err(|error| text(&error))?;
    // Scripts wait for this line; whoever closed standard output does not.
    let _ = writeln!(std::io::stdout(), "listening on http://{address}/");
    let _ = std::io::stdout().flush();
    let end = async {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        tracing::info!("ending");
    };
    serve(listener, router, end).await;
    Ok(ExitCode::SUCCESS)
}

/// Connections that the system holds until they are taken: of a burst beyond it the system drops
/// some, and they come back seconds later. The system's own bound is mostly this too.
const BACKLOG: u32 = 4096;

fn listen(address: std::net::SocketAddr, flag: &str) -> Result<TcpListener, String> {
    let bound = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        socket.bind(address)?;
        socket.listen(BACKLOG)
    };
    bound().map_err(|error: std::io::Error| {
        format!("cannot listen on {address}: {error}; choose another address with {flag}")
    })
}

/// What an administrator should know without asking.
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
            tracing::info!(file = %file.display(), "only the people in this file are served")
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
