//! Clients that mean harm, on a real port. Nothing is served that should not be, and after each of
//! them the next one is served at once.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::cli::{Running, get, program, raw};
use crate::test_gateway::{ADA, PAGE};

/// What lies beside the files that are served, and in a hidden one among them.
const SECRET: &str = "sesame-open-thyself";

/// A gateway that serves a few files, and has secrets near them.
struct Target {
    running: Running,
    address: SocketAddr,
}

impl Target {
    fn new(name: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("hostile-{name}-{}", std::process::id()));
        let dist = directory.join("dist");
        std::fs::create_dir_all(dist.join("pages")).expect("a directory");
        for (file, text) in [
            ("secret.txt", SECRET),
            ("dist/.hidden", SECRET),
            ("dist/index.html", "the page"),
            ("dist/zulip-presence.js", "the script"),
            ("dist/pages/more.html", "more"),
        ] {
            std::fs::write(directory.join(file), text).expect("a file");
        }
        let running =
            Running::start(program().args(["--demo", "--allow-origin", PAGE, "--dist"]).arg(&dist));
        let address = running.address;
        Self { running, address }
    }

    fn line(&self, target: &[u8]) -> String {
        let request =
            [b"GET ", target, b" HTTP/1.1\r\nHost: gateway\r\nConnection: close\r\n\r\n"].concat();
        raw(self.address, &request)
    }

    /// The next client is served.
    #[track_caller]
    fn lives(&self) {
        let asked_at = Instant::now();
        let reply = get(self.address, ADA);
        assert!(
            reply.starts_with("HTTP/1.1 200") && reply.contains("\"active_timestamp\""),
            "{reply}"
        );
        // Far below every timeout.
        assert!(asked_at.elapsed() < Duration::from_secs(5), "{:?}", asked_at.elapsed());
    }

    /// It lives, and ends without having panicked or flooded its log.
    fn ends_well(self) {
        self.lives();
        self.running.terminate();
        let (log, status) = self.running.ended();
        assert_eq!(status, Some(0), "{log}");
        assert!(!log.contains("panicked") && !log.contains("ERROR"), "{log}");
        assert!(log.lines().count() < 20, "clients write no log: {log}");
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("it listens");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
        stream
    }
}

fn status(reply: &str) -> Option<u16> {
    reply
        .strip_prefix("HTTP/1.1 ")
        .or_else(|| reply.strip_prefix("HTTP/1.0 "))?
        .get(..3)?
        .parse()
        .ok()
}

/// Memory of a process, in bytes.
fn resident(id: u32) -> u64 {
    let statm = std::fs::read_to_string(format!("/proc/{id}/statm")).expect("Linux");
    statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).expect("pages") * 4096
}

/// What may stand for "the directory above", to one decoder or another.
const UP: [&str; 26] = [
    "..",
    "%2e%2e",
    "%2E%2E",
    ".%2e",
    "%2e.",
    "%252e%252e",
    "%25252e%25252e",
    "..%2f..",
    "..%2F..",
    "..%252f..",
    "..%5c..",
    "..%255c..",
    "..\\..",
    "%c0%ae%c0%ae",
    "%e0%80%ae%e0%80%ae",
    "%f0%80%80%ae%f0%80%80%ae",
    "%c0%2e%c0%2e",
    "..%c0%af..",
    "..%ef%bc%8f..",
    "%uff0e%uff0e",
    "..;",
    "..%00",
    "..%0d%0a",
    "..%09",
    "....",
    "%2e",
];

