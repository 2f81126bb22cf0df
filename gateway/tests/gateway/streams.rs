//! The stream, as a page reads it.

use std::time::Duration;

use axum::body::BodyDataStream;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use zulip_presence_gateway::{LastActive, StreamConfig, serve};
use zulip_simulator::{Activity, Fault, ReportedTimestamps};

use crate::test_gateway::{Options, PAGE, TestGateway, organisation};

/// Far above what anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn path(users: &str) -> String {
    format!("/api/v1/realm/presence/stream?users={users}&slim_presence=true")
}

/// Zulip is asked as often as may be.
fn brisk(streams: StreamConfig) -> Options {
    Options { refresh: Duration::from_secs(10), live: Some(streams), ..Options::default() }
}

/// Zulip has news about Ada: it is asked within 2 s.
fn hint(gateway: &TestGateway) {
    gateway.zulip.send_event(&json!({"type": "presence", "user_id": 12}));
}

/// An open stream.
pub(crate) struct Stream {
    pub(crate) headers: HeaderMap,
    body: BodyDataStream,
    read: String,
}

/// What a stream sends.
#[derive(PartialEq, Debug)]
enum Sent {
    Message(Value),
    Comment,
    End,
}

impl Stream {
    pub(crate) async fn open(gateway: &TestGateway, users: &str) -> Self {
        let response = gateway.open(&path(users)).await;
        assert_eq!(response.status(), StatusCode::OK, "{response:?}");
        let (parts, body) = response.into_parts();
        Self { headers: parts.headers, body: body.into_data_stream(), read: String::new() }
    }

    async fn next(&mut self) -> Sent {
        while !self.read.contains("\n\n") {
            match tokio::time::timeout(PATIENCE, self.body.next()).await.expect("in time") {
                Some(bytes) => {
                    let bytes = bytes.expect("no error");
                    self.read.push_str(std::str::from_utf8(&bytes).expect("text"));
                }
                None => {
                    assert_eq!(self.read, "", "the end comes between two messages");
                    return Sent::End;
                }
            }
        }
        let (event, rest) = self.read.split_once("\n\n").expect("a whole event");
        let event = event.to_owned();
        self.read = rest.to_owned();
        if event == ":" {
            return Sent::Comment;
        }
        let json = event.strip_prefix("data: ").unwrap_or_else(|| panic!("no data: {event}"));
        assert!(!json.contains('\n'), "one line: {json}");
        Sent::Message(serde_json::from_str(json).expect("JSON"))
    }

    /// The next message.
    pub(crate) async fn message(&mut self) -> Value {
        loop {
            match self.next().await {
                Sent::Message(message) => return message,
                Sent::Comment => {}
                Sent::End => panic!("the stream has ended"),
            }
        }
    }

    /// The next message about `user`.
    pub(crate) async fn about(&mut self, user: &str) -> Value {
        loop {
            let message = self.message().await;
            if !message["presences"][user].is_null() {
                return message;
            }
        }
    }
}

