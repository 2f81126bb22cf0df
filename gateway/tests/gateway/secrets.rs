//! The key appears nowhere.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use zulip_presence_gateway::ZulipClient;
use zulip_simulator::{EMAIL, Fault};

use crate::cli::{Running, file, get, program};
use crate::test_gateway::{account, organisation};

const KEY: &str = "qZ7xKv3WmT9bLs5RdYh2NcJf8PgEa4Uu";
/// What takes its place.
const NEXT: &str = "Wd3pRk8VbX1nHy6TgMz4QsCe9LfJa7Uo";

#[track_caller]
fn is_clean(what: &str, text: &str) {
    for key in [KEY, NEXT] {
        let basic = STANDARD.encode(format!("{EMAIL}:{key}"));
        for secret in [key, &basic, &URL_SAFE.encode(key), &STANDARD.encode(key)] {
            assert!(!text.contains(secret), "the key is in {what}: {text}");
        }
    }
}

/// Replies, headers, the log at trace level, metrics, arguments: with Zulip in order and in every
/// state of disorder.
#[test]
fn key_is_sent_to_zulip_only() {
    let zulip = organisation(4);
    zulip.set_api_key(KEY);
    let server = zulip.start().expect("a free port");
    let site = server.address();
    let config = file("secret", &format!("[api]\nemail={EMAIL}\nkey={KEY}\nsite=http://{site}\n"));
    let mut command = program();
    command
        .args(["--log-level", "trace", "--refresh", "10", "--allow-origin", "*", "--config-file"])
        .arg(&config);
    let running = Running::start(&mut command);
    let ask_everything = |state: &str| {
        for path in [
            "/api/v1/users/12/presence",
            "/api/v1/users/2001/presence",
            "/api/v1/users/presence-bot@example.com/presence",
            "/api/v1/realm/presence?users=[12,17,31]",
            "/api/v1/realm/presence?users=nonsense",
            "/users/12/presence.svg",
            "/metrics",
            "/readyz",
            "/healthz",
            "/",
            "/zuliprc",
            "/../zuliprc",
            &format!("/api/v1/users/{EMAIL}/presence?api_key=x"),
        ] {
            is_clean(&format!("{path} while {state}"), &get(running.address, path));
        }
    };
    ask_everything("all is well");
    let mut faults = vec![
        Fault::Redirect,
        Fault::Html(502),
        Fault::TruncatedBody,
        Fault::RateLimited { retry_after_s: 0.1, in_body: true },
    ];
    while let Some(fault) = faults.pop() {
        let asked = zulip.asked().len();
        zulip.fail(Some(fault.clone()));
        let deadline = Instant::now() + Duration::from_secs(30);
        while zulip.asked().len() == asked && Instant::now() < deadline {
            get(running.address, "/api/v1/users/12/presence");
            std::thread::sleep(Duration::from_millis(50));
        }
        ask_everything(&format!("{fault:?}"));
    }
    zulip.fail(None);
    zulip.set_api_key(NEXT);
    until(running.address, "/readyz", "HTTP/1.1 503");
    ask_everything("the key is revoked");
    std::fs::write(&config, format!("[api]\nemail={EMAIL}\nkey={NEXT}\nnonsense\n")).expect("ours");
    std::thread::sleep(Duration::from_secs(6));
    std::fs::write(&config, format!("[api]\nemail={EMAIL}\nkey={NEXT}\nsite=http://{site}\n"))
        .expect("ours");
    until(running.address, "/readyz", "HTTP/1.1 200");
    ask_everything("the key was replaced");
    let arguments =
        std::fs::read_to_string(format!("/proc/{}/cmdline", running.id())).expect("Linux");
    is_clean("its arguments", &arguments);
    running.terminate();
    let (log, _) = running.ended();
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "this is a log at trace level");
    is_clean("the log", &log);
}

/// Asks until the reply begins like this; for as long as the longest refresh and then some.
fn until(address: std::net::SocketAddr, path: &str, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !get(address, path).starts_with(expected) {
        assert!(Instant::now() < deadline, "{path} never said {expected}");
        get(address, "/api/v1/users/12/presence");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn errors_and_doctor_do_not_print_the_key() {
    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let site = server.address();
    // The port of Zulip itself is taken, so that no gateway starts.
    let taken = site.to_string();
    for (name, text) in [
        ("secret-refused", format!("[api]\nemail={EMAIL}\nkey={KEY}\nsite=http://{site}\n")),
        ("secret-no-email", format!("[api]\nkey={KEY}\nsite=http://{site}\n")),
        ("secret-syntax", format!("[api]\n{KEY}\n")),
        ("secret-no-section", format!("key={KEY}\n")),
        (
            "secret-in-site",
            format!("[api]\nemail={EMAIL}\nkey=k\nsite=https://me:{KEY}@z.example\n"),
        ),
        ("secret-header", format!("[api]\nemail={EMAIL}\nkey=a\n {KEY}\nsite=http://{site}\n")),
    ] {
        let config = file(name, &text);
        for task in [&["doctor"][..], &["--listen", &taken][..]] {
            let output = program()
                .arg("--config-file")
                .arg(&config)
                .args(["--log-level", "trace"])
                .args(task)
                .output()
                .expect("it starts");
            is_clean(name, &String::from_utf8_lossy(&output.stdout));
            is_clean(name, &String::from_utf8_lossy(&output.stderr));
        }
    }
}

#[tokio::test]
async fn debug_does_not_print_the_key() {
    let zulip = organisation(4);
    zulip.set_api_key(KEY);
    let account = account(&zulip, ([127, 0, 0, 1], 9).into());
    is_clean("the account", &format!("{account:?} {account:#?}"));
    let client = ZulipClient::new(account).expect("no certificates are involved");
    is_clean("the client", &format!("{client:?} {client:#?}"));
}
