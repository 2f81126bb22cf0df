//! The program as an init system runs it: its log, its signals, its sockets.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use zulip_simulator::{Fault, Simulator};

use crate::cli::{Running, file, get, program};
use crate::test_gateway::organisation;

const ADA: &str = "/api/v1/users/12/presence";
const REQUEST: &[u8] =
    b"GET /api/v1/users/12/presence HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n";

/// A zuliprc for `zulip` at `site`.
fn zuliprc(zulip: &Simulator, site: SocketAddr) -> String {
    format!("[api]\nemail=presence-bot@example.com\nkey={}\nsite=http://{site}\n", zulip.key())
}

/// Asks until the reply to `path` begins with `expected`.
#[track_caller]
pub(crate) fn until(address: SocketAddr, path: &str, expected: &str) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !get(address, path).starts_with(expected) {
        assert!(Instant::now() < deadline, "{path} never said {expected}");
        get(address, ADA);
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Zulip fails once, which is logged; then it is asked again.
fn survives_a_failure_that_is_logged_to(name: &str, stderr: Stdio) {
    let zulip = organisation(4);
    zulip.fail_at("realm/presence", Fault::ServerError);
    let server = zulip.start().expect("a free port");
    let site = server.address();
    let config = file(name, &zuliprc(&zulip, site));
    let running = Running::start(program().arg("--config-file").arg(config).stderr(stderr));
    assert!(get(running.address, ADA).starts_with("HTTP/1.1 503"));
    until(running.address, "/readyz", "HTTP/1.1 503");
    zulip.fail(None);
    until(running.address, "/readyz", "HTTP/1.1 200");
    assert!(get(running.address, ADA).starts_with("HTTP/1.1 200"));
    assert!(get(running.address, "/healthz").starts_with("HTTP/1.1 200"));
}

#[test]
fn zulip_is_asked_again_although_the_disk_of_the_log_is_full() {
    let full = File::options().write(true).open("/dev/full").expect("Linux");
    survives_a_failure_that_is_logged_to("log-full", full.into());
}

#[test]
fn zulip_is_asked_again_although_the_reader_of_the_log_is_gone() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    survives_a_failure_that_is_logged_to("log-gone", writer.into());
}

#[test]
fn sighup_reloads_the_people_file_and_the_zuliprc() {
    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let site = server.address();
    let config = file("sighup", &zuliprc(&zulip, site));
    let people = file("sighup-people", "12\n");
    let running =
        Running::start(program().arg("--config-file").arg(&config).arg("--people").arg(&people));
    until(running.address, ADA, "HTTP/1.1 200");
    assert!(get(running.address, "/api/v1/users/17/presence").starts_with("HTTP/1.1 400"));
    std::fs::write(&people, "12\n17\n").expect("ours");
    zulip.set_api_key("another");
    std::fs::write(&config, zuliprc(&zulip, site)).expect("ours");
    running.signal("-HUP");
    until(running.address, "/api/v1/users/17/presence", "HTTP/1.1 200");
    running.terminate();
    let (log, status) = running.ended();
    assert_eq!(status, Some(0), "{log}");
    for line in ["SIGHUP", "the people file was read again", "the zuliprc was read again"] {
        assert!(log.contains(line), "{line:?} in {log}");
    }
}

/// A SIGHUP while the zuliprc is in no place: what it says of that until it ends.
fn log_of_a_reload_without_zuliprc(name: &str, command: &mut Command, zuliprc: &Path) -> String {
    let people = file(&format!("{name}-people"), "12\n");
    let running = Running::start(command.arg("--people").arg(&people));
    until(running.address, ADA, "HTTP/1.1 200");
    // None was there before.
    let _ = std::fs::remove_file(zuliprc);
    std::fs::write(&people, "12\n17\n").expect("ours");
    running.signal("-HUP");
    // Which is read before the zuliprc, by the same task that ends the program.
    until(running.address, "/api/v1/users/17/presence", "HTTP/1.1 200");
    running.terminate();
    let (log, status) = running.ended();
    assert_eq!(status, Some(0), "{log}");
    log
}