#[tokio::test]
async fn first_everybody_then_whoever_comes() {
    let gateway = TestGateway::with(organisation(4), brisk(StreamConfig::default())).await;
    let users = r#"[12,17,23,2001,999,"ada@example.com"]"#.replace('"', "%22");
    let mut stream = Stream::open(&gateway, &users).await;
    let header = |name: &str| stream.headers.get(name).map(|value| value.to_str().expect("text"));
    assert_eq!(header("content-type"), Some("text/event-stream"));
    assert_eq!(header("cache-control"), Some("no-store"));
    assert_eq!(header("x-accel-buffering"), Some("no"));
    assert_eq!(header("access-control-allow-origin"), Some(PAGE));
    for absent in ["content-length", "content-encoding"] {
        assert_eq!(header(absent), None);
    }
    let first = stream.message().await;
    let batch = path(&users).replace("/stream", "");
    let batch = gateway.get(&batch).await.json();
    assert_eq!(first["presences"], batch["presences"]);
    for (name, value) in batch.as_object().expect("an object") {
        assert_eq!(value.is_number(), first[name].is_number(), "{name}");
        assert_eq!(value.is_string(), first[name].is_string(), "{name}");
    }
    assert_eq!(
        first.as_object().map(serde_json::Map::len),
        batch.as_object().map(serde_json::Map::len)
    );
    assert_eq!(first["server_presence_offline_threshold_seconds"], 200);

    gateway.zulip.set_activity(23, Activity::AtTheDesk);
    let news = stream.about("23").await;
    let came = news["presences"]["23"]["active_timestamp"].as_f64().expect("a time");
    assert!(gateway.zulip.now() - came < 100.0, "{news}");
    assert!(news["server_timestamp"].as_f64() >= first["server_timestamp"].as_f64());
    assert!(news["presences"]["2001"].is_null(), "nobody without news: {news}");

    // Whoever is gone according to Zulip, and who is no longer there at all.
    gateway.zulip.set_activity(23, Activity::Left(Duration::from_secs(3600)));
    hint(&gateway);
    let gone = stream.about("23").await;
    let left = gone["presences"]["23"]["active_timestamp"].as_f64().expect("a time");
    assert!(gateway.zulip.now() - left > 3000.0, "{gone}");
}

#[tokio::test]
async fn full_form_without_the_parameter() {
    let gateway = TestGateway::with(organisation(2), brisk(StreamConfig::default())).await;
    let response = gateway.open("/api/v1/realm/presence/stream?users=[12]").await;
    let mut stream = Stream {
        headers: HeaderMap::new(),
        body: response.into_body().into_data_stream(),
        read: String::new(),
    };
    let first = stream.message().await;
    assert_eq!(first["presences"]["12"]["aggregated"]["status"], "active", "{first}");
}

#[tokio::test]
async fn comments_then_a_clean_end() {
    let lifetime = Duration::from_millis(800);
    let streams = StreamConfig {
        lifetime: lifetime..lifetime,
        comment_after: Duration::from_millis(150),
        ..StreamConfig::default()
    };
    let gateway =
        TestGateway::with(organisation(4), Options { live: Some(streams), ..Options::default() })
            .await;
    let mut stream = Stream::open(&gateway, "[23]").await;
    stream.message().await;
    assert_eq!(stream.next().await, Sent::Comment);
    assert_eq!(stream.next().await, Sent::Comment);
    while stream.next().await != Sent::End {}
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.contains("zulip_presence_streams 0"), "{metrics}");
}

#[tokio::test]
async fn beyond_the_limit_pages_poll() {
    let streams = StreamConfig { max_streams: 2, ..StreamConfig::default() };
    let gateway = TestGateway::with(organisation(4), brisk(streams)).await;
    let first = Stream::open(&gateway, "[12]").await;
    let _second = Stream::open(&gateway, "[12]").await;
    let refused = gateway.get(&path("[12]")).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(refused.header("retry-after"), "60");
    assert_eq!(refused.header("access-control-allow-origin"), PAGE);
    assert_eq!(refused.word("/code"), "SERVICE_UNAVAILABLE");
    assert_eq!(gateway.get(&path("[12]").replace("/stream", "")).await.status, StatusCode::OK);
    let metrics = gateway.get("/metrics").await.text();
    assert!(metrics.contains("zulip_presence_streams 2"), "{metrics}");
    assert!(metrics.contains("zulip_presence_stream_lists 1"), "{metrics}");
    drop(first);
    let _third = Stream::open(&gateway, "[12]").await;
}

