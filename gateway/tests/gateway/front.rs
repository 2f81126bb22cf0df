//! What administrators put before and around it: deploy/nginx.conf, deploy/zulip-presence-gateway.service, Zulip's Python client.

use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::binary::{Running, program, raw, zulip_in_background};
use crate::rig::organisation;

/// Set by `make test`, which installs what these tests need.
const ALL: &str = "ZULIP_PRESENCE_TEST_ALL";

/// Whether `tool` is there; where all must be tested, it must.
pub(crate) fn there(tool: &str, path: &Path) -> bool {
    let there = path.exists();
    assert!(there || std::env::var_os(ALL).is_none(), "{tool} is missing: `make tools-gateway` installs it");
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
        let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = free.local_addr().expect("it has one");
        drop(free);
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("nginx-{}", std::process::id()));
        std::fs::create_dir_all(&directory).expect("a directory");
        let deployed = std::fs::read_to_string(workspace().join("deploy/nginx.conf")).expect("deploy/nginx.conf");
        let mut site = deployed;
        for (there, here) in [
            ("127.0.0.1:8640", gateways[0].to_string()),
            ("127.0.0.1:8641", gateways[1].to_string()),
            ("listen 80 default_server;", format!("listen {address} default_server;")),
            ("listen 80;", format!("listen {address};")),
            ("/var/cache/nginx/zulip-presence", directory.join("cache").display().to_string()),
        ] {
            assert!(site.contains(there), "{there} is in deploy/nginx.conf");
            site = site.replace(there, &here);
        }
        std::fs::write(directory.join("site.conf"), site).expect("a file");
        let mut temporary = String::new();
        for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
            temporary.push_str(&format!("{kind}_temp_path {}/{kind};\n", directory.display()));
        }
        let main = format!(
            "daemon off; worker_processes 1; pid {0}/pid; error_log {0}/error.log warn;\nevents {{ worker_connections 256; }}\n\
             http {{ access_log off; {temporary} include {0}/site.conf; }}\n",
            directory.display()
        );
        let config = directory.join("nginx.conf");
        std::fs::write(&config, main).expect("a file");
        let child = Command::new(NGINX).arg("-c").arg(&config).arg("-e").arg(directory.join("error.log")).stdin(Stdio::null()).spawn();
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
        let request = format!("{request_line} HTTP/1.1\r\nHost: presence.example.com\r\n{headers}Connection: close\r\n\r\n");
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

pub(crate) const NGINX: &str = "/usr/sbin/nginx";

/// How many requests for presence reached this gateway.
fn served(gateway: &Running) -> u64 {
    let metrics = crate::binary::get(gateway.address, "/metrics");
    let lines = metrics.lines().filter(|line| line.starts_with("zulip_presence_requests_total{route=\"user_presence\""));
    lines.filter_map(|line| line.rsplit(' ').next()?.trim().parse::<u64>().ok()).sum()
}