/// Another account of the same Zulip is where the program would look without `--config-file`.
#[test]
fn removed_config_file_changes_no_account() {
    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let text = zuliprc(&zulip, server.address());
    let config = file("removed", &text);
    let others = file("removed-home", "").with_file_name(".zuliprc");
    std::fs::write(&others, text.replace("presence-bot@", "admin@")).expect("ours");
    let mut command = program();
    command.env("HOME", others.with_file_name("")).arg("--config-file").arg(&config);
    let log = log_of_a_reload_without_zuliprc("removed", &mut command, &config);
    assert!(!log.contains("admin@") && !log.contains("the zuliprc was read again"), "{log}");
    assert!(log.contains("the zuliprc is not used") && log.contains("cannot read"), "{log}");
}

#[test]
fn zuliprc_that_nobody_named_need_not_exist() {
    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let mut command = program();
    command
        .env("HOME", "/nowhere")
        .env("ZULIP_SITE", format!("http://{}", server.address()))
        .env("ZULIP_EMAIL", "presence-bot@example.com")
        .env("ZULIP_API_KEY", zulip.key());
    let nowhere = Path::new("/nowhere/.zuliprc");
    let log = log_of_a_reload_without_zuliprc("unnamed", &mut command, nowhere);
    assert!(!log.contains("ERROR"), "{log}");
}

#[test]
fn listen_takes_names_and_every_interface() {
    let has_ipv6 = TcpListener::bind("[::1]:0").is_ok();
    for (listen, local) in [("localhost:0", "127.0.0.1"), (":0", "127.0.0.1"), ("[::]:0", "[::1]")]
    {
        if listen == "[::]:0" && !has_ipv6 {
            continue;
        }
        let (running, name) = Running::listening(listen, program().arg("--demo"));
        let port = name.trim_end_matches('/').rsplit(':').next().expect("a port");
        let address = format!("{local}:{port}").parse().expect("an address");
        assert!(get(address, ADA).starts_with("HTTP/1.1 200"), "{listen}: {name}");
        drop(running);
    }
}

#[test]
fn listen_refuses_other_words_with_what_is_expected() {
    for (listen, problem) in [("8640", "the port is missing"), ("::1:8640", "in brackets")] {
        let output = program().args(["--demo", "--listen", listen]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(problem) && said.contains("expected HOST:PORT"), "{said}");
    }
    let output = program()
        .args(["--demo", "--listen", "no-such-host.invalid:8640"])
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("cannot listen on no-such-host.invalid:8640"), "{said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
}

#[test]
fn listen_takes_a_unix_socket_and_replaces_a_stale_one() {
    let path = file("unix", "").with_file_name("socket");
    let _ = std::fs::remove_file(&path);
    drop(UnixListener::bind(&path).expect("a socket"));
    assert!(path.exists(), "a stale one");
    let listen = format!("unix:{}", path.display());
    let (running, name) = Running::listening(&listen, program().arg("--demo"));
    assert_eq!(name, listen);
    let mut stream = UnixStream::connect(&path).expect("it listens");
    stream.write_all(REQUEST).expect("it reads");
    let mut reply = String::new();
    stream.read_to_string(&mut reply).expect("an answer");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    let second = program().args(["--demo", "--listen", &listen]).output().expect("it starts");
    assert_eq!(second.status.code(), Some(2), "the place is taken");
    running.terminate();
    let (log, status) = running.ended();
    assert_eq!(status, Some(0), "{log}");
    assert!(!path.exists(), "the file goes with the program");
}

const ACTIVATE: &str = "/usr/bin/systemd-socket-activate";

#[test]
fn listen_fd_takes_the_socket_of_systemd() {
    let output = program().args(["--demo", "--listen", "fd"]).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("LISTEN_FDS"), "{said}");
    assert_eq!(output.status.code(), Some(2), "{said}");
    // A container may have no systemd.
    if !Path::new(ACTIVATE).exists() {
        println!("skipped: there is no {ACTIVATE}");
        return;
    }
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let address = free.expect("a free port");
    let mut child = Command::new(ACTIVATE)
        .arg(format!("--listen={address}"))
        .arg(env!("CARGO_BIN_EXE_zulip-presence-gateway"))
        .args(["--demo", "--listen", "fd"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let deadline = Instant::now() + Duration::from_secs(30);
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "it listens");
        std::thread::sleep(Duration::from_millis(20));
    }
    let reply = get(address, ADA);
    // It has become the gateway by now.
    let _ = child.kill();
    let _ = child.wait();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
}

#[test]
fn allow_origin_is_refused_with_the_fix() {
    for (origin, fix) in [
        ("'https://a.example'", "write https://a.example"),
        ("htps://a.example", "write https://a.example"),
        ("https://a.example/wiki", "write https://a.example"),
    ] {
        let output =
            program().args(["--demo", "--allow-origin", origin]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(fix), "{said}");
    }
}