/// Whoever invents lists cannot fill memory, and takes streams from nobody but by their number.
#[tokio::test]
async fn invented_people_are_limited() {
    let gateway = TestGateway::new().await;
    let list = |first: u32| {
        let users: Vec<String> = (first..first + 1_000).map(|id| id.to_string()).collect();
        format!("[{}]", users.join(","))
    };
    let mut streams = Vec::new();
    let refused = loop {
        let first = 1_000_000 + 1_000 * u32::try_from(streams.len()).expect("few");
        let reply = gateway.open(&path(&list(first))).await;
        if reply.status() != StatusCode::OK {
            break reply;
        }
        streams.push(reply);
    };
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!((40..=60).contains(&streams.len()), "{}", streams.len());
    drop(streams);
    let _again = Stream::open(&gateway, "[12]").await;
}

#[tokio::test]
async fn off_is_an_empty_reply() {
    let options = Options { live: None, ..Options::default() };
    let gateway = TestGateway::with(organisation(4), options).await;
    let reply = gateway.get(&path("[12]")).await;
    assert_eq!((reply.status, &*reply.body), (StatusCode::NO_CONTENT, &[][..]));
    assert_eq!(reply.header("access-control-allow-origin"), PAGE);
}

#[tokio::test]
async fn errors_are_those_of_the_batch() {
    let gateway = TestGateway::new().await;
    let many: Vec<String> = (1..=1_001).map(|id| id.to_string()).collect();
    for query in [
        "",
        "?users=[]",
        "?users=[12]&users=[17]",
        "?users=[12]&slim_presence=1",
        "?users=%7B%7D",
        &format!("?users=[{}]", many.join(",")),
    ] {
        let stream = gateway.get(&format!("/api/v1/realm/presence/stream{query}")).await;
        let batch = gateway.get(&format!("/api/v1/realm/presence{query}")).await;
        assert_eq!(stream.status, StatusCode::BAD_REQUEST, "{query}");
        assert_eq!(
            (stream.json(), stream.header("cache-control")),
            (batch.json(), batch.header("cache-control"))
        );
    }
    let post = gateway.send(Method::POST, &path("[12]"), &[("origin", PAGE)]).await;
    assert_eq!(post.status, StatusCode::METHOD_NOT_ALLOWED);
    let head = gateway.send(Method::HEAD, &path("[12]"), &[("origin", PAGE)]).await;
    assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
}