/// Targets of a request line, and the status of the reply.
fn tricks() -> Vec<(Vec<u8>, u16)> {
    let mut rows: Vec<(Vec<u8>, u16)> = Vec::new();
    for up in UP {
        rows.push((format!("/{up}/secret.txt").into(), 404));
        rows.push((format!("/pages/{up}/{up}/secret.txt").into(), 404));
        rows.push((format!("/{up}/{up}/{up}/{up}/{up}/{up}/{up}/{up}/etc/passwd").into(), 404));
        // One segment, which is no user.
        rows.push((format!("/api/v1/users/{up}/presence").into(), 400));
        rows.push((format!("/api/v1/users/12%2f{up}/presence").into(), 400));
        rows.push((format!("/users/{up}/presence.svg").into(), 200));
    }
    let mut row = |target: &[u8], status: u16| rows.push((target.to_vec(), status));
    // Files: only their very names.
    row(b"/", 200);
    row(b"/index.html", 200);
    row(b"/pages/more.html", 200);
    for none in [
        "/.hidden",
        "/%2ehidden",
        "/pages",
        "/pages/",
        "/pages/..",
        "/./index.html",
        "/%2e/index.html",
        "//index.html",
        "///index.html",
        "/index.html/",
        "/index.html%00",
        "/index.html%00.js",
        "/index.html%20",
        "/index.html.",
        "/index.html;x",
        "/INDEX.HTML",
        "/index%2ehtml",
        "/%69ndex.html",
        "/zulip-presence.js~",
        "/zulip-presence.js.map",
        "/pages%2fmore.html",
        "/pages%5cmore.html",
        "/pages\\more.html",
        "/secret.txt",
        "/zuliprc",
        "/.zuliprc",
        "/.git/config",
        "/proc/self/environ",
        "/proc/self/cmdline",
        "/etc/passwd",
        "/C:/Windows/win.ini",
        "/%",
        "/%zz",
        "/%c3%28",
        "/metrics/",
        "/metrics%00",
        "/metrics/..",
        "/Metrics",
    ] {
        row(none.as_bytes(), 404);
    }
    row(&[b"/", "a".repeat(30_000).as_bytes()].concat(), 404);
    row(&["/a".repeat(15_000).as_bytes()].concat(), 404);
    // The interface: only its very paths.
    for none in [
        "/api",
        "/api/v1/users",
        "/api/v1/users/",
        "/api/v1/users/12",
        "/api/v1/users/12/",
        "/api/v1/users/12/presence/",
        "/api/v1/users/12/presence%2f",
        "/api/v1/users/12/presence;x",
        "/api/v1/users/12/presence.json",
        "/api/v1/users/12/%70resence",
        "/api/v1/users/12//presence",
        "/api/v1//users/12/presence",
        "/api/v1/users/./12/presence",
        "/api/v1/users/17/../12/presence",
        "/api/v1/users/x/y/presence",
        "/api/v1/realm/presence/",
        "/api/v1/realm/presence/..",
        "/api/v1/%72ealm/presence",
        "/api/v1/messages",
        "/api/v1/users/me",
        "/api/v1/users/12/status",
        "/api/v2/users/12/presence",
        "/API/v1/users/12/presence",
        "/json/users/12/presence",
        "//api/v1/users/12/presence",
        "/%61pi/v1/users/12/presence",
        "/users/12/presence.png",
        "/users/12/presence.svg/",
        "/users/17/../12/presence.svg",
    ] {
        row(none.as_bytes(), 404);
    }
    row(b"/api/v1/users//presence", 400);
    row(b"/api/v1/users/12/presence", 200);
    row(b"/api/v1/users/%31%32/presence", 200);
    row(b"/api/v1/users/12/presence?users=17&x=../..", 200);
    row(b"/api/v1/users/12/presence#/../../secret.txt", 200);
    for nobody in [
        "12%00",
        "%0012",
        "12%2f..%2f17",
        "12%2fpresence",
        "12%3fx",
        "12%23",
        "12%0d%0aX-Injected:%20yes",
        "%31%32%ff",
        "%ef%bc%91%ef%bc%92",
        "12;17",
        "12,17",
        "12&17",
        "*",
        "me",
        "0x0c",
        "12e0",
        "-12",
        "+12",
        "99999999999999999999",
        "%3Cscript%3Ealert(1)%3C%2fscript%3E",
        "{user}",
        "$%7b7*7%7d",
        "'%20or%20'1'='1",
        "ada@example.com%00",
        "ada@example.com%2f..",
        "ada@@example.com",
        "ada@example.com@evil.example",
    ] {
        row(format!("/api/v1/users/{nobody}/presence").as_bytes(), 400);
        row(format!("/users/{nobody}/presence.svg").as_bytes(), 200);
    }
    for wrong in [
        "",
        "?",
        "?users",
        "?users=",
        "?users=12",
        "?users=[12",
        "?users=%5B12%5D&users=%5B17%5D",
        "?users=%5B12%5D;users=%5B17%5D",
        "?users[]=12",
        "?users=%5B%5B12%5D%5D",
        "?users=%00",
        "?users=%ff",
        "?users=%",
        "?users=%5B%22\\ud800%22%5D",
        "?user%73=%5B12%5D",
    ] {
        row(format!("/api/v1/realm/presence{wrong}").as_bytes(), 400);
    }
    row(b"/api/v1/realm/presence?users=%5B%22..%22,%22%00%22%5D", 400);
    row(b"/api/v1/realm/presence?users=%5B%22..%22,%22%2f%22%5D", 200);
    // Other forms of a target (RFC 9112 §3.2), and none.
    row(b"http://gateway/api/v1/users/12/presence", 200);
    row(b"http://gateway/../secret.txt", 404);
    row(b"http://evil.example/secret.txt", 404);
    row(b"https://zulip.example.com/api/v1/messages", 404);
    row(b"ftp://gateway/secret.txt", 404);
    row(b"file:///etc/passwd", 400);
    row(b"gateway:8640", 404);
    row(b"*", 404);
    row(b"secret.txt", 404);
    row(b"..", 404);
    row(b"../secret.txt", 400);
    row(b"?", 400);
    row(b"", 400);
    row(b"/ /secret.txt", 400);
    row(b"/\0", 400);
    row(b"/\x01", 400);
    row(b"/\x7f", 400);
    row(b"/\xff", 400);
    row(b"/\xc0\xae\xc0\xae/secret.txt", 400);
    row(b"/caf\xc3\xa9", 404);
    row(b"/<script>", 400);
    row(b"/\"", 404);
    rows
}

