//! Measures open streams: memory, the time from Zulip's event to every page, and what they cost
//! while nothing happens. `bench/streams.sh` runs it. Everything listens on loopback; timings are
//! printed, never judged.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use zulip_simulator::{Activity, EMAIL, Simulator};

/// Zulip sends presence events in organisations of at most 100 accounts.
const PEOPLE: u64 = 90;
const ON_A_PAGE: u64 = 50;
/// The one who comes and goes. On every page.
const WHO: u64 = 10_000;
const ARRIVALS: usize = 10;
const IDLE: Duration = Duration::from_secs(120);

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gateway = std::env::args().nth(1).ok_or("usage: streams GATEWAY STREAMS...")?;
    println!(
        "| streams | lists of 50 people | memory, MB | KB a stream | first page, ms | median | last | CPU of one core while nobody comes or goes |"
    );
    println!("|--:|--:|--:|--:|--:|--:|--:|--:|");
    for streams in std::env::args().skip(2) {
        let streams: u64 = streams.parse()?;
        for lists in [1, streams] {
            measure(&gateway, streams, lists).await?;
        }
    }
    Ok(())
}

async fn measure(
    program: &str,
    streams: u64,
    lists: u64,
) -> Result<(), Box<dyn std::error::Error>> {
    let zulip = Simulator::empty(4);
    for id in WHO..WHO + PEOPLE {
        let activity = match id % 3 {
            0 => Activity::Left(Duration::from_secs(3 * 3600)),
            _ => Activity::AtTheDesk,
        };
        zulip.add(id, &format!("user{id}@example.com"), "Somebody", activity);
    }
    let gone = Activity::Left(Duration::from_secs(3 * 3600));
    zulip.set_activity(WHO, gone);
    let server = zulip.start()?;
    let gateway = Gateway::start(program, server.address())?;
    let before = {
        open(gateway.address, 0, lists, &mpsc::unbounded_channel().0).await?.abort();
        gateway.resident_kb()
    };
    let (arrived, mut arrivals) = mpsc::unbounded_channel();
    let mut pages = Vec::new();
    for stream in 0..streams {
        pages.push(open(gateway.address, stream, lists, &arrived).await?);
    }
    let after = gateway.resident_kb();
    // Zulip has a limit of hints in a minute, and reports older ones are no news.
    let mut seconds = Vec::new();
    for _ in 0..ARRIVALS {
        tokio::time::sleep(Duration::from_secs(5)).await;
        while arrivals.try_recv().is_ok() {}
        let at = Instant::now();
        zulip.set_activity(WHO, Activity::AtTheDesk);
        let mut these = Vec::new();
        while these.len() < pages.len() {
            let Ok(Some(Arrival { is_active: true, at: told })) =
                tokio::time::timeout(Duration::from_secs(20), arrivals.recv()).await
            else {
                continue;
            };
            these.push(told.duration_since(at).as_secs_f64() * 1000.0);
        }
        these.sort_by(f64::total_cmp);
        seconds.push((these[0], these[these.len() / 2], these[these.len() - 1]));
        zulip.set_activity(WHO, gone);
        // An event for the gateway to notice that they are gone.
        zulip.send_event(&serde_json::json!({"type": "presence", "user_id": WHO}));
        let mut told = 0;
        while told < pages.len() {
            if let Some(Arrival { is_active: false, .. }) = arrivals.recv().await {
                told += 1;
            }
        }
    }
    let (cpu, asleep_at) = (gateway.cpu(), Instant::now());
    tokio::time::sleep(IDLE).await;
    let cpu = (gateway.cpu() - cpu).as_secs_f64() / asleep_at.elapsed().as_secs_f64();
    let median = |pick: fn(&(f64, f64, f64)) -> f64| {
        let mut all: Vec<f64> = seconds.iter().map(pick).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    println!(
        "| {streams} | {lists} | {:.1} | {:.1} | {:.0} | {:.0} | {:.0} | {:.1} % |",
        after as f64 / 1024.0,
        (after - before) as f64 / streams as f64,
        median(|row| row.0),
        median(|row| row.1),
        median(|row| row.2),
        cpu * 100.0
    );
    for page in pages {
        page.abort();
    }
    Ok(())
}

/// A page was told of the one who comes and goes.
struct Arrival {
    is_active: bool,
    at: Instant,
}

/// Opens a stream, and reads it until the task is aborted.
async fn open(
    address: SocketAddr,
    stream: u64,
    lists: u64,
    arrived: &mpsc::UnboundedSender<Arrival>,
) -> std::io::Result<tokio::task::JoinHandle<()>> {
    // Different lists differ in somebody who does not exist.
    let mut users: Vec<String> = (WHO..WHO + ON_A_PAGE - 1).map(|id| id.to_string()).collect();
    users.push((20_000 + stream % lists).to_string());
    let mut page = TcpStream::connect(address).await?;
    let head = format!(
        "GET /api/v1/realm/presence/stream?users=[{}]&slim_presence=true HTTP/1.1\r\nHost: gateway\r\n\r\n",
        users.join(",")
    );
    page.write_all(head.as_bytes()).await?;
    let mut text = String::new();
    let mut buffer = vec![0; 8192];
    while !text.contains("\n\n") {
        let length = page.read(&mut buffer).await?;
        if length == 0 {
            return Err(std::io::Error::other(format!("no stream: {text}")));
        }
        text.push_str(&String::from_utf8_lossy(&buffer[..length]));
    }
    text.clear();
    let (arrived, entry) = (arrived.clone(), format!("\"{WHO}\":{{\"active_timestamp\":"));
    drop(buffer);
    Ok(tokio::spawn(async move {
        let mut buffer = vec![0; 4096];
        while let Ok(length) = page.read(&mut buffer).await {
            if length == 0 {
                break;
            }
            text.push_str(&String::from_utf8_lossy(&buffer[..length]));
            while let Some((event, rest)) = text.split_once("\n\n") {
                if let Some((_, entry)) = event.split_once(&entry) {
                    let reported = entry.split([',', '}']).next().and_then(|at| at.parse().ok());
                    let now = std::time::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs_f64();
                    let is_active = reported.is_some_and(|reported: f64| now - reported < 200.0);
                    let _ = arrived.send(Arrival { is_active, at: Instant::now() });
                }
                text = rest.to_owned();
            }
        }
    }))
}

/// A gateway in a process of its own.
struct Gateway {
    process: Child,
    address: SocketAddr,
}

impl Gateway {
    fn start(program: &str, zulip: SocketAddr) -> Result<Self, Box<dyn std::error::Error>> {
        let mut process = Command::new(program)
            .args(["--listen", "127.0.0.1:0"])
            .env_clear()
            .env("ZULIP_SITE", format!("http://{zulip}"))
            .env("ZULIP_EMAIL", EMAIL)
            .env("ZULIP_API_KEY", "simulated")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()?;
        let mut line = String::new();
        BufReader::new(process.stdout.take().ok_or("no output")?).read_line(&mut line)?;
        let address = line.trim().trim_start_matches("listening on http://").trim_end_matches('/');
        Ok(Self { address: address.parse()?, process })
    }

    fn status(&self, file: &str) -> String {
        std::fs::read_to_string(format!("/proc/{}/{file}", self.process.id())).unwrap_or_default()
    }

    fn resident_kb(&self) -> u64 {
        let status = self.status("status");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or_default()
    }

    /// Time that the processors spent on it.
    fn cpu(&self) -> Duration {
        let stat = self.status("stat");
        // After the name, which may hold anything: state is the first field, then 10 others.
        let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11);
        let ticks: u64 = fields.take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        // USER_HZ is 100 on every Linux.
        Duration::from_millis(ticks * 10)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