#[tokio::test]
async fn preflight_and_foreign_origins() {
    let gateway = TestGateway::new().await;
    let headers = [
        ("origin", PAGE),
        ("access-control-request-method", "GET"),
        ("access-control-request-headers", "x-trace"),
    ];
    let preflight = gateway.send(Method::OPTIONS, &path("[12]"), &headers).await;
    assert_eq!(preflight.status, StatusCode::NO_CONTENT);
    assert_eq!(preflight.header("access-control-allow-origin"), PAGE);
    assert_eq!(preflight.header("access-control-allow-headers"), "x-trace");
    let foreign =
        [("origin", "https://other.example.com"), ("access-control-request-method", "GET")];
    let preflight = gateway.send(Method::OPTIONS, &path("[12]"), &foreign).await;
    assert!(!preflight.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn only_allow_listed_people_are_in_it() {
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = directory.join(format!("streams-people-{}", std::process::id()));
    std::fs::write(&file, "12\n").expect("a file");
    let options = Options { people: Some(file.clone()), ..brisk(StreamConfig::default()) };
    let gateway = TestGateway::with(organisation(4), options).await;
    let mut stream = Stream::open(&gateway, "[12,17,23]").await;
    let first = stream.message().await;
    assert!(first["presences"]["12"]["active_timestamp"].is_number(), "{first}");
    assert_eq!((&first["presences"]["17"], &first["presences"]["23"]), (&json!({}), &json!({})));
    // A stream follows the file: who is taken out is no longer known, who is put in is.
    std::fs::write(&file, "17\n").expect("a file");
    let mut known = [true, false];
    while known != [false, true] {
        let news = stream.message().await;
        assert!(news["presences"]["23"].is_null(), "{news}");
        for (user, known) in ["12", "17"].into_iter().zip(&mut known) {
            if let Some(entry) = news["presences"][user].as_object() {
                *known = !entry.is_empty();
            }
        }
    }
    std::fs::remove_file(&file).expect("there is one");
}

#[tokio::test]
async fn hidden_last_active_stays_hidden() {
    let options = Options { last_active: LastActive::Hide, ..brisk(StreamConfig::default()) };
    let gateway = TestGateway::with(organisation(4), options).await;
    let mut stream = Stream::open(&gateway, "[12,23]").await;
    let offline = json!({"aggregated": {"status": "offline"}});
    assert_eq!(stream.message().await["presences"]["23"], offline);
    let now = gateway.zulip.now() as i64;
    // About to be offline by age alone: the page must forget the time then.
    let aging = ReportedTimestamps { active: Some(now - 196), idle: now - 196 };
    gateway.zulip.set_activity(12, Activity::Reported(aging));
    hint(&gateway);
    loop {
        let news = stream.about("12").await;
        if news["presences"]["12"] == offline {
            break;
        }
    }
}

/// Nothing is known: as for a batch, an error in time. What is known stays, and the stream too.
#[tokio::test]
async fn outage() {
    let zulip = organisation(4);
    zulip.fail(Some(Fault::Html(502)));
    let gateway = TestGateway::with(zulip, brisk(StreamConfig::default())).await;
    let refused = gateway.get(&path("[12]")).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(refused.headers.contains_key("retry-after"));
    gateway.zulip.fail(None);
    gateway
        .until(&path("[12]").replace("/stream", ""), |reply| reply.status == StatusCode::OK)
        .await;
    let mut stream = Stream::open(&gateway, "[12,23]").await;
    assert!(stream.message().await["presences"]["12"]["active_timestamp"].is_number());
    gateway.zulip.fail(Some(Fault::Hang));
    gateway.zulip.set_activity(23, Activity::AtTheDesk);
    gateway.zulip.fail(None);
    // Whatever was in flight, the end of the outage brings the news.
    stream.about("23").await;
}

/// A gateway on a port, until `end`.
async fn on_a_port(
    gateway: &TestGateway,
) -> (std::net::SocketAddr, oneshot::Sender<()>, tokio::task::JoinHandle<()>) {
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    // Of its connections, too: the system's own grows to megabytes, which a slow reader takes a minute to fill.
    socket.set_send_buffer_size(16 << 10).expect("a small one");
    socket.bind(([127, 0, 0, 1], 0).into()).expect("a free port");
    let listener = socket.listen(64).expect("a listener");
    let address = listener.local_addr().expect("it has one");
    let (end, ended) = oneshot::channel();
    let server = tokio::spawn(serve(listener, gateway.app.clone(), async {
        let _ = ended.await;
    }));
    (address, end, server)
}

async fn send_request(address: std::net::SocketAddr, users: &str) -> TcpStream {
    let mut connection = TcpStream::connect(address).await.expect("it listens");
    let head = format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path(users));
    connection.write_all(head.as_bytes()).await.expect("it reads");
    connection
}

/// Reads until `wanted` is there.
async fn read_until(connection: &mut TcpStream, wanted: &str) -> String {
    let mut read = String::new();
    while !read.contains(wanted) {
        let mut buffer = [0; 4096];
        let length = tokio::time::timeout(PATIENCE, connection.read(&mut buffer))
            .await
            .expect("in time")
            .expect("no reset");
        assert!(length > 0, "it ended: {read}");
        read.push_str(std::str::from_utf8(&buffer[..length]).expect("text"));
    }
    read
}

#[tokio::test]
async fn shutdown_ends_all_streams_cleanly_at_once() {
    let gateway = TestGateway::new().await;
    let (address, end, server) = on_a_port(&gateway).await;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut stream = send_request(address, "[12,17,23]").await;
        let head = read_until(&mut stream, "\n\n\r\n").await.to_lowercase();
        assert!(
            head.starts_with("http/1.1 200") && head.contains("transfer-encoding: chunked"),
            "{head}"
        );
        assert!(!head.contains("content-length"), "{head}");
        streams.push(stream);
    }
    let ended_at = std::time::Instant::now();
    end.send(()).expect("it serves");
    for stream in &mut streams {
        let mut rest = String::new();
        stream.read_to_string(&mut rest).await.expect("no reset");
        assert!(rest.ends_with("0\r\n\r\n"), "a whole reply: {rest}");
    }
    server.await.expect("no panic");
    // The time that requests under way have is 5 s.
    assert!(ended_at.elapsed() < Duration::from_secs(4), "{:?}", ended_at.elapsed());
}

