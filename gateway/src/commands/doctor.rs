//! Checks the configuration and says how to fix each problem.

use std::fmt;
use std::io::ErrorKind;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_TYPE, ORIGIN};
use serde_json::Value;
use zulip_presence_core::reply::RequestError;
use zulip_presence_core::{Timestamp, UserRef};

use crate::clock;
use crate::commands::healthcheck::{HealthError, healthcheck};
use crate::config::cli::{Live, Settings};
use crate::config::credentials::ZulipCredentials;
use crate::config::listen::ListenAddress;
use crate::config::origin::AllowedOrigin;
use crate::http::cors::AllowedOrigins;
use crate::printable::printable;
use crate::server::listener::{BindError, Listener};
use crate::zulip::allow_list::AllowList;
use crate::zulip::client::{Reply, ZulipClient};
use crate::zulip::directory::{Directory, Kind};
use crate::zulip::event_queue::requests;
use crate::zulip::failure::{ClientError, PRESENCE_DISABLED, PRESENCE_DISABLED_FIX, remedy};

/// Longer than any healthy server takes.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Presence follows Zulip's clock, so a wrong one here affects the logs only.
const CLOCKS_APART: Duration = Duration::from_secs(30);

/// Zulip sends presence events in organisations of at most so many active accounts
/// (docs/zulip-wire.md §11).
const MAX_ACCOUNTS: usize = 100;

/// One line of the report.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Check {
    /// No problem.
    Ok(String),
    /// Works, but an administrator should know.
    Warning(String),
    /// A problem, and how to fix it.
    Failed {
        /// What is wrong.
        problem: String,
        /// How to fix it.
        fix: String,
    },
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok(text) => write!(f, "✓ {}", printable(text)),
            Self::Warning(text) => write!(f, "! {}", printable(text)),
            Self::Failed { problem, fix } => {
                write!(f, "✗ {}\n  → {}", printable(problem), printable(fix))
            }
        }
    }
}

/// Runs all checks for `credentials`. `origin`: of the page that is to show badges; `public_url`:
/// where browsers reach the gateway.
pub async fn run(
    settings: &Settings,
    credentials: ZulipCredentials,
    origin: Option<&AllowedOrigin>,
    public_url: Option<&Url>,
) -> Vec<Check> {
    let mut checks = Vec::new();
    if credentials.tls.insecure {
        checks.push(Check::Warning("insecure: Zulip's certificate is not checked".into()));
    }
    let client = match ZulipClient::new(credentials) {
        Ok(client) => client,
        Err(error) => {
            checks.push(problem(error, "correct that entry of the zuliprc"));
            return checks;
        }
    };
    if let Some(checked) = zulip(&client, settings, &mut checks).await {
        let allowed = people(settings, &checked, &mut checks);
        presence(&client, &checked, allowed.as_ref(), &mut checks).await;
        if settings.live == Live::On {
            checks.push(events(&client, &checked).await);
        }
    }
    cors(settings, origin, &mut checks);
    checks.extend(listening(&settings.listen).await);
    if let Some(url) = public_url {
        checks.push(public(url, origin).await.unwrap_or_else(|problem| problem));
    }
    checks
}