/// A proxy that demands credentials.
fn closed_proxy() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it has one");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.expect("a client");
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n > 0) {
                head.push(byte[0]);
            }
            let _ = stream.write_all(
                b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
            );
        }
    });
    address
}

#[test]
fn doctor_and_log_name_the_cause_of_a_failure() {
    let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let free = free.expect("a free port");
    let proxy = format!("http://me:sesame@{}", closed_proxy());
    let rows = [
        ("cause-dns", "https://no-such-host.invalid".to_owned(), "DNS: ", "check its spelling", ""),
        ("cause-refused", format!("https://{free}"), "was refused", "nothing listens there", ""),
        ("cause-proxy", "https://z.example".to_owned(), "407", "HTTPS_PROXY", proxy.as_str()),
    ];
    for (name, site, cause, fix, proxy) in rows {
        let text = format!("[api]\nemail=presence-bot@example.com\nkey=k\nsite={site}\n");
        let config = file(name, &text);
        let start = || {
            let mut command = program();
            if !proxy.is_empty() {
                command.env("HTTPS_PROXY", proxy);
            }
            command.arg("--config-file").arg(&config);
            command
        };
        let output = start().arg("doctor").output().expect("it starts");
        let said = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(output.status.code(), Some(1), "{said}");
        assert!(said.contains("unreachable: ") && said.contains(cause), "{cause:?} in {said}");
        assert!(said.contains(fix) && !said.contains("sesame"), "{fix:?} in {said}");
        let running = Running::start(start().args(["--log-level", "trace"]));
        assert!(get(running.address, ADA).starts_with("HTTP/1.1 503"));
        running.terminate();
        let (log, _) = running.ended();
        assert!(log.contains(cause) && log.contains(fix), "{cause:?} in {log}");
        assert!(!log.contains("sesame"), "{log}");
    }
}

#[test]
fn people_lists_who_can_be_shown() {
    let people = file("list-people", "12\n17\n");
    let mut command = program();
    command.args(["--demo", "--people"]).arg(people).args(["people", "--format", "csv"]);
    let output = command.output().expect("it starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(0), "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 3, "{said}");
    assert!(lines[1].starts_with("12,\"Ada"), "{said}");
    let zulip = organisation(4);
    zulip.fail(Some(Fault::ServerError));
    let server = zulip.start().expect("a free port");
    let config = file("list-fails", &zuliprc(&zulip, server.address()));
    let output = program().arg("--config-file").arg(config).arg("people").output();
    let output = output.expect("it starts");
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("the list of users cannot be read: status 500; see the Zulip"), "{said}");
}

#[test]
fn log_and_doctor_say_that_presence_is_disabled() {
    let zulip = organisation(4);
    zulip.set_presence_disabled(true);
    let server = zulip.start().expect("a free port");
    let config = file("disabled", &zuliprc(&zulip, server.address()));
    let output = program().arg("--config-file").arg(&config).arg("doctor").output();
    let output = output.expect("it starts");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("✗ Zulip reports nobody's presence, although"), "{said}");
    assert!(said.contains("→ let an administrator"), "{said}");
    let running = Running::start(program().arg("--config-file").arg(&config));
    for user in [12, 17, 23] {
        let reply = get(running.address, &format!("/api/v1/users/{user}/presence"));
        assert!(reply.contains("No presence data for"), "{reply}");
    }
    running.terminate();
    let (log, _) = running.ended();
    assert_eq!(log.matches("Zulip reports nobody's presence").count(), 1, "{log}");
}

/// Deactivated organisation: the key is not to blame, and the log and the list of people say so.
#[test]
fn log_and_list_name_the_cause_of_a_refusal() {
    let zulip = organisation(4);
    zulip.fail(Some(Fault::Error {
        status: 401,
        code: "UNAUTHORIZED",
        msg: "This organization has been deactivated",
    }));
    let server = zulip.start().expect("a free port");
    let config = file("refusal", &zuliprc(&zulip, server.address()));
    let (cause, fix) = ("the organisation is deactivated", "an administrator of the Zulip server");
    let output = program().arg("--config-file").arg(&config).arg("people").output();
    let said = String::from_utf8(output.expect("it starts").stderr).expect("UTF-8");
    assert!(said.contains(cause) && said.contains(fix), "{said}");
    let running = Running::start(program().arg("--config-file").arg(&config));
    assert!(get(running.address, ADA).starts_with("HTTP/1.1 503"));
    running.terminate();
    let (log, _) = running.ended();
    assert!(log.contains(cause) && log.contains(fix) && !log.contains("regenerate"), "{log}");
}