#[test]
fn nginx_before_two_gateways() {
    if !there("nginx", Path::new(NGINX)) {
        return;
    }
    let gateways = [Running::demo(), Running::demo()];
    let nginx = Nginx::before([gateways[0].address, gateways[1].address]);

    // One answer for all viewers, also for those who come at once.
    let viewers: Vec<String> = std::thread::scope(|scope| {
        let viewers: Vec<_> = (0..50).map(|_| scope.spawn(|| nginx.get("/api/v1/users/12/presence"))).collect();
        viewers.into_iter().map(|viewer| viewer.join().expect("no panic")).collect()
    });
    for reply in &viewers {
        assert!(reply.starts_with("HTTP/1.1 200") && reply.contains("\"active_timestamp\""), "{reply}");
        assert!(reply.contains("stale-while-revalidate=10"), "{reply}");
    }
    assert_eq!(served(&gateways[0]) + served(&gateways[1]), 1, "50 viewers");

    // Kept per origin, so that a reply that was kept for nobody's page is not given to somebody's.
    let reply = nginx.send("GET /api/v1/users/12/presence", "Origin: https://x.example\r\n");
    assert!(reply.contains("Access-Control-Allow-Origin: *") || reply.contains("access-control-allow-origin: *"), "{reply}");

    // No stranger's parameter makes another entry or another answer.
    for path in ["/api/v1/users/12/presence?x=1", "/api/v1/users/12/presence?x=2&y"] {
        assert!(nginx.get(path).starts_with("HTTP/1.1 200"));
    }
    assert_eq!(served(&gateways[0]) + served(&gateways[1]), 2, "one without and one with an origin");
    let poison = nginx.get("/api/v1/realm/presence?users=%5B%2212%22%5D&users=%5B%2217%22%5D");
    assert!(poison.starts_with("HTTP/1.1 400"), "{poison}");
    assert!(nginx.get("/api/v1/realm/presence?users=%5B%2212%22%5D").contains("\"12\":{\"active"));

    // A group's longest URL.
    let users: Vec<_> =
        (0..50).map(|place| format!("%22somebody.with.a.rather.long.name.{place}.and.more%40corp.example.com%22")).collect();
    let path = format!("/api/v1/realm/presence?users=%5B{}%5D", users.join("%2C"));
    assert!((3_500..=4_100).contains(&path.len()), "{}", path.len());
    assert!(nginx.get(&path).starts_with("HTTP/1.1 200"));

    // Only what pages need.
    for path in ["/metrics", "/readyz", "/healthz"] {
        assert!(nginx.get(path).starts_with("HTTP/1.1 404"), "{path}");
    }
    assert!(nginx.send("POST /api/v1/users/12/presence", "").starts_with("HTTP/1.1 405"));
    assert!(nginx.send("OPTIONS /api/v1/users/12/presence", "Origin: https://x.example\r\n").starts_with("HTTP/1.1 204"));
    assert!(nginx.get("/users/12/presence.svg").contains("<title>Active</title>"));
    let rebound = raw(nginx.address, b"GET /api/v1/users/12/presence HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    assert_eq!(rebound, "", "another name gets no answer at all");

    // One gateway stops: nobody notices.
    let [first, second] = gateways;
    first.terminate();
    let (_, status) = first.ended();
    assert_eq!(status, Some(0));
    for user in [17, 23, 31, 38, 44, 52] {
        assert!(nginx.get(&format!("/api/v1/users/{user}/presence")).starts_with("HTTP/1.1 200"), "{user}");
    }
    drop(second);
}

const UNIT: &str = "zulip-presence-gateway.service";

fn deployed(name: &str) -> String {
    std::fs::read_to_string(workspace().join("deploy").join(name)).expect("a file of deploy/")
}

#[test]
fn the_units_are_sound() {
    let analyze = ["/usr/bin/systemd-analyze", "/bin/systemd-analyze"].map(Path::new).into_iter().find(|path| path.exists());
    let Some(analyze) = analyze else {
        println!("skipped: there is no systemd-analyze");
        return;
    };
    let installed = "ExecStart=/usr/local/bin/zulip-presence-gateway";
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("unit-{}", std::process::id()));
    std::fs::create_dir_all(&directory).expect("a directory");
    let units = [UNIT, "zulip-presence-gateway-key.path", "zulip-presence-gateway-key.service"].map(|name| {
        let copy = directory.join(name);
        let unit = deployed(name).replace(installed, &format!("ExecStart={}", env!("CARGO_BIN_EXE_zulip-presence-gateway")));
        std::fs::write(&copy, unit).expect("a file");
        copy
    });
    assert!(deployed(UNIT).contains(installed));
    let output = Command::new(analyze).args(["verify", "--man=no"]).args(&units).output().expect("it starts");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("zulip-presence-gateway"), "{said}");

    // systemd's own measure of what a service that was taken over could reach, in tenths: 96 for one without protection.
    let mut security = Command::new(analyze);
    security.args(["security", "--offline=true", "--no-pager", "--threshold=15"]).arg(&units[0]);
    let output = security.output().expect("it starts");
    assert!(output.status.success(), "{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
}

/// As systemd starts it: with the unit's own environment, and a copy of the zuliprc in a directory that nobody else can read.
#[test]
fn the_unit_hands_over_the_zuliprc() {
    let zulip = organisation(4);
    let site = zulip_in_background(&zulip);
    let unit = deployed(UNIT);
    let (_, credential) = unit.lines().find_map(|line| line.strip_prefix("LoadCredential=")?.split_once(':')).expect("a credential");
    assert!(deployed("zulip-presence-gateway-key.path").contains(&format!("PathChanged={credential}")), "the very file is watched");
    let text = format!("[api]\nemail=presence-bot@example.com\nkey={}\nsite=http://{site}\n", zulip.key());
    let zuliprc = crate::binary::file("unit-credentials", &text);
    let directory = zuliprc.parent().expect("it is in one");
    for (path, mode) in [(&*zuliprc, 0o400), (directory, 0o500)] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("ours");
    }
    let mut command = program();
    command.env("CREDENTIALS_DIRECTORY", directory);
    for line in unit.lines() {
        if let Some((name, value)) = line.strip_prefix("Environment=").and_then(|line| line.split_once('=')) {
            command.env(name, value.replace("%d", &directory.display().to_string()));
        }
    }
    let running = Running::start(&mut command);
    let reply = crate::binary::get(running.address, "/api/v1/users/12/presence");
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700)).expect("ours");
}

/// Zulip's own client cannot tell the gateway from Zulip.
#[test]
fn zulips_python_client_understands() {
    let python = workspace().join(".tools/python/bin/python");
    if !there("Zulip's Python client", &python) {
        return;
    }
    let gateway = Running::demo();
    let config =
        crate::binary::file("python", &format!("[api]\nemail=anybody@example.com\nkey=anything\nsite=http://{}\n", gateway.address));
    let script = r#"
import json, sys, zulip
client = zulip.Client(config_file=sys.argv[1])
print(json.dumps([client.get_user_presence(user) for user in ("12", "ada@example.com", "999")]))
"#;
    let output = Command::new(python).args(["-c", script]).arg(config).output().expect("python starts");
    let said = String::from_utf8_lossy(&output.stdout);
    let replies: serde_json::Value =
        serde_json::from_str(said.trim()).unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)));
    for reply in [&replies[0], &replies[1]] {
        assert_eq!(reply["result"], "success", "{replies}");
        assert_eq!(reply["presence"]["aggregated"]["status"], "active", "{replies}");
    }
    assert_eq!(replies[0]["presence"], replies[1]["presence"]);
    assert_eq!(replies[2]["msg"], "No such user");
}