/// Requests script and presence through the proxy, as a page of `origin` would.
async fn public(url: &Url, origin: Option<&AllowedOrigin>) -> Result<Check, Check> {
    let base = url.as_str().trim_end_matches('/');
    let unreachable = |error: reqwest::Error| {
        problem(
            format_args!("{base} cannot be reached: {}", ClientError::from(error)),
            "check the address, and that the proxy runs",
        )
    };
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(TIMEOUT)
        .build()
        .map_err(unreachable)?;
    let script = client.get(format!("{base}/zulip-presence.js"));
    let script = script.send().await.map_err(unreachable)?;
    let kind = script.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if script.status() != 200 || !kind.unwrap_or_default().contains("javascript") {
        return Err(problem(
            format_args!(
                "{base}/zulip-presence.js is not the widget: status {}, type {}",
                script.status().as_u16(),
                kind.unwrap_or("none")
            ),
            "let the proxy hand every path below that address on to the gateway, without the address's own path, and ask for no login: docs/gateway.md has the lines",
        ));
    }
    // An empty list, so that no user is requested.
    let mut request = client.get(format!("{base}/api/v1/realm/presence?users=%5B%5D"));
    let origin = match origin {
        Some(AllowedOrigin::Origin(origin)) => Some(origin),
        _ => None,
    };
    if let Some(origin) = origin {
        request = request.header(ORIGIN, origin);
    }
    let reply = request.send().await.map_err(unreachable)?;
    let (status, headers) = (reply.status(), reply.headers().clone());
    let body = reply.bytes().await.unwrap_or_default();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if body["result"].is_null() {
        return Err(problem(
            format_args!("{base}/api/v1 is not the gateway's API: status {}", status.as_u16()),
            "let the proxy hand the paths below /api/v1 on to the gateway, too",
        ));
    }
    let allowed: Vec<_> = headers.get_all(ACCESS_CONTROL_ALLOW_ORIGIN).iter().collect();
    if let Some(origin) = origin
        && (allowed.len() != 1 || (allowed[0] != origin && allowed[0] != "*"))
    {
        return Err(problem(
            format_args!(
                "{base} does not let pages of {} read presence",
                origin.to_str().unwrap_or_default()
            ),
            "start the gateway with --allow-origin for them, and let the proxy neither drop nor add the header Access-Control-Allow-Origin",
        ));
    }
    Ok(Check::Ok(format!("browsers reach the gateway at {base}")))
}

/// Whether the gateway can listen, or does so already. Checks TCP only: a socket from systemd is
/// passed to the service alone, and a Unix socket is created by it.
async fn listening(address: &ListenAddress) -> Option<Check> {
    if !matches!(address, ListenAddress::Tcp { .. }) {
        return None;
    }
    let Err(error) = Listener::bind(address).await else {
        return Some(Check::Ok(format!("{address} is free to listen at")));
    };
    let is_in_use =
        matches!(&error, BindError::System(error) if error.kind() == ErrorKind::AddrInUse);
    Some(match healthcheck(address).await {
        Ok(()) => Check::Ok(format!("a gateway runs at {address}")),
        Err(health @ HealthError::Unhealthy(_)) => problem(
            format_args!("the gateway at {address} is {health}"),
            "read its log, and restart it",
        ),
        Err(_) if is_in_use => Check::Warning(format!(
            "something else than a healthy gateway listens at {address}: choose another address with --listen"
        )),
        Err(_) => problem(
            format_args!("cannot listen at {address}: {error}"),
            "choose another address with --listen",
        ),
    })
}

fn problem(problem: impl fmt::Display, fix: &str) -> Check {
    Check::Failed { problem: problem.to_string(), fix: fix.into() }
}

fn request_failure(what: &str, error: &ClientError) -> Check {
    problem(format_args!("{what}: {error}"), remedy(error))
}

/// Sends a request; anything but a success is an error.
async fn call(client: &ZulipClient, path: &str) -> Result<(Reply, Value), ClientError> {
    let reply = tokio::time::timeout(TIMEOUT, client.get(path))
        .await
        .unwrap_or(Err(RequestError::TimedOut.into()))?;
    let body = serde_json::from_slice::<Value>(&reply.body)
        .ok()
        .filter(|body| body["result"] == "success");
    match body {
        Some(body) if reply.status == 200 => Ok((reply, body)),
        _ => Err(reply.error()),
    }
}

