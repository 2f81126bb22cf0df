//! `cert_bundle`, `insecure`, `client_cert` and `client_cert_key` of a zuliprc, against nginx with
//! certificates of our own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::cli::{Running, directory, file, get, program};
use crate::daemon::until;
use crate::deployment::{NGINX, OPENSSL, openssl, there};
use crate::test_gateway::organisation;

/// A CA, a server's certificate for 127.0.0.1, and a client's.
fn certificates() -> PathBuf {
    let directory = directory("tls");
    openssl(
        &directory,
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=Our-CA -keyout ca.key -out ca.pem",
    );
    std::fs::write(
        directory.join("server.ext"),
        "subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n",
    )
    .expect("a file");
    std::fs::write(
        directory.join("client.ext"),
        "basicConstraints=CA:FALSE\nextendedKeyUsage=clientAuth\n",
    )
    .expect("a file");
    for name in ["server", "client"] {
        openssl(
            &directory,
            &format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN={name} -keyout {name}.key -out {name}.csr"
            ),
        );
        openssl(
            &directory,
            &format!(
                "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile {name}.ext -out {name}.pem"
            ),
        );
    }
    directory
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port")
}

/// Ends nginx with the test, and its workers with it.
struct Ended(u32);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = Command::new("kill").arg(self.0.to_string()).status();
    }
}

#[test]
fn tls_settings_of_the_zuliprc_apply() {
    if !there("nginx", Path::new(NGINX)) || !there("openssl", Path::new(OPENSSL)) {
        return;
    }
    let zulip = organisation(4);
    let server = zulip.start().expect("a free port");
    let behind = server.address();
    let directory = certificates();
    // As `openssl req -x509` makes one by default: CA:TRUE.
    for (name, subject) in [("self-signed", "IP:127.0.0.1"), ("elsewhere", "IP:127.0.0.2")] {
        openssl(
            &directory,
            &format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN={name} -addext subjectAltName={subject} -keyout {name}.key -out {name}.pem"
            ),
        );
    }
    let (open, closed, self_signed, elsewhere) = (free(), free(), free(), free());
    let here = directory.display();
    let mut temporary = String::new();
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        temporary.push_str(&format!("{kind}_temp_path {here}/{kind};\n"));
    }
    let config = format!(
        "daemon off; worker_processes 1; pid {here}/pid; error_log {here}/error.log;\nevents {{ worker_connections 64; }}\nhttp {{ access_log off; {temporary}\n\
         ssl_certificate {here}/server.pem; ssl_certificate_key {here}/server.key;\n\
         server {{ listen {open} ssl; location / {{ proxy_pass http://{behind}; }} }}\n\
         server {{ listen {closed} ssl; ssl_client_certificate {here}/ca.pem; ssl_verify_client on; location / {{ proxy_pass http://{behind}; }} }}\n\
         server {{ listen {self_signed} ssl; ssl_certificate {here}/self-signed.pem; ssl_certificate_key {here}/self-signed.key; location / {{ proxy_pass http://{behind}; }} }}\n\
         server {{ listen {elsewhere} ssl; ssl_certificate {here}/elsewhere.pem; ssl_certificate_key {here}/elsewhere.key; location / {{ proxy_pass http://{behind}; }} }} }}\n"
    );
    std::fs::write(directory.join("nginx.conf"), config).expect("a file");
    let nginx = Command::new(NGINX)
        .arg("-c")
        .arg(directory.join("nginx.conf"))
        .arg("-e")
        .arg(directory.join("error.log"))
        .stdin(Stdio::null())
        .spawn();
    let _ended = Ended(nginx.expect("nginx starts").id());
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(closed).is_err() {
        assert!(Instant::now() < deadline, "nginx listens");
        std::thread::sleep(Duration::from_millis(20));
    }
    let status = |name: &str, site: SocketAddr, lines: &str| {
        let account = format!(
            "[api]\nemail=presence-bot@example.com\nkey={}\nsite=https://{site}\n{lines}",
            zulip.key()
        );
        let running = Running::start(program().arg("--config-file").arg(file(name, &account)));
        let reply = get(running.address, "/api/v1/users/12/presence");
        reply.split(' ').nth(1).unwrap_or_default().to_owned()
    };
    let bundle = format!("cert_bundle={here}/ca.pem\n");
    let client =
        format!("{bundle}client_cert={here}/client.pem\nclient_cert_key={here}/client.key\n");
    assert_eq!(status("tls-none", open, ""), "503", "nobody vouches for it");
    assert_eq!(status("tls-bundle", open, &bundle), "200");
    assert_eq!(status("tls-insecure", open, "insecure=true\n"), "200");
    assert_eq!(status("tls-no-client", closed, &bundle), "503");
    assert_eq!(status("tls-client", closed, &client), "200");
    let both =
        [std::fs::read(directory.join("client.pem")), std::fs::read(directory.join("client.key"))];
    std::fs::write(directory.join("both.pem"), both.map(|part| part.expect("a file")).concat())
        .expect("a file");
    assert_eq!(
        status("tls-client-one-file", closed, &format!("{bundle}client_cert={here}/both.pem\n")),
        "200"
    );
    let own = |name: &str| format!("cert_bundle={here}/{name}.pem\n");
    assert_eq!(status("tls-self-signed", self_signed, &own("self-signed")), "200");
    assert_eq!(status("tls-other-bundle", self_signed, &own("elsewhere")), "503");
    assert_eq!(status("tls-other-name", elsewhere, &own("elsewhere")), "503");
    // Other certificates under the same name: SIGHUP reads them.
    let swapped = directory.join("swapped.pem");
    std::fs::copy(directory.join("elsewhere.pem"), &swapped).expect("a file");
    let account = format!(
        "[api]\nemail=presence-bot@example.com\nkey={}\nsite=https://{self_signed}\ncert_bundle={}\n",
        zulip.key(),
        swapped.display()
    );
    let running = Running::start(program().arg("--config-file").arg(file("tls-swapped", &account)));
    assert!(get(running.address, "/api/v1/users/12/presence").starts_with("HTTP/1.1 503"));
    std::fs::copy(directory.join("self-signed.pem"), &swapped).expect("a file");
    running.signal("-HUP");
    until(running.address, "/readyz", "HTTP/1.1 200");
    let doctor = |name: &str, site: SocketAddr, lines: &str, expected: [&str; 2]| {
        let account =
            format!("[api]\nemail=presence-bot@example.com\nkey=k\nsite=https://{site}\n{lines}");
        let config = file(name, &account);
        let output = program().arg("--config-file").arg(config).arg("doctor").output();
        let said = String::from_utf8(output.expect("it starts").stdout).expect("UTF-8");
        for part in expected {
            assert!(said.contains(part), "{part:?} in {said}");
        }
    };
    doctor("tls-doctor-unknown", open, "", ["TLS: invalid peer certificate", "cert_bundle"]);
    doctor("tls-doctor-name", elsewhere, &own("elsewhere"), ["TLS: ", "for another name"]);
}