/// A page that reads nothing is disconnected when its few messages of patience are used up.
#[tokio::test]
async fn slow_reader_is_dropped() {
    let zulip = organisation(4);
    for id in 10_000..11_000 {
        zulip.add(id, &format!("user{id}@example.com"), "Somebody", Activity::AwayFromTheDesk);
    }
    let gateway = TestGateway::with(zulip, brisk(StreamConfig::default())).await;
    let (address, _end, _server) = on_a_port(&gateway).await;
    let users: Vec<String> = (10_000..11_000).map(|id| id.to_string()).collect();
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small one");
    let mut stalled = socket.connect(address).await.expect("it listens");
    let list = format!("[{}]", users.join(","));
    // The longer form, as more fills buffers sooner.
    let head =
        format!("GET /api/v1/realm/presence/stream?users={list} HTTP/1.1\r\nHost: x\r\n\r\n");
    stalled.write_all(head.as_bytes()).await.expect("it reads");
    let mut healthy = Stream::open(&gateway, &list).await;
    healthy.message().await;
    let is_dropped = async || {
        gateway.get("/metrics").await.text().contains("zulip_presence_streams_dropped_total 1")
    };
    for round in 0.. {
        let state = if round % 2 == 0 { Activity::AtTheDesk } else { Activity::AwayFromTheDesk };
        for id in 10_000..11_000 {
            gateway.zulip.set_activity(id, state);
        }
        gateway.zulip.send_event(&json!({"type": "presence", "user_id": 10_999}));
        healthy.about("10999").await;
        if is_dropped().await {
            break;
        }
        assert!(round < 200, "it is still served");
    }
    // What was sent before can be read, then the connection is gone.
    let mut rest = Vec::new();
    let read =
        tokio::time::timeout(PATIENCE, stalled.read_to_end(&mut rest)).await.expect("it is closed");
    assert!(read.is_err() || !rest.ends_with(b"0\r\n\r\n"), "not as if it were whole");
    gateway.zulip.set_activity(10_000, Activity::Left(Duration::from_secs(3600)));
    gateway.zulip.send_event(&json!({"type": "presence", "user_id": 10_999}));
    healthy.about("10000").await;
    gateway.until("/metrics", |reply| reply.text().contains("zulip_presence_streams 1")).await;
}

#[tokio::test]
async fn a_closed_page_frees_its_stream() {
    let gateway = TestGateway::new().await;
    let (address, _end, _server) = on_a_port(&gateway).await;
    let mut stream = send_request(address, "[12]").await;
    read_until(&mut stream, "\n\n").await;
    gateway.until("/metrics", |reply| reply.text().contains("zulip_presence_streams 1")).await;
    drop(stream);
    gateway.until("/metrics", |reply| reply.text().contains("zulip_presence_streams 0")).await;
}

#[tokio::test]
async fn key_is_in_no_stream() {
    let gateway = TestGateway::with(organisation(4), brisk(StreamConfig::default())).await;
    let mut stream = Stream::open(&gateway, "[12,17,23]").await;
    let first = stream.message().await;
    gateway.zulip.set_activity(23, Activity::AtTheDesk);
    let news = stream.about("23").await;
    let key = HeaderValue::from_str(&gateway.zulip.key()).expect("text");
    assert!(!stream.headers.values().any(|value| value == key));
    for message in [first, news] {
        assert!(!message.to_string().contains(&gateway.zulip.key()), "{message}");
    }
}