/// Checks the server, the key, the clock, the rate limit and the directory; `None` if further
/// checks are useless.
async fn zulip(
    client: &ZulipClient,
    settings: &Settings,
    checks: &mut Vec<Check>,
) -> Option<Directory> {
    let site = client.site().to_owned();
    match call(client, "server_settings").await {
        Ok((_, body)) => {
            let version = body["zulip_version"].as_str().unwrap_or("of unknown version").to_owned();
            checks.push(Check::Ok(format!("{site} is Zulip {version}")));
        }
        Err(failure) => {
            checks.push(request_failure(&format!("{site} does not answer as Zulip"), &failure));
            return None;
        }
    }
    let (reply, me) = match call(client, "users/me").await {
        Ok(answer) => answer,
        Err(failure) => {
            checks.push(request_failure(&format!("Zulip refuses {}", client.email()), &failure));
            return None;
        }
    };
    checks.push(match (me["is_bot"].as_bool(), me["bot_type"].as_u64()) {
        (Some(true), None | Some(1)) => {
            Check::Ok(format!("the key is that of the generic bot {}", client.email()))
        }
        (Some(true), _) => Check::Warning(
            "the key is that of a bot of another type: a generic bot is enough, and meant for this"
                .into(),
        ),
        _ => Check::Warning(format!(
            "the key is that of a human, {}: whoever gets it can act as them; use a generic bot's",
            client.email()
        )),
    });
    let header = |name: &str| reply.headers.get(name)?.to_str().ok()?.parse::<u64>().ok();
    if let (Some(limit), Some(left)) =
        (header("x-ratelimit-limit"), header("x-ratelimit-remaining"))
    {
        let budget = u64::from(settings.budget.get());
        checks.push(if budget > limit {
            problem(
                format_args!("--budget {budget} is above Zulip's {limit} requests a minute"),
                "lower --budget",
            )
        } else if left < budget {
            Check::Warning(format!(
                "{left} of {limit} requests a minute are left: something else uses this key too"
            ))
        } else {
            Check::Ok(format!(
                "{left} of {limit} requests a minute are free; the gateway takes at most {budget}"
            ))
        });
    }
    let directory = tokio::time::timeout(TIMEOUT, client.get("users"))
        .await
        .unwrap_or(Err(RequestError::TimedOut.into()));
    let directory =
        directory.and_then(|reply| Directory::parse(&reply.body).map_err(|_| reply.error()));
    match directory {
        Ok(directory) => {
            let humans = directory.humans().count();
            checks.push(Check::Ok(format!("the bot sees {humans} active people")));
            Some(directory)
        }
        Err(failure) => {
            checks.push(request_failure("the list of users cannot be read", &failure));
            None
        }
    }
}

fn people(
    settings: &Settings,
    directory: &Directory,
    checks: &mut Vec<Check>,
) -> Option<AllowList> {
    let Some(path) = &settings.people else {
        checks.push(Check::Warning(
            "the whole organisation is served; --people FILE narrows that".into(),
        ));
        return Some(AllowList::default());
    };
    match AllowList::load(path) {
        Ok(allowed) => {
            let served = directory.humans().filter(|member| allowed.includes(member)).count();
            checks.push(if served == 0 {
                problem(
                    format_args!("{} names nobody who is there", path.display()),
                    "write IDs or API emails of active people into it",
                )
            } else {
                Check::Ok(format!("{} lets {served} of them be seen", path.display()))
            });
            Some(allowed)
        }
        Err(error) => {
            checks.push(problem(error, "correct that file"));
            None
        }
    }
}

