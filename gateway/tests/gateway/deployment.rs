//! What administrators put before and around it: deploy/nginx.conf,
//! deploy/zulip-presence-gateway.service, Zulip's Python client.

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::{HeaderMap, StatusCode};

use crate::cli::{Running, program, raw, serve_in_background};
use crate::test_gateway::organisation;

/// Set by `make test`, which installs what these tests need.
const ALL: &str = "ZULIP_PRESENCE_TEST_ALL";

/// Whether `tool` is there; where all must be tested, it must.
pub(crate) fn there(tool: &str, path: &Path) -> bool {
    let there = path.exists();
    assert!(
        there || std::env::var_os(ALL).is_none(),
        "{tool} is missing: `make tools-gateway` installs it"
    );
    if !there {
        println!("skipped: there is no {}", path.display());
    }
    there
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").to_owned()
}

/// deploy/nginx.conf before these gateways.
struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    fn before(gateways: [SocketAddr; 2]) -> Self {
        Self::start(gateways, deployed("nginx.conf"))
    }

    /// The same, with what it says of asking who is logged in, where `authority` tells.
    fn asking(authority: SocketAddr, gateways: [SocketAddr; 2]) -> Self {
        let site = deployed("nginx.conf")
            .replace("        # auth_request /auth;", "        auth_request /auth;");
        let (before, block) = site.split_once("    # location = /auth {\n").expect("the block");
        let (block, after) = block.split_once("    # }\n").expect("its end");
        let block = block
            .replace("    #     ", "        ")
            .replace("127.0.0.1:9000", &authority.to_string());
        assert!(block.contains("internal;") && block.contains(&authority.to_string()), "{block}");
        Self::start(gateways, format!("{before}    location = /auth {{\n{block}    }}\n{after}"))
    }

    fn start(gateways: [SocketAddr; 2], deployed: String) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("it has one");
        drop(free);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "nginx-{}-{}",
            std::process::id(),
            address.port()
        ));
        std::fs::create_dir_all(&directory).expect("a directory");
        let mut site = deployed;
        for (there, here) in [
            ("127.0.0.1:8640", gateways[0].to_string()),
            ("127.0.0.1:8641", gateways[1].to_string()),
            ("listen 80", format!("listen {address}")),
            ("/var/cache/zulip-presence-nginx", directory.join("cache").display().to_string()),
        ] {
            assert!(site.contains(there), "{there} is in deploy/nginx.conf");
            site = site.replace(there, &here);
        }
        std::fs::write(directory.join("site.conf"), site).expect("a file");
        let config = directory.join("nginx.conf");
        std::fs::write(&config, main_file(&directory, "include site.conf;")).expect("a file");
        let child = Command::new(NGINX)
            .arg("-c")
            .arg(&config)
            .arg("-e")
            .arg(directory.join("error.log"))
            .stdin(Stdio::null())
            .spawn();
        let nginx = Self { child: child.expect("nginx starts"), address };
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::net::TcpStream::connect(address).is_err() {
            let log = || std::fs::read_to_string(directory.join("error.log")).unwrap_or_default();
            assert!(Instant::now() < deadline, "nginx listens: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }

    fn send(&self, request_line: &str, headers: &str) -> String {
        let request = format!(
            "{request_line} HTTP/1.1\r\nHost: presence.example.com\r\n{headers}Connection: close\r\n\r\n"
        );
        raw(self.address, request.as_bytes())
    }

    fn get(&self, path: &str) -> String {
        self.send(&format!("GET {path}"), "")
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // SIGTERM, so that it takes its workers along.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

pub(crate) const OPENSSL: &str = "/usr/bin/openssl";

pub(crate) fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new(OPENSSL)
        .args(arguments.split(' '))
        .current_dir(directory)
        .output()
        .expect("openssl starts");
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A main file with these `sites`, for an nginx without rights in `directory`.
fn main_file(directory: &Path, sites: &str) -> String {
    let mut temporary = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        temporary.push_str(&format!("{kind}_temp_path {}/{kind};\n", directory.display()));
    }
    format!(
        "daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log warn;\nevents {{ worker_connections 256; }}\n\
         http {{ access_log off; {temporary} {sites} }}\n",
        directory.display()
    )
}

pub(crate) const NGINX: &str = "/usr/sbin/nginx";

/// The site that Debian and Ubuntu enable, in /etc/nginx/sites-enabled/default.
const DEFAULT_SITE: &str =
    "server {\n    listen 80 default_server;\n    server_name _;\n    return 200 default;\n}\n";

/// What `nginx -t` says of `site` in conf.d/, beside Debian's own files: only ports and absolute
/// directories are replaced. Of /var/cache, only the directory itself is there.
fn tested(name: &str, site: &str, certificates: &Path) -> Output {
    let directory = crate::cli::directory(name);
    for folder in ["conf.d", "sites-enabled", "cache"] {
        std::fs::create_dir_all(directory.join(folder)).expect("a directory");
    }
    let port = || TcpListener::bind("127.0.0.1:0")?.local_addr();
    let ports = [port(), port()].map(|port| port.expect("a free port"));
    let here = |text: &str| {
        text.replace("listen 80", &format!("listen {}", ports[0]))
            .replace("listen 443", &format!("listen {}", ports[1]))
            .replace("/var/cache/", &format!("{}/cache/", directory.display()))
            .replace("/etc/ssl/", &format!("{}/", certificates.display()))
    };
    let write = |file: &str, text: &str| {
        std::fs::write(directory.join(file), text).expect("a file");
    };
    write("conf.d/zulip-presence.conf", &here(site));
    write("sites-enabled/default", &here(DEFAULT_SITE));
    write("nginx.conf", &main_file(&directory, "include conf.d/*.conf; include sites-enabled/*;"));
    Command::new(NGINX)
        .arg("-t")
        .arg("-c")
        .arg(directory.join("nginx.conf"))
        .arg("-e")
        .arg(directory.join("error.log"))
        .output()
        .expect("it starts")
}

#[test]
fn nginx_takes_the_file_beside_debians_site() {
    if !there("nginx", Path::new(NGINX)) {
        return;
    }
    let output = tested("nginx-beside", &deployed("nginx.conf"), Path::new("/etc/ssl"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("[warn]"), "{said}");
}

#[test]
fn nginx_takes_the_lines_for_tls() {
    if !there("nginx", Path::new(NGINX)) || !there("openssl", Path::new(OPENSSL)) {
        return;
    }
    let certificates = crate::cli::directory("nginx-tls");
    openssl(
        &certificates,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=presence.example.com -keyout presence.example.com.key -out presence.example.com.pem",
    );
    let is_for_tls =
        |line: &str| ["listen 443", "http2", "ssl_"].iter().any(|start| line.starts_with(start));
    let mut lines = 0;
    let mut site = String::new();
    for line in deployed("nginx.conf").lines() {
        let directive = line.strip_prefix("    # ").filter(|line| is_for_tls(line));
        lines += usize::from(directive.is_some());
        site.push_str(directive.unwrap_or(line));
        site.push('\n');
    }
    assert_eq!(lines, 5, "two of the first server, three of the second");
    let clear = "    listen 80;\n    server_name presence.example.com;\n";
    assert!(site.contains(clear), "TLS takes its place");
    let site = site.replace(clear, "    server_name presence.example.com;\n");
    let output = tested("nginx-with-tls", &site, &certificates);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}

#[test]
fn nginx_answers_no_other_name_beside_other_sites() {
    if !there("nginx", Path::new(NGINX)) {
        return;
    }
    let gateway = Running::demo();
    let ours = deployed("nginx.conf");
    let plain = DEFAULT_SITE.replace(" default_server", "");
    for (site, is_theirs) in [
        (format!("{ours}{DEFAULT_SITE}"), true),
        (format!("{DEFAULT_SITE}{ours}"), true),
        (format!("{plain}{ours}"), true),
        (format!("{ours}{plain}"), false),
    ] {
        let nginx = Nginx::start([gateway.address; 2], site);
        let reply = nginx.get("/api/v1/users/12/presence");
        assert!(reply.starts_with("HTTP/1.1 200") && reply.contains("timestamp"), "{reply}");
        for host in ["evil.example", "127.0.0.1", "presence.example.com.evil.example"] {
            let request = format!(
                "GET /api/v1/users/12/presence HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
            );
            let reply = raw(nginx.address, request.as_bytes());
            assert!(!reply.contains("timestamp"), "{host}: {reply}");
            assert_eq!(reply.ends_with("default"), is_theirs, "{host}: {reply}");
        }
    }
}

/// How many requests for presence reached this gateway.
fn served(gateway: &Running) -> u64 {
    let metrics = crate::cli::get(gateway.address, "/metrics");
    let lines = metrics.lines().filter(|line| {
        line.starts_with("zulip_presence_requests_total{route=\"/api/v1/users/{user}/presence\"")
    });
    lines.filter_map(|line| line.rsplit(' ').next()?.trim().parse::<u64>().ok()).sum()
}

#[test]
fn nginx_caches_for_two_gateways() {
    if !there("nginx", Path::new(NGINX)) {
        return;
    }
    let gateways = [Running::demo(), Running::demo()];
    let nginx = Nginx::before([gateways[0].address, gateways[1].address]);

    // One answer for all viewers, also for those who come at once.
    let viewers: Vec<String> = std::thread::scope(|scope| {
        let viewers: Vec<_> =
            (0..50).map(|_| scope.spawn(|| nginx.get("/api/v1/users/12/presence"))).collect();
        viewers.into_iter().map(|viewer| viewer.join().expect("no panic")).collect()
    });
    for reply in &viewers {
        assert!(
            reply.starts_with("HTTP/1.1 200") && reply.contains("\"active_timestamp\""),
            "{reply}"
        );
        assert!(is_only_shown(reply), "a browser adds nothing to the delay: {reply}");
    }
    assert_eq!(served(&gateways[0]) + served(&gateways[1]), 1, "50 viewers");

    // Kept per origin, so that a reply that was kept for nobody's page is not given to somebody's.
    let reply = nginx.send("GET /api/v1/users/12/presence", "Origin: https://x.example\r\n");
    assert!(
        reply.contains("Access-Control-Allow-Origin: *")
            || reply.contains("access-control-allow-origin: *"),
        "{reply}"
    );

    // No stranger's parameter makes another entry or another answer.
    for path in ["/api/v1/users/12/presence?x=1", "/api/v1/users/12/presence?x=2&y"] {
        assert!(nginx.get(path).starts_with("HTTP/1.1 200"));
    }
    assert_eq!(
        served(&gateways[0]) + served(&gateways[1]),
        2,
        "one without and one with an origin"
    );
    let poison = nginx.get("/api/v1/realm/presence?users=%5B%2212%22%5D&users=%5B%2217%22%5D");
    assert!(poison.starts_with("HTTP/1.1 400"), "{poison}");
    assert!(nginx.get("/api/v1/realm/presence?users=%5B%2212%22%5D").contains("\"12\":{\"active"));
    // nginx finds no parameter by an encoded name: its cache would take all of them for one.
    for path in [
        "/api/v1/realm/presence?%75sers=%5B%2217%22%5D",
        "/api/v1/realm/presence?%75sers=%5B%2217%22%5D&users=%5B%2252%22%5D",
        "/api/v1/realm/presence?users=%5B%2257%22%5D&slim%5Fpresence=true",
        "/users/63/presence.svg?si%7ae=24",
    ] {
        let reply = nginx.get(path);
        assert!(reply.starts_with("HTTP/1.1 400"), "{path}: {reply}");
    }
    let slim = nginx.get("/api/v1/realm/presence?users=%5B%2212%22%5D&slim_presence=true");
    assert!(slim.contains("\"12\":{\"active") && !slim.contains("aggregated"), "{slim}");
    let full = nginx.get("/api/v1/realm/presence?users=%5B%2212%22%5D");
    assert!(full.contains("aggregated"), "a slim reply is another one: {full}");

    // No name that nginx and the gateway read differently takes the place of somebody else's.
    let title = |path: &str| nginx.get(path).contains("<title>Activity unknown</title>");
    assert!(nginx.get("/api/v1/users/x%2f..%2f17/presence").starts_with("HTTP/1.1 400"));
    assert!(
        nginx.get("/api/v1/users/17/presence").starts_with("HTTP/1.1 200"),
        "17 is there, whatever was said of another"
    );
    assert!(title("/users/x%2f..%2f12/presence.svg") && !title("/users/12/presence.svg"));

    // A group's longest URL.
    let users: Vec<_> = (0..50)
        .map(|place| {
            format!("%22somebody.with.a.rather.long.name.{place}.and.more%40corp.example.com%22")
        })
        .collect();
    let path = format!("/api/v1/realm/presence?users=%5B{}%5D", users.join("%2C"));
    assert!((3_500..=4_100).contains(&path.len()), "{}", path.len());
    assert!(nginx.get(&path).starts_with("HTTP/1.1 200"));

    // Only what pages need.
    for path in ["/metrics", "/readyz", "/healthz"] {
        assert!(nginx.get(path).starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(nginx.send("POST /api/v1/users/12/presence", "").starts_with("HTTP/1.1 405"));
    assert!(
        nginx
            .send("OPTIONS /api/v1/users/12/presence", "Origin: https://x.example\r\n")
            .starts_with("HTTP/1.1 204")
    );
    assert!(nginx.get("/users/12/presence.svg").contains("<title>Active</title>"));
    let rebound = raw(nginx.address, b"GET /api/v1/users/12/presence HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert_eq!(rebound, "", "another name gets no answer at all");

    // One gateway stops: nobody notices.
    let [first, second] = gateways;
    first.terminate();
    let (_, status) = first.ended();
    assert_eq!(status, Some(0));
    for user in [17, 23, 31, 38, 44, 52] {
        assert!(
            nginx.get(&format!("/api/v1/users/{user}/presence")).starts_with("HTTP/1.1 200"),
            "{user}"
        );
    }
    drop(second);
}

/// Who is logged in: `session=ada` is, `session=guest` may not see presence, nobody else is known.
fn authority() -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let asked = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&asked);
    let verify = move |headers: HeaderMap| {
        let header = |name: &str| {
            headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        seen.lock().expect("no panic").push(header("x-original-uri"));
        let status = match &*header("cookie") {
            "session=ada" => StatusCode::NO_CONTENT,
            "session=guest" => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        };
        async move { status }
    };
    (serve_in_background(Router::new().route("/verify", axum::routing::get(verify))), asked)
}

/// Whether browsers may do nothing with it but show it, and get the `max-age` by which pages tell
/// Zulip's time.
fn is_only_shown(reply: &str) -> bool {
    let [kept] = cache_control(reply)[..] else {
        return false;
    };
    let max_age = kept.strip_prefix("private, no-cache, max-age=");
    max_age.is_some_and(|seconds| seconds.parse::<u64>().is_ok())
}

fn cache_control(reply: &str) -> Vec<&str> {
    let (head, _) = reply.split_once("\r\n\r\n").unwrap_or((reply, ""));
    let headers = head.lines().filter_map(|line| line.split_once(": "));
    headers
        .filter(|(name, _)| name.eq_ignore_ascii_case("cache-control"))
        .map(|(_, value)| value)
        .collect()
}

#[test]
fn nginx_auth_request_guards_every_reply() {
    if !there("nginx", Path::new(NGINX)) {
        return;
    }
    let gateways = [Running::demo(), Running::demo()];
    let (authority, asked) = authority();
    let nginx = Nginx::asking(authority, [gateways[0].address, gateways[1].address]);
    let get = |path: &str, cookie: &str| {
        nginx.send(&format!("GET {path}"), &format!("Cookie: session={cookie}\r\n"))
    };
    let tells = |reply: &str| {
        reply.contains("timestamp") || reply.contains("<svg") || reply.contains("presence\":")
    };
    let paths = [
        "/api/v1/users/12/presence",
        "/api/v1/realm/presence?users=%5B%2212%22%5D",
        "/users/12/presence.svg",
        "/api/v1/users/999/presence",
    ];
    let refused = |when: &str| {
        for path in paths {
            for (reply, status) in
                [(nginx.get(path), 401), (get(path, "guest"), 403), (get(path, "ada2"), 401)]
            {
                assert!(
                    reply.starts_with(&format!("HTTP/1.1 {status}")) && !tells(&reply),
                    "{when}: {path}: {reply}"
                );
                assert_eq!(cache_control(&reply), ["no-store"], "{when}: {path}");
            }
        }
    };
    refused("before anybody was told");
    let stream = "/api/v1/realm/presence/stream?users=%5B12%5D";
    for (reply, status) in
        [(nginx.get(stream), 401), (get(stream, "guest"), 403), (get(stream, "ada2"), 401)]
    {
        assert!(reply.starts_with(&format!("HTTP/1.1 {status}")) && !tells(&reply), "{reply}");
    }
    for path in paths {
        for _ in 0..3 {
            let reply = get(path, "ada");
            let is_refused = path.contains("999");
            let status = if is_refused { 400 } else { 200 };
            assert!(
                reply.starts_with(&format!("HTTP/1.1 {status}")),
                "a refusal is not kept for others: {path}: {reply}"
            );
            let is_as_said = match is_refused {
                true => cache_control(&reply) == ["no-store"],
                false => is_only_shown(&reply),
            };
            assert!(is_as_said, "{path}: {reply}");
        }
    }
    assert_eq!(
        served(&gateways[0]) + served(&gateways[1]),
        2,
        "12 and 999: the cache answers whoever may know"
    );
    refused("while the cache is warm");
    assert_eq!(
        asked.lock().expect("no panic").first().map(String::as_str),
        Some(paths[0]),
        "it is told what is asked for"
    );

    assert!(get("/auth", "ada").starts_with("HTTP/1.1 404"), "nobody else asks it");
    for way in [
        "/api/v1/users/12/presence?x",
        "/api/v1/users/12/presence/",
        "/api/v1/users/12/presence%2f",
        "/api/v1/users/12/presence%3f",
        "/api/v1/users/12/presence;x",
        "/api/v1/users/12/presence#x",
        "/api/v1/users/12/%70resence",
        "/api/v1/users/%31%32/presence",
        "/api/v1/users/12%0a/presence",
        "/api/v1/users/12%2f/presence",
        "/api/v1/users/12%2fx/presence",
        "/api/v1/users/x%2f..%2f12/presence",
        "/api/v1/users/%2e%2e/users/12/presence",
        "/x/../api/v1/users/12/presence",
        "//api/v1/users/12/presence",
        "/api//v1/users/12/presence",
        "/./api/v1/users/12/presence",
        "/API/v1/users/12/presence",
        "http://presence.example.com/api/v1/users/12/presence",
        "/api/v1/realm/presence/?users=%5B12%5D",
        "/api/v1/realm/presence/stream/?users=%5B12%5D",
        "/api/v1/realm/presence/%73tream?users=%5B12%5D",
        "/api/v1/realm/presence%2fstream?users=%5B12%5D",
        "/api/v1/realm/presence//stream?users=%5B12%5D",
        "/x/../api/v1/realm/presence/stream?users=%5B12%5D",
        "/api/v1/realm/presence/stream;x?users=%5B12%5D",
        "/api/v1/realm/presence/..?users=%5B12%5D",
        "/users/12%2f/presence.svg",
        "//users/12/presence.svg",
    ] {
        let reply = nginx.get(way);
        let shows_somebody = reply.contains("<svg") && !reply.contains("Activity unknown");
        assert!(!reply.contains("timestamp") && !shows_somebody, "{way}: {reply}");
    }
    for method in ["HEAD", "OPTIONS"] {
        let reply = nginx.send(&format!("{method} {}", paths[0]), "");
        assert!(reply.starts_with("HTTP/1.1 401"), "{method}: {reply}");
    }
}

#[test]
fn nginx_refuses_while_the_authority_is_down() {
    if !there("nginx", Path::new(NGINX)) {
        return;
    }
    let gateways = [Running::demo(), Running::demo()];
    let nobody = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port");
    let nginx = Nginx::asking(nobody, [gateways[0].address, gateways[1].address]);
    let reply = nginx.send("GET /api/v1/users/12/presence", "Cookie: session=ada\r\n");
    assert!(reply.starts_with("HTTP/1.1 500") && !reply.contains("timestamp"), "{reply}");
    assert_eq!(cache_control(&reply), ["no-store"]);
}

const UNIT: &str = "zulip-presence-gateway.service";

fn deployed(name: &str) -> String {
    std::fs::read_to_string(workspace().join("deploy").join(name)).expect("a file of deploy/")
}

fn analyzer() -> Option<&'static Path> {
    ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"]
        .map(Path::new)
        .into_iter()
        .find(|path| path.exists())
}

#[test]
fn systemd_units_verify() {
    let Some(analyze) = analyzer() else {
        println!("skipped: there is no systemd-analyze");
        return;
    };
    let installed = "ExecStart=/usr/local/bin/zulip-presence-gateway";
    let directory = crate::cli::directory("unit");
    let units = [UNIT, "zulip-presence-gateway-key.path", "zulip-presence-gateway-key.service"]
        .map(|name| {
            let copy = directory.join(name);
            let unit = deployed(name).replace(
                installed,
                &format!("ExecStart={}", env!("CARGO_BIN_EXE_zulip-presence-gateway")),
            );
            std::fs::write(&copy, unit).expect("a file");
            copy
        });
    assert!(deployed(UNIT).contains(installed));
    let output = Command::new(analyze)
        .args(["verify", "--man=no"])
        .args(&units)
        .output()
        .expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("zulip-presence-gateway"), "{said}");

    // systemd's own measure of what a service that was taken over could reach, in tenths: 96 for
    // one without protection.
    let mut security = Command::new(analyze);
    security.args(["security", "--offline=true", "--no-pager", "--threshold=15"]).arg(&units[0]);
    let output = security.output().expect("it starts");
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

/// The calls to the system in `set`, such as `@system-service`, as systemd has it.
fn calls(analyze: &Path, set: &str) -> HashSet<String> {
    let output = Command::new(analyze)
        .args(["syscall-filter", "--no-pager", set])
        .output()
        .expect("it starts");
    let listed = String::from_utf8(output.stdout).expect("UTF-8");
    let names = listed
        .lines()
        .skip(1)
        .map(str::trim)
        .filter(|name| !name.is_empty() && !name.starts_with('#'));
    names
        .flat_map(|name| {
            if name.starts_with('@') {
                calls(analyze, name)
            } else {
                HashSet::from([name.to_owned()])
            }
        })
        .collect()
}

/// systemd does not run where tests do, but what its filter would forbid can be compared with what
/// the program calls.
#[test]
fn systemd_syscall_filter_allows_the_program() {
    let strace = Path::new("/usr/bin/strace");
    let Some(analyze) = analyzer().filter(|_| strace.exists()) else {
        println!("skipped: there is no strace or no systemd-analyze");
        return;
    };
    let (mut allowed, mut forbidden) = (HashSet::new(), HashSet::new());
    for filter in deployed(UNIT).lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        let (sets, into) =
            filter.strip_prefix('~').map_or((filter, &mut allowed), |sets| (sets, &mut forbidden));
        into.extend(sets.split(' ').flat_map(|set| calls(analyze, set)));
    }
    assert!(allowed.contains("accept4") && forbidden.contains("chroot"), "the sets are read");
    let trace =
        Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("calls-{}", std::process::id()));
    let people = crate::cli::file("unit-people", "12\n");
    let mut command = Command::new(strace);
    command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
        .args(["-D", "-f", "-q", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_zulip-presence-gateway"));
    let running = Running::start(command.arg("--demo").arg("--people").arg(&people));
    std::fs::write(&people, "12\n17\n").expect("ours");
    let deadline = Instant::now() + Duration::from_secs(30);
    for path in
        ["/api/v1/users/12/presence", "/api/v1/users/17/presence", "/users/12/presence.svg", "/"]
    {
        while crate::cli::get(running.address, path).contains("No such user") {
            assert!(Instant::now() < deadline, "the people file is read again");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    let id = running.id();
    running.terminate();
    assert_eq!(running.ended().1, Some(0));
    let traced = loop {
        let traced = std::fs::read_to_string(&trace).expect("a trace");
        if traced
            .lines()
            .any(|line| line.starts_with(&id.to_string()) && line.contains("+++ exited"))
        {
            break traced;
        }
        assert!(Instant::now() < deadline + Duration::from_secs(30), "the tracer has seen the end");
        std::thread::sleep(Duration::from_millis(20));
    };
    let called: HashSet<_> = traced
        .lines()
        .filter_map(|line| line.split_once(' ')?.1.trim_start().split_once('('))
        .map(|(name, _)| name)
        .collect();
    assert!(called.contains("accept4") && called.contains("connect"), "{called:?}");
    let is_name =
        |name: &&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let is_refused = |name: &&str| !allowed.contains(*name) || forbidden.contains(*name);
    let refused: Vec<_> = called.into_iter().filter(is_name).filter(is_refused).collect();
    assert!(refused.is_empty(), "{refused:?}");
}

/// As systemd starts it: with the unit's own environment, and a copy of the zuliprc in a directory
/// that nobody else can read.
#[test]
fn systemd_credential_provides_the_zuliprc() {
    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let site = server.address();
    let unit = deployed(UNIT);
    let (_, credential) = unit
        .lines()
        .find_map(|line| line.strip_prefix("LoadCredential=")?.split_once(':'))
        .expect("a credential");
    assert!(
        deployed("zulip-presence-gateway-key.path").contains(&format!("PathChanged={credential}")),
        "the very file is watched"
    );
    let text =
        format!("[api]\nemail=presence-bot@example.com\nkey={}\nsite=http://{site}\n", zulip.key());
    let zuliprc = crate::cli::file("unit-credentials", &text);
    let directory = zuliprc.parent().expect("it is in one");
    for (path, mode) in [(&*zuliprc, 0o400), (directory, 0o500)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
    }
    let mut command = program();
    command.env("CREDENTIALS_DIRECTORY", directory);
    for line in unit.lines() {
        if let Some((name, value)) =
            line.strip_prefix("Environment=").and_then(|line| line.split_once('='))
        {
            command.env(name, value.replace("%d", &directory.display().to_string()));
        }
    }
    let running = Running::start(&mut command);
    let reply = crate::cli::get(running.address, "/api/v1/users/12/presence");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700)).expect("ours");
}

/// Zulip's own client cannot tell the gateway from Zulip.
#[test]
fn zulip_python_client_reads_the_replies() {
    let python = workspace().join(".tools/python/bin/python");
    if !there("Zulip's Python client", &python) {
        return;
    }
    let gateway = Running::demo();
    let config = crate::cli::file(
        "python",
        &format!(
            "[api]\nemail=anybody@example.com\nkey=anything\nsite=http://{}\n",
            gateway.address
        ),
    );
    let script = r#"
import json, sys, zulip
client = zulip.Client(config_file=sys.argv[1])
print(json.dumps([client.get_user_presence(user) for user in ("12", "ada@example.com", "999")]))
"#;
    let output =
        Command::new(python).args(["-c", script]).arg(config).output().expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let replies: serde_json::Value = serde_json::from_str(said.trim())
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    for reply in [&replies[0], &replies[1]] {
        assert_eq!(reply["result"], "success", "{replies}");
        assert_eq!(reply["presence"]["aggregated"]["status"], "active", "{replies}");
    }
    assert_eq!(replies[0]["presence"], replies[1]["presence"]);
    assert_eq!(replies[2]["msg"], "No such user");
}