#[test]
fn path_tricks_find_nothing() {
    let target = Target::new("paths");
    let rows = tricks();
    assert!(rows.len() >= 100);
    let mut wrong = Vec::new();
    for (path, expected) in &rows {
        let reply = target.line(path);
        let shown = String::from_utf8_lossy(path).chars().take(90).collect::<String>();
        for never in [SECRET, "root:", "[api]", "X-Injected", "<script", "PATH=", "invented people"]
        {
            assert!(!reply.contains(never), "{shown:?} gives {never:?}: {reply}");
        }
        if status(&reply) != Some(*expected) {
            wrong.push(format!("{shown:?}: {:?}, not {expected}", status(&reply)));
        }
        let body = reply.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        let is_known = match expected {
            200 => {
                ["the page", "more"].contains(&body)
                    || body.starts_with(r#"{"result":"success""#)
                    || body.starts_with("<svg")
                        && (body.contains("Activity unknown") || !shown.starts_with("/users/"))
            }
            _ => body.len() < 300,
        };
        if !is_known && status(&reply) == Some(*expected) {
            wrong.push(format!("{shown:?}: {body}"));
        }
    }
    assert!(wrong.is_empty(), "of {} rows:\n{}", rows.len(), wrong.join("\n"));
    target.ends_well();
}

/// What is no HTTP, or can be read in two ways, and the statuses of all replies to it.
#[test]
fn invalid_http_gets_only_errors() {
    let target = Target::new("http");
    let smuggled = "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = smuggled.len();
    let rows: Vec<(Vec<u8>, &[u16])> = vec![
        (b"\r\n\r\n\r\n\r\n".to_vec(), &[]),
        (b"\0\0\0\0\0\0\0\0".to_vec(), &[400]),
        (b"GARBAGE\r\n\r\n".to_vec(), &[400]),
        (b"GET\r\n\r\n".to_vec(), &[400]),
        (b"GET /\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/9.9\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1 \r\n\r\n".to_vec(), &[400]),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), &[400]),
        (b" GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), &[400]),
        (b"G\xc3\x89T / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\r\nHost x\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\r\n: x\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\r\nHost: x\0y\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\r\nX\0: y\r\n\r\n".to_vec(), &[400]),
        (b"GET / HTTP/1.1\rHost: x\r\r".to_vec(), &[400]),
        // HTTP/2 and TLS on a plain port.
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &[]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".to_vec(), &[400]),
        // Bodies of two lengths: what follows must not become a request.
        (format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: {length}\r\n\r\n{smuggled}").into(), &[400]),
        (format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n{smuggled}").into(), &[400]),
        (format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x5\r\n\r\n{smuggled}").into(), &[400]),
        (format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n{smuggled}").into(), &[400]),
        (format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, identity\r\n\r\n{smuggled}").into(), &[400]),
        (format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n{smuggled}").into(), &[400]),
        (format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{smuggled}").into(), &[405]),
        (format!("GET {ADA} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{smuggled}").into(), &[200]),
    ];
    let mut wrong = Vec::new();
    for (request, expected) in &rows {
        let mut stream = target.connect();
        let shown = String::from_utf8_lossy(request).chars().take(90).collect::<String>();
        stream.write_all(request).expect("it reads");
        if !String::from_utf8_lossy(request).contains("Connection: close") {
            // Nothing more comes.
            let _ = stream.shutdown(Shutdown::Write);
        }
        let mut reply = Vec::new();
        let _ = stream.read_to_end(&mut reply);
        let reply = String::from_utf8_lossy(&reply);
        let statuses: Vec<_> =
            reply.match_indices("HTTP/1.").filter_map(|(at, _)| status(&reply[at..])).collect();
        if statuses != *expected {
            wrong.push(format!("{shown:?}: {statuses:?}, not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    target.ends_well();
}

#[test]
fn request_heads_are_bounded() {
    let target = Target::new("heads");
    let head = |headers: &str| {
        raw(
            target.address,
            format!("GET / HTTP/1.1\r\nHost: x\r\n{headers}Connection: close\r\n\r\n").as_bytes(),
        )
    };
    assert_eq!(
        status(&head(&"X: y\r\n".repeat(90))),
        Some(200),
        "a browser behind proxies sends fewer"
    );
    assert_eq!(status(&head(&format!("Cookie: {}\r\n", "a".repeat(16_000)))), Some(200));
    for flood in [
        "X: y\r\n".repeat(5_000),
        format!("X: {}\r\n", "y".repeat(100_000)),
        format!("{}: y\r\n", "x".repeat(100_000)),
    ] {
        assert_eq!(status(&head(&flood)), Some(431), "{} bytes", flood.len());
    }
    // A head without an end, on many connections at once: none may hold more than its bound.
    let before = resident(target.running.id());
    let mut streams: Vec<_> = (0..100).map(|_| target.connect()).collect();
    let line = format!("X-Flood: {}\r\n", "y".repeat(1_000));
    for stream in &mut streams {
        stream.set_write_timeout(Some(Duration::from_secs(5))).expect("a timeout");
        let _ = stream.write_all(b"GET / HTTP/1.1\r\n");
        // It is refused on the way.
        let _ = (0..200).try_for_each(|_| stream.write_all(line.as_bytes()));
    }
    let grown = resident(target.running.id()).saturating_sub(before);
    assert!(grown < 32 << 20, "{grown} bytes for 100 heads of 200 KB");
    target.ends_well();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let target = Target::new("pipeline");
    let mut stream = target.connect();
    let mut requests = String::new();
    for number in 0..1_000 {
        requests.push_str(&format!(
            "GET /{} HTTP/1.1\r\nHost: x\r\n\r\n",
            if number % 2 == 0 { "healthz" } else { "nothing" }
        ));
    }
    requests.push_str("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(requests.as_bytes()).expect("it reads");
    let mut replies = String::new();
    stream.read_to_string(&mut replies).expect("it answers");
    let statuses: Vec<_> =
        replies.match_indices("HTTP/1.1 ").filter_map(|(at, _)| status(&replies[at..])).collect();
    let expected: Vec<_> =
        (0..=1_000).map(|number| if number % 2 == 0 { 200 } else { 404 }).collect();
    assert_eq!(statuses, expected);

    // What follows a broken request is not read.
    let reply = raw(target.address, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGARBAGE\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n");
    let statuses: Vec<_> =
        reply.match_indices("HTTP/1.1 ").filter_map(|(at, _)| status(&reply[at..])).collect();
    assert_eq!(statuses, [200, 400]);

    // A client that sends requests without reading replies is not read any further.
    let before = resident(target.running.id());
    let mut deaf = target.connect();
    deaf.set_write_timeout(Some(Duration::from_millis(500))).expect("a timeout");
    let many = "GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    let stopped = (0..10_000)
        .map(|_| deaf.write_all(many.as_bytes()))
        .find_map(Result::err)
        .expect("it stops reading");
    assert!(matches!(stopped.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{stopped}");
    let grown = resident(target.running.id()).saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes for one connection");
    target.ends_well();
}

/// The reply does not wait for a slow request body, and the connection
/// ends.
#[test]
fn request_bodies_are_not_awaited() {
    let target = Target::new("bodies");
    for head in [
        format!("POST {ADA} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"),
        format!("GET {ADA} HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n"),
        format!("POST {ADA} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"),
        format!(
            "POST {ADA} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1000000\r\n\r\n"
        ),
    ] {
        let mut stream = target.connect();
        stream.write_all(head.as_bytes()).expect("it reads");
        let mut reply = Vec::new();
        let started = Instant::now();
        let ended = stream.read_to_end(&mut reply);
        let reply = String::from_utf8_lossy(&reply);
        assert!(matches!(status(&reply), Some(200 | 405)), "{head:?}: {reply}");
        assert!(
            !matches!(&ended, Err(error) if error.kind() == ErrorKind::WouldBlock),
            "{head:?}: it ends"
        );
        assert!(started.elapsed() < Duration::from_secs(25), "{head:?}: {:?}", started.elapsed());
    }
    target.ends_well();
}

/// More idle connections than the limit: they are evicted for new requests.
#[test]
fn idle_connections_do_not_block_new_ones() {
    let mut command = std::process::Command::new("sh");
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.args([
        "-c",
        "ulimit -n 256 && exec \"$0\" \"$@\"",
        env!("CARGO_BIN_EXE_zulip-presence-gateway"),
        "--demo",
    ]);
    let running = Running::start(&mut command);
    let address = running.address;
    let target = Target { running, address };
    target.lives();
    let mut idle: Vec<_> = (0..600).map(|_| target.connect()).collect();
    for _ in 0..50 {
        target.lives();
    }
    for stream in idle.iter_mut().skip(300) {
        // Some have made room already.
        let _ = stream.write_all(b"GET / HTTP/1.1\r\nX: ");
    }
    for _ in 0..50 {
        target.lives();
    }
    target.ends_well();
}

#[test]
fn lookalike_origins_are_refused() {
    let target = Target::new("origins");
    let asks = |headers: &str| {
        ["GET", "OPTIONS"].map(|method| {
            let request = format!(
                "{method} {ADA} HTTP/1.1\r\nHost: gateway\r\n{headers}Connection: close\r\n\r\n"
            );
            raw(target.address, request.as_bytes()).to_ascii_lowercase()
        })
    };
    for reply in asks(&format!("Origin: {PAGE}\r\n")) {
        assert!(reply.contains(&format!("access-control-allow-origin: {PAGE}\r\n")), "{reply}");
    }
    assert_eq!(PAGE, "https://wiki.example.com");
    for probe in [
        "null",
        "*",
        "",
        "https://",
        "wiki.example.com",
        "//wiki.example.com",
        "http://wiki.example.com",
        "ws://wiki.example.com",
        "HTTPS://wiki.example.com",
        "https://WIKI.example.com",
        "https://wiki.example.com/",
        "https://wiki.example.com/page",
        "https://wiki.example.com?",
        "https://wiki.example.com#",
        "https://wiki.example.com.",
        "https://wiki.example.com:443",
        "https://wiki.example.com:80",
        "https://wiki.example.com:8443",
        "https://wiki.example.com:0443",
        "https://wiki.example.com:",
        "https://wiki.example.com.evil.example",
        "https://wiki.example.comevil.example",
        "https://evil.example/https://wiki.example.com",
        "https://evil.example?https://wiki.example.com",
        "https://evil.example#https://wiki.example.com",
        "https://evilwiki.example.com",
        "https://evil.wiki.example.com",
        "https://example.com",
        "https://wikixexample.com",
        "https://wiki_example.com",
        "https://wiki.example.com@evil.example",
        "https://user@wiki.example.com",
        "https://user:password@wiki.example.com",
        "https://evil.example\\wiki.example.com",
        "https://wiki.example.com\\.evil.example",
        "https://wiki.example.com%00.evil.example",
        "https://wiki.example.com%60.evil.example",
        "https://wiki.example.com`.evil.example",
        "https://wiki%2eexample.com",
        "https://xn--wiki-example.com",
        "https://wıki.example.com",
        "https://wiki.example.com, https://evil.example",
        "https://evil.example, https://wiki.example.com",
        "https://evil.example https://wiki.example.com",
        "https://wiki.example.com https://evil.example",
        "file://",
        "chrome-extension://abcdefghijklmnop",
        "https://127.0.0.1",
        "https://localhost",
    ] {
        for reply in asks(&format!("Origin: {probe}\r\n")) {
            let statuses = status(&reply.to_ascii_uppercase());
            assert!(matches!(statuses, Some(200 | 204)), "{probe:?}: {reply}");
            assert!(
                !reply.contains("access-control-allow-origin")
                    && !reply.contains("allow-credentials"),
                "{probe:?}: {reply}"
            );
            assert!(
                reply.contains("vary: origin") || reply.contains("vary: accept-encoding, origin"),
                "{probe:?}: {reply}"
            );
        }
    }
    // Of several nothing is made up: what is allowed is the listed one, or none.
    for several in [[PAGE, "https://evil.example"], ["https://evil.example", PAGE]] {
        for reply in asks(&format!("Origin: {}\r\nOrigin: {}\r\n", several[0], several[1])) {
            assert!(
                !reply.contains("evil") && !reply.contains("access-control-allow-origin: *"),
                "{reply}"
            );
        }
    }
    target.ends_well();
}