async fn presence(
    client: &ZulipClient,
    directory: &Directory,
    allowed: Option<&AllowList>,
    checks: &mut Vec<Check>,
) {
    let connected = match call(client, "realm/presence").await {
        Ok((_, body)) => {
            let connected: Vec<UserRef> = body["presences"]
                .as_object()
                .into_iter()
                .flatten()
                .filter_map(|(email, _)| email.parse().ok())
                .collect();
            if connected.is_empty() && directory.humans().next().is_some() {
                checks.push(problem(PRESENCE_DISABLED, PRESENCE_DISABLED_FIX));
                return;
            }
            checks.push(Check::Ok(format!(
                "the organisation's presence can be read: {} people of the last 14 days",
                connected.len()
            )));
            let unlisted = connected.iter().filter(|email| directory.find(email).is_none()).count();
            if unlisted > 0 {
                checks.push(Check::Warning(format!(
                    "{unlisted} of them are not in the list of users that the bot sees, and cannot be shown"
                )));
            }
            connected
        }
        Err(failure) => {
            checks.push(request_failure("the organisation's presence cannot be read", &failure));
            return;
        }
    };
    let served = |user: &&UserRef| {
        let member = directory.find(user);
        member.is_some_and(|member| {
            member.kind == Kind::Human && allowed.is_none_or(|allowed| allowed.includes(member))
        })
    };
    let Some(somebody) = connected.iter().find(served).and_then(|user| directory.find(user)) else {
        checks.push(Check::Warning("nobody who is served was there in the last 14 days: all badges will be grey or unknown".into()));
        return;
    };
    let path = format!("users/{}/presence", somebody.id.path_segment());
    let check = match call(client, &path).await {
        Ok((reply, _)) => {
            checks.extend(reply.sent_at().map(clock_difference));
            Check::Ok(format!("a single person's presence can be read (user {})", somebody.id))
        }
        Err(failure) => request_failure(
            &format!("the presence of user {} cannot be read", somebody.id),
            &failure,
        ),
    };
    checks.push(check);
}

/// Whether Zulip sends events. Polling is enough without them, so that nothing here is a problem.
async fn events(client: &ZulipClient, directory: &Directory) -> Check {
    match requests::register(client, false).await {
        Ok(registered) => {
            // It would end by itself, too.
            let _ = requests::delete(client, &registered.queue_id).await;
            Check::Ok(if directory.active_accounts() > MAX_ACCOUNTS {
                format!(
                    "Zulip sends events about accounts; about presence only where there are at most {MAX_ACCOUNTS}, so that who comes is shown at the next poll"
                )
            } else {
                "Zulip sends events: who comes is shown at once".into()
            })
        }
        Err(error) => Check::Warning(format!(
            "Zulip sends no events ({error}): who comes is shown at the next poll; {}",
            remedy(&error)
        )),
    }
}

fn clock_difference(server_now: Timestamp) -> Check {
    let now = clock::wall();
    let apart = now.age(server_now).max(server_now.age(now));
    let said = format!("this machine's clock is within {} s of Zulip's", apart.as_secs() + 1);
    if apart > CLOCKS_APART {
        Check::Warning(format!("{said} only: let NTP set it"))
    } else {
        Check::Ok(said)
    }
}

fn cors(settings: &Settings, origin: Option<&AllowedOrigin>, checks: &mut Vec<Check>) {
    let origins: AllowedOrigins = settings.allow_origin.iter().cloned().collect();
    match origin {
        None if origins.is_any() => {
            checks.push(Check::Warning("pages of every origin may read who is active".into()));
        }
        None if settings.allow_origin.is_empty() => {
            checks.push(Check::Warning(
                "only pages that the gateway itself serves may show badges; --allow-origin opens it to others".into(),
            ));
        }
        None => checks
            .push(Check::Ok(format!("{} origins may read presence", settings.allow_origin.len()))),
        Some(AllowedOrigin::Any) => checks.push(problem(
            "--origin * is no page",
            "give the origin of the page that shows badges",
        )),
        Some(origin @ AllowedOrigin::Origin(value)) => {
            let name = value.to_str().unwrap_or_default();
            checks.push(if origins.is_any() || settings.allow_origin.contains(origin) {
                Check::Ok(format!("pages of {name} may read presence"))
            } else {
                problem(
                    format_args!("pages of {name} may not read presence"),
                    &format!("start the gateway with --allow-origin {name}"),
                )
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_neither_hides_nor_reorders() {
        let said = "Zulip 12\u{202e}\u{1b}[2J\n✓ all is well";
        let seen = "Zulip 12\u{fffd}\u{fffd}[2J\u{fffd}✓ all is well";
        assert_eq!(Check::Ok(said.into()).to_string(), format!("✓ {seen}"));
        assert_eq!(Check::Warning(said.into()).to_string(), format!("! {seen}"));
        assert_eq!(problem(said, said).to_string(), format!("✗ {seen}\n  → {seen}"));
    }
}
