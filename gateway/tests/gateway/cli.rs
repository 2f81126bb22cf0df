//! The program as an administrator and an init system meet it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use zulip_simulator::Fault;

use crate::test_gateway::{on_a_port, organisation};

const PROGRAM: &str = env!("CARGO_BIN_EXE_zulip-presence-gateway");

/// A command that sees nothing of this machine's own settings.
pub(crate) fn program() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A running gateway; it ends with this value.
pub(crate) struct Running {
    child: Child,
    /// Reads standard error all the time: a full pipe would stop the program.
    log: Option<JoinHandle<String>>,
    pub(crate) address: SocketAddr,
}

impl Running {
    pub(crate) fn start(command: &mut Command) -> Self {
        let (mut running, name) = Self::listening("127.0.0.1:0", command);
        let address = name.strip_prefix("http://").and_then(|rest| rest.strip_suffix('/'));
        let address: SocketAddr =
            address.and_then(|address| address.parse().ok()).unwrap_or_else(|| panic!("{name:?}"));
        running.address = address;
        running
    }

    /// Listening at `listen`, and what it says of where that is.
    pub(crate) fn listening(listen: &str, command: &mut Command) -> (Self, String) {
        let mut child = command.args(["--listen", listen]).spawn().expect("the program starts");
        let log = child.stderr.take().map(|mut stderr| {
            std::thread::spawn(move || {
                let mut log = String::new();
                stderr.read_to_string(&mut log).expect("UTF-8");
                log
            })
        });
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().expect("piped"));
        stdout.read_line(&mut line).expect("it says where it listens");
        let name = line.trim().strip_prefix("listening on ").unwrap_or_else(|| panic!("{line:?}"));
        (Self { child, log, address: SocketAddr::from(([0, 0, 0, 0], 0)) }, name.to_owned())
    }

    pub(crate) fn demo() -> Self {
        Self::start(program().args(["--demo", "--allow-origin", "*"]))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    pub(crate) fn signal(&self, signal: &str) {
        let killed = Command::new("kill")
            .args([signal, &self.child.id().to_string()])
            .status()
            .expect("kill is there");
        assert!(killed.success());
    }

    /// What it wrote to standard error until it ended, and its status.
    pub(crate) fn ended(mut self) -> (String, Option<i32>) {
        let log = self.log.take().and_then(|log| log.join().ok()).expect("it was read");
        let status = self.child.wait().expect("it ends");
        (log, status.code())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Sends `request` as it is, and reads all that comes until the connection ends.
pub(crate) fn raw(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    stream.write_all(request).expect("it reads");
    let mut reply = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut reply);
    String::from_utf8_lossy(&reply).into_owned()
}

pub(crate) fn get(address: SocketAddr, path: &str) -> String {
    raw(address, format!("GET {path} HTTP/1.1\r\nHost: gateway\r\nOrigin: https://x.example\r\nConnection: close\r\n\r\n").as_bytes())
}

/// Serves `router` until the test ends, in a thread of its own.
pub(crate) fn serve_in_background(router: Router) -> SocketAddr {
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            tell.send(on_a_port(router).await).expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    told.recv().expect("it listens")
}

/// A directory of this run of the tests.
pub(crate) fn directory(name: &str) -> PathBuf {
    let directory =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    directory
}

/// A file in a directory of its own.
pub(crate) fn file(name: &str, text: &str) -> PathBuf {
    let path = directory(name).join("zuliprc");
    std::fs::write(&path, text).expect("a file");
    path
}

#[track_caller]
fn refuses(command: &mut Command, expected: &[&str]) {
    let Output { status, stdout, stderr } = command.output().expect("it starts");
    let said = String::from_utf8(stderr).expect("UTF-8");
    assert_eq!(status.code(), Some(2), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    for part in expected {
        assert!(said.contains(part), "{part:?} in {said}");
    }
    assert!(stdout.is_empty());
}

#[test]
fn invalid_settings_exit_2_with_one_line() {
    refuses(program().env("HOME", "/nowhere"), &["/nowhere/.zuliprc", "ZULIP_API_KEY", "--demo"]);
    refuses(&mut program(), &["HOME"]);
    refuses(program().args(["--config-file", "/nowhere/zuliprc"]), &["/nowhere/zuliprc"]);
    refuses(program().args(["--config-file", "/"]), &["cannot read /"]);
    refuses(program().env("ZULIP_CONFIG", "/nowhere/rc"), &["/nowhere/rc"]);
    let incomplete = file("incomplete", "[api]\nemail=a@b.example\nsite=https://z.example\n");
    refuses(program().arg("--config-file").arg(incomplete), &["no `key`", "ZULIP_API_KEY"]);
    let clear = file("clear", "[api]\nemail=a@b.example\nkey=k\nsite=http://z.example\n");
    refuses(program().arg("--config-file").arg(clear), &["in clear"]);
    let bundle = file(
        "bundle",
        "[api]\nemail=a@b.example\nkey=k\nsite=https://z.example\ncert_bundle=/nowhere/ca.pem\n",
    );
    refuses(
        program().arg("--config-file").arg(bundle).args(["--listen", "127.0.0.1:0"]),
        &["cert_bundle", "/nowhere/ca.pem"],
    );
    refuses(program().args(["--demo", "--dist", "/nowhere/dist"]), &["/nowhere/dist", "make dist"]);
    let wrong = file("people", "12\nada\n");
    refuses(
        program().args(["--demo", "--listen", "127.0.0.1:0", "--people"]).arg(wrong),
        &[":2:", "user ID or an email"],
    );
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has one").to_string();
    refuses(program().args(["--demo", "--listen", &address]), &[&address, "--listen"]);
    let no_socket = format!("unix:{}", file("no-socket", "").display());
    refuses(program().args(["--demo", "--listen", &no_socket]), &[&no_socket, "in use"]);
}

#[test]
fn help_lists_every_setting_with_its_default() {
    let output = program().arg("--help").output().expect("it starts");
    let help = String::from_utf8(output.stdout).expect("UTF-8");
    for flag in [
        "--config-file",
        "--demo",
        "--listen",
        "--dist",
        "--allow-origin",
        "--people",
        "--last-active",
        "--refresh",
        "--offline-after",
        "--budget",
        "--log-format",
        "[default: 15]",
        "[default: as Zulip",
        "[default: 60]",
        "[default: 127.0.0.1:8640]",
        "ZULIP_PRESENCE_LISTEN",
        "doctor",
        "~/.zuliprc",
    ] {
        assert!(help.contains(flag), "{flag} in\n{help}");
    }
}

#[test]
fn environment_variables_set_flags() {
    let running = Running::start(
        program()
            .env("ZULIP_PRESENCE_DEMO", "1")
            .env("ZULIP_PRESENCE_ALLOW_ORIGIN", "https://x.example,https://y.example"),
    );
    let reply = get(running.address, "/api/v1/users/12/presence");
    assert!(
        reply.starts_with("HTTP/1.1 200")
            && reply.contains("access-control-allow-origin: https://x.example"),
        "{reply}"
    );
}

/// A request that waits for Zulip when SIGTERM comes gets its answer, and the process ends within 5
/// s with status 0.
#[test]
fn sigterm_lets_pending_requests_finish() {
    let zulip = organisation(4);
    zulip.fail_at("realm/presence", Fault::Slow(Duration::from_secs(2)));
    let server = zulip.start().expect("a free port");
    let site = server.address();
    let config = file(
        "graceful",
        &format!(
            "[api]\nemail=presence-bot@example.com\nkey={}\nsite=http://{site}\n",
            zulip.key()
        ),
    );
    let running = Running::start(program().arg("--config-file").arg(config));
    let address = running.address;
    let request = std::thread::spawn(move || get(address, "/api/v1/users/12/presence"));
    let deadline = Instant::now() + Duration::from_secs(10);
    while !zulip.asked().iter().any(|path| path == "realm/presence") {
        assert!(Instant::now() < deadline, "the request reaches Zulip");
        std::thread::sleep(Duration::from_millis(10));
    }
    let told_at = Instant::now();
    running.terminate();
    let reply = request.join().expect("no panic");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    let (log, status) = running.ended();
    assert_eq!(status, Some(0), "{log}");
    assert!(told_at.elapsed() < Duration::from_secs(6), "{:?}", told_at.elapsed());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn malformed_requests_get_errors_and_the_server_lives() {
    let running = Running::demo();
    let address = running.address;
    let line = |line: &str| format!("{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    for (request, expected) in [
        (line("GET /api/v1/users/12\0/presence"), "400"),
        (line("GET /api/v1/users/12%00/presence"), "400"),
        (line("GET /api/v1/users/..%2f..%2fetc/presence"), "400"),
        (line("GET /../../etc/passwd"), "404"),
        (line("GET /%2e%2e/%2e%2e/etc/passwd"), "404"),
        (line("GET //etc/passwd"), "404"),
        (line(&format!("GET /{}", "a".repeat(20_000))), "404"),
        (line(&format!("GET /{}", "a".repeat(80_000))), "4"),
        (format!("GET / HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "a".repeat(80_000)), "431"),
        (format!("GET / HTTP/1.1\r\n{}\r\n", "X: y\r\n".repeat(2_000)), "431"),
        ("GARBAGE\r\n\r\n".into(), "400"),
        (line("TRACE /"), "405"),
        (line("BREW /api/v1/users/12/presence"), "405"),
        (
            format!(
                "POST /api/v1/users/12/presence HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{}",
                "x".repeat(9)
            ),
            "405",
        ),
    ] {
        let reply = raw(address, request.as_bytes());
        let shown: String = request.chars().take(60).collect();
        assert!(reply.starts_with(&format!("HTTP/1.1 {expected}")), "{shown:?}: {reply}");
    }
    assert!(get(address, "/api/v1/users/12/presence").starts_with("HTTP/1.1 200"), "and it lives");
}

/// A client that sends its head byte by byte, or never, is cut off; others are served meanwhile.
#[test]
fn slow_request_heads_are_disconnected() {
    let running = Running::demo();
    let mut slow: Vec<_> =
        (0..50).map(|_| TcpStream::connect(running.address).expect("it listens")).collect();
    let started = Instant::now();
    for stream in &mut slow {
        stream.write_all(b"GET / HTTP/1.1\r\nHost: ").expect("it reads");
    }
    assert!(get(running.address, "/healthz").starts_with("HTTP/1.1 200"));
    for stream in &mut slow {
        // Another byte does not restart the timeout.
        let _ = stream.write_all(b"x");
        stream.set_read_timeout(Some(Duration::from_secs(25))).expect("a timeout");
        let mut reply = Vec::new();
        let ended = stream.read_to_end(&mut reply);
        assert!(
            !matches!(&ended, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock),
            "cut off, with or without a word"
        );
    }
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
}

#[test]
fn doctor_reports_each_problem_with_its_fix() {
    fn says(command: &mut Command, status: i32, expected: &[&str]) -> String {
        let output = command.arg("doctor").output().expect("it starts");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(output.status.code(), Some(status), "{said}");
        for part in expected {
            assert!(said.contains(part), "{part:?} in\n{said}");
        }
        said
    }
    let all_right = [
        "✓ the key is that of the generic bot",
        "✓ the bot sees 83 active people",
        "✓ a single person's presence can be read",
    ];
    let said = says(program().arg("--demo"), 0, &all_right);
    assert!(!said.contains('✗'), "{said}");
    let origin = ["--origin", "https://wiki.example.com"];
    let mut asked = program();
    asked.args(["--demo", "doctor"]).args(origin);
    let output = asked.output().expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        String::from_utf8_lossy(&output.stdout)
            .contains("→ start the gateway with --allow-origin https://wiki.example.com")
    );
    says(program().env("HOME", "/nowhere"), 1, &["✗ no Zulip account", "/nowhere/.zuliprc"]);

    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let site = server.address();
    let config = |key: &str, site: &str| {
        format!("[api]\nemail=presence-bot@example.com\nkey={key}\nsite={site}\n")
    };
    let here = format!("http://{site}");
    let right = file("doctor", &config(&zulip.key(), &here));
    says(program().arg("--config-file").arg(&right), 0, &["✓ the bot sees 5 active people"]);
    let wrong_key = file("doctor-key", &config("wrong", &here));
    says(
        program().arg("--config-file").arg(wrong_key),
        1,
        &["✗ Zulip refuses presence-bot@example.com: 401", "→ check email and key"],
    );
    for (path, status, code, msg, problem, fix) in [
        (
            "users/me",
            401,
            "UNAUTHORIZED",
            "Account is deactivated",
            "401 unauthorized: the bot is deactivated",
            "→ reactivate the bot",
        ),
        (
            "users/me",
            401,
            "UNAUTHORIZED",
            "This organization has been deactivated",
            "the organisation is deactivated",
            "→ an administrator of the Zulip server",
        ),
        (
            "users/me",
            401,
            "UNAUTHORIZED",
            "Account is not associated with this subdomain",
            "the bot belongs to another organisation",
            "→ the site and the bot",
        ),
        (
            "server_settings",
            404,
            "NONEXISTENT_SUBDOMAIN",
            "Invalid subdomain",
            "status 404: there is no organisation at this address",
            "→ check the subdomain",
        ),
    ] {
        zulip.fail_at(path, Fault::Error { status, code, msg });
        says(program().arg("--config-file").arg(&right), 1, &[problem, fix]);
    }
    zulip.fail_at("realm/presence", Fault::ServerError);
    says(
        program().arg("--config-file").arg(&right),
        1,
        &["✗ the organisation's presence cannot be read: status 500"],
    );
    zulip.fail(Some(Fault::Redirect));
    says(program().arg("--config-file").arg(&right), 1, &["status 302", "the site redirects"]);
    let nobody = file("doctor-people", "12345\n");
    says(program().args(["--demo", "--people"]).arg(nobody), 1, &["names nobody who is there"]);
    let free =
        TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("it has one");
    let nowhere = file("doctor-site", &config("k", &format!("http://{free}")));
    says(program().arg("--config-file").arg(nowhere), 1, &["unreachable"]);
}

#[test]
fn doctor_tells_an_unwell_gateway_from_another_server() {
    for (reply, status, expected) in [
        (
            "503 Service Unavailable\r\n\r\nthe poll loop has not run for a minute\n",
            1,
            "is not well: the poll loop has not run for a minute\n  → read its log",
        ),
        (
            "404 Not Found\r\n\r\nnot here\n",
            0,
            "! something else than a healthy gateway listens at",
        ),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has one").to_string();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let _ = stream.read(&mut [0; 1024]);
                let _ = write!(stream, "HTTP/1.1 {reply}");
            }
        });
        let output =
            program().args(["--demo", "--listen", &address, "doctor"]).output().expect("it starts");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(said.contains(expected), "{expected:?} in\n{said}");
        assert_eq!(output.status.code(), Some(status), "{said}");
    }
}

#[test]
fn doctor_asks_through_the_proxy() {
    let doctor = |url: &str, origin: &str| {
        let output = program()
            .args(["--demo", "--allow-origin", "https://wiki.example.com"])
            .args(["--allow-origin", "https://other.example.com", "doctor"])
            .args(["--origin", origin, "--public-url", url])
            .output()
            .expect("it starts");
        (String::from_utf8(output.stdout).expect("UTF-8"), output.status.code())
    };
    let dist = std::env::temp_dir().join(format!("zulip-presence-doctor-{}", std::process::id()));
    std::fs::create_dir_all(&dist).expect("a folder");
    for name in ["index.html", "zulip-presence.js"] {
        std::fs::write(dist.join(name), "").expect("a file");
    }
    let running = Running::start(
        program()
            .args(["--demo", "--allow-origin", "https://wiki.example.com", "--dist"])
            .arg(&dist),
    );
    let public = format!("http://{}/", running.address);
    let (said, status) = doctor(&public, "https://wiki.example.com");
    assert!(said.contains("✓ browsers reach the gateway at http://127.0.0.1"), "{said}");
    assert_eq!(status, Some(0), "{said}");
    for (url, origin, problem, fix) in [
        (
            public.as_str(),
            "https://other.example.com",
            "does not let pages of https://other.example.com read presence",
            "→ start the gateway with --allow-origin",
        ),
        (
            &format!("{public}presence"),
            "https://wiki.example.com",
            "/presence/zulip-presence.js is not the widget: status 404",
            "→ let the proxy hand every path",
        ),
        (
            "http://127.0.0.1:1/",
            "https://wiki.example.com",
            "the connection was refused",
            "proxy runs",
        ),
    ] {
        let (said, status) = doctor(url, origin);
        assert!(said.contains(problem) && said.contains(fix), "{problem:?} {fix:?} in\n{said}");
        assert_eq!(status, Some(1), "{said}");
    }
    std::fs::remove_dir_all(dist).expect("it was there");
}

#[test]
fn json_log_has_one_line_per_zulip_failure() {
    let zulip = organisation(4);
    zulip.fail_at("realm/presence", Fault::ServerError);
    let server = zulip.start().expect("a free port");
    let site = server.address();
    let config = file(
        "log",
        &format!(
            "[api]\nemail=presence-bot@example.com\nkey={}\nsite=http://{site}\n",
            zulip.key()
        ),
    );
    let running =
        Running::start(program().args(["--log-format", "json", "--config-file"]).arg(config));
    for _ in 0..3 {
        assert!(get(running.address, "/api/v1/users/12/presence").starts_with("HTTP/1.1 503"));
    }
    running.terminate();
    let (log, _) = running.ended();
    let lines: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
    let failures: Vec<_> =
        lines.iter().filter(|line| line["request"] == "realm_presence").collect();
    let asked = zulip.asked().iter().filter(|path| *path == "realm/presence").count();
    assert_eq!(
        failures.len(),
        asked,
        "one line per failure of Zulip, none per request of a page: {log}"
    );
    assert_eq!(failures[0]["outcome"], "status 500");
    assert_eq!(failures[0]["level"], "WARN");
    assert!(failures[0]["fix"].as_str().is_some_and(|fix| !fix.is_empty()));
}

/// What an administrator should know without asking stands in the log.
#[test]
fn startup_log_states_who_may_read() {
    #[track_caller]
    fn says(command: &mut Command, expected: &[&str], never: &[&str]) {
        let running = Running::start(command.arg("--demo"));
        running.terminate();
        let (log, _) = running.ended();
        for part in expected {
            assert!(log.contains(part), "{part:?} in {log}");
        }
        for part in never {
            assert!(!log.contains(part), "{part:?} in {log}");
        }
    }
    let (everybody, any_page) =
        ("the whole organisation is served", "pages of every origin may read who is active");
    says(&mut program(), &[everybody], &[any_page]);
    says(program().args(["--allow-origin", "*"]), &[everybody, "WARN", any_page], &[]);
    let people = file("start-people", "12\n");
    says(
        program().arg("--people").arg(people),
        &["only the people in this file are served"],
        &[everybody],
    );
}

/// Warnings for an administrator.
#[test]
fn doctor_warnings_exit_0() {
    let zulip = organisation(4);
    zulip.advance(Duration::from_secs(600));
    let json = |text: &'static str| ([("content-type", "application/json")], text);
    let me = axum::routing::get(move || async move {
        json(r#"{"result":"success","msg":"","user_id":12,"is_bot":false}"#)
    });
    let limited =
        axum::middleware::map_response(|mut response: axum::response::Response| async move {
            for (name, value) in [("x-ratelimit-limit", 200), ("x-ratelimit-remaining", 20)] {
                response.headers_mut().insert(name, value.into());
            }
            response
        });
    let site = serve_in_background(
        Router::new().route("/api/v1/users/me", me).layer(limited).fallback_service(zulip.router()),
    );
    let config = file(
        "doctor-warns",
        &format!(
            "[api]\nemail=presence-bot@example.com\nkey={}\nsite=http://{site}\n",
            zulip.key()
        ),
    );
    let output = program()
        .arg("--config-file")
        .arg(&config)
        .args(["--allow-origin", "*", "doctor"])
        .output()
        .expect("it starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "a warning is no error: {said}");
    for warning in [
        "! the key is that of a human, presence-bot@example.com",
        "! 20 of 200 requests a minute are left",
        "only: let NTP set it",
        "! pages of every origin may read who is active",
    ] {
        assert!(said.contains(warning), "{warning:?} in\n{said}");
    }
}