#[test]
fn healthcheck_asks_the_running_gateway() {
    let running = Running::demo();
    let check = |listen: &str| {
        let output = program().args(["healthcheck", "--listen", listen]).output();
        let output = output.expect("it starts");
        (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
    };
    let address = running.address;
    assert_eq!(check(&address.to_string()), (Some(0), String::new()));
    assert_eq!(check(&format!("0.0.0.0:{}", address.port())).0, Some(0));
    drop(running);
    let (status, said) = check(&address.to_string());
    assert_eq!(status, Some(1), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

fn threads(id: u32) -> usize {
    std::fs::read_dir(format!("/proc/{id}/task")).expect("it runs").count()
}

#[test]
fn threads_of_gateway_and_healthcheck_do_not_grow_with_the_host() {
    let compose = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/compose.yaml");
    let compose = std::fs::read_to_string(compose).expect("a file of deploy/");
    let limit = compose.lines().find_map(|line| line.trim().strip_prefix("pids_limit: "));
    let limit: usize = limit.and_then(|limit| limit.parse().ok()).expect("a limit");
    // As on a host with 64 hardware threads.
    let program = || {
        let mut program = program();
        program.env("TOKIO_WORKER_THREADS", "64");
        program
    };
    let running = Running::start(program().arg("--demo"));
    let of_gateway = threads(running.id());
    // It waits for a reply while it is looked at.
    let silent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = silent.local_addr().expect("it has one").to_string();
    let mut check =
        program().args(["healthcheck", "--listen", &address]).spawn().expect("it starts");
    let waiting = silent.accept();
    let of_check = threads(check.id());
    let _ = check.kill();
    let _ = check.wait();
    drop(waiting);
    assert_eq!(of_check, 2, "the program and its log");
    let most = 10;
    assert!(of_gateway <= most, "8 workers, the program and its log: {of_gateway}");
    assert!(limit >= 4 * (most + of_check), "room for lookups of names, and for more checks");
}

#[test]
fn manual_page_and_completions_know_every_command() {
    let output = |arguments: &[&str]| {
        let output = program().args(arguments).output().expect("it starts");
        assert_eq!(output.status.code(), Some(0));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    let page = output(&["man"]);
    for part in [".TH zulip-presence-gateway 1", "allow\\-origin", "healthcheck", "people"] {
        assert!(page.contains(part), "{part:?} in {page}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = output(&["completions", shell]);
        assert!(script.contains("allow-origin") && script.contains("healthcheck"), "{shell}");
    }
}

#[test]
fn doctor_says_whether_it_can_listen_and_who_is_not_listed() {
    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let site = server.address();
    let config = file("doctor-listen", &zuliprc(&zulip, site));
    let doctor = |listen: &str| {
        let mut command = program();
        command.arg("--config-file").arg(&config).args(["--listen", listen, "doctor"]);
        let output = command.output().expect("it starts");
        (output.status.code(), String::from_utf8(output.stdout).expect("UTF-8"))
    };
    let (status, said) = doctor("127.0.0.1:0");
    assert_eq!(status, Some(0), "{said}");
    assert!(
        said.contains("✓ 127.0.0.1:0 is free") && !said.contains("list of users that"),
        "{said}"
    );
    let running = Running::demo();
    let (_, said) = doctor(&running.address.to_string());
    assert!(said.contains("✓ a gateway runs at"), "{said}");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("it has one");
    drop(std::thread::spawn(move || taken.incoming().for_each(drop)));
    let (status, said) = doctor(&address.to_string());
    assert!(said.contains("! something else than a healthy gateway listens"), "{said}");
    assert_eq!(status, Some(0), "{said}");
    let (status, said) = doctor("no-such-host.invalid:1");
    assert!(said.contains("✗ cannot listen at no-such-host.invalid:1"), "{said}");
    assert_eq!(status, Some(1), "{said}");
    zulip.set_listed(12, false);
    let (_, said) = doctor("127.0.0.1:0");
    assert!(said.contains("! 1 of them are not in the list of users"), "{said}");
}
