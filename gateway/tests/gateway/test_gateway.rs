//! A gateway in this process, and the simulated Zulip that it asks.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, Method, Request, StatusCode};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tower::ServiceExt as _;
use zulip_presence_gateway::{
    AllowedOrigin, BackgroundTasks, Config, EndHandle, Gateway, LastActive, Refresh, ReloadHandle,
    Secret, StaticFiles, StreamConfig, ZulipClient, ZulipCredentials, Zuliprc, serve,
};
use zulip_simulator::{Activity, EMAIL, ReportedTimestamps, Server, Simulator};

pub(crate) const ADA: &str = "/api/v1/users/12/presence";
pub(crate) const PAGE: &str = "https://wiki.example.com";

/// A gateway and its Zulip.
pub(crate) struct TestGateway {
    pub(crate) zulip: Simulator,
    pub(crate) app: Router,
    pub(crate) end: EndHandle,
    reload: ReloadHandle,
    /// End with the test.
    _tasks: BackgroundTasks,
    _server: Option<Server>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

/// What a test changes.
pub(crate) struct Options {
    pub(crate) refresh: Duration,
    pub(crate) origins: Vec<&'static str>,
    pub(crate) people: Option<PathBuf>,
    pub(crate) last_active: LastActive,
    pub(crate) zuliprc: Option<PathBuf>,
    pub(crate) files: StaticFiles,
    pub(crate) show_statuses: bool,
    pub(crate) live: Option<StreamConfig>,
    pub(crate) offline_after: Option<Duration>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            refresh: Duration::from_secs(30),
            origins: vec![PAGE],
            people: None,
            last_active: LastActive::Show,
            zuliprc: None,
            files: StaticFiles::default(),
            show_statuses: false,
            live: Some(StreamConfig::default()),
            offline_after: None,
        }
    }
}

/// Serves `router` on a port of its own.
pub(crate) async fn on_a_port(router: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it has one");
    tokio::spawn(serve(listener, router, std::future::pending()));
    address
}

/// The bot's account in `zulip`, which listens on `address`.
pub(crate) fn account(zulip: &Simulator, address: SocketAddr) -> ZulipCredentials {
    ZulipCredentials::new(format!("http://{address}"), EMAIL, Secret::new(zulip.key()))
}

/// Five people: one there, one idle, one gone, one never seen, one whom a guest may not see; a bot
/// and a deactivated one.
pub(crate) fn organisation(generation: u8) -> Simulator {
    let zulip = Simulator::empty(generation);
    let now = zulip.now() as i64;
    let left = |ago: i64| {
        Activity::Reported(ReportedTimestamps { active: Some(now - ago), idle: now - ago })
    };
    zulip.add(12, "ada@example.com", "Ada", Activity::AtTheDesk);
    zulip.add(
        17,
        "tomasz@example.com",
        "Tomasz",
        Activity::Reported(ReportedTimestamps { active: Some(now - 900), idle: now - 5 }),
    );
    zulip.add(23, "chiamaka@example.com", "Chiamaka", left(3 * 3600));
    zulip.add(31, "henrik@example.com", "Henrik", Activity::NeverSeen);
    zulip.add(38, "priyanka@example.com", "Priyanka", Activity::NotPermitted);
    zulip.add(44, "mateo@example.com", "Mateo", left(60));
    zulip.deactivate(44);
    zulip
}

impl TestGateway {
    pub(crate) async fn new() -> Self {
        Self::with(organisation(4), Options::default()).await
    }

    pub(crate) async fn with(zulip: Simulator, options: Options) -> Self {
        let server = zulip.start().expect("a free port");
        Self::asking(server.address(), zulip, options).with_server(server)
    }

    /// Keeps what it asks for as long as itself.
    pub(crate) fn with_server(self, server: Server) -> Self {
        Self { _server: Some(server), ..self }
    }

    /// A gateway that believes Zulip to be at `address`.
    pub(crate) fn asking(address: SocketAddr, zulip: Simulator, options: Options) -> Self {
        let origins = options
            .origins
            .iter()
            .map(|origin| origin.parse::<AllowedOrigin>().expect("an origin"));
        let client = ZulipClient::new(account(&zulip, address));
        let mut config = Config::new(client.expect("no certificates are involved"));
        config.zuliprc = options.zuliprc.map(Zuliprc::Named);
        config.refresh = Refresh::unchecked(options.refresh);
        config.offline_after = options.offline_after;
        config.allow_origins = origins.collect();
        config.people = options.people;
        config.last_active = options.last_active;
        config.files = options.files;
        config.show_statuses = options.show_statuses;
        config.live = options.live;
        let gateway = Gateway::start(config).expect("the people file is right");
        Self {
            zulip,
            end: gateway.end_handle(),
            reload: gateway.reload_handle(),
            app: gateway.router,
            _tasks: gateway.tasks,
            _server: None,
        }
    }

    /// Reads the zuliprc and the people file again, as on SIGHUP.
    pub(crate) fn reload(&self) {
        self.reload.reload();
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[("origin", PAGE)]).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, HeaderValue::from_str(value).expect("a header"));
        }
        let response = self
            .app
            .clone()
            .oneshot(request.body(Body::empty()).expect("a request"))
            .await
            .expect("infallible");
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body in memory");
        Reply { status: parts.status, headers: parts.headers, body: body.to_vec() }
    }

    /// A reply whose body is read as it comes.
    pub(crate) async fn open(&self, path: &str) -> Response {
        let request = Request::get(path).header("origin", PAGE);
        let request = request.header("accept-encoding", "gzip, br").body(Body::empty());
        self.app.clone().oneshot(request.expect("a request")).await.expect("infallible")
    }

    /// Asks until `wanted` holds: what it waits for happens elsewhere in this process.
    pub(crate) async fn until(&self, path: &str, wanted: impl Fn(&Reply) -> bool) -> Reply {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(30);
        loop {
            let reply = self.get(path).await;
            if wanted(&reply) {
                return reply;
            }
            assert!(tokio::time::Instant::now() < deadline, "it never came: {reply:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Waits until events arrive, or while they do. At the start none does yet.
    pub(crate) async fn until_events(&self, arrive: bool) {
        // The line of the metric; its help has the name, too.
        let line = format!("\nzulip_presence_events_up {}\n", u8::from(arrive));
        self.until("/metrics", |reply| reply.text().contains(&line)).await;
    }

    /// The paths of all requests that Zulip saw, but for those of the event queue.
    pub(crate) fn polled(&self) -> Vec<String> {
        let is_of_queue = |path: &str| path.starts_with("register") || path.starts_with("events");
        self.zulip.asked().into_iter().filter(|path| !is_of_queue(path)).collect()
    }

    /// How many requests of this path Zulip saw.
    pub(crate) fn asked(&self, path: &str) -> usize {
        self.zulip.asked().iter().filter(|asked| *asked == path).count()
    }
}

impl Reply {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {:?}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn header(&self, name: &str) -> String {
        let values: Vec<_> =
            self.headers.get_all(name).iter().map(|value| value.to_str().expect("ASCII")).collect();
        values.join(", ")
    }

    /// The JSON number at `pointer`.
    #[track_caller]
    pub(crate) fn number(&self, pointer: &str) -> f64 {
        self.json()
            .pointer(pointer)
            .and_then(Value::as_f64)
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.text()))
    }

    #[track_caller]
    pub(crate) fn word(&self, pointer: &str) -> String {
        self.json()
            .pointer(pointer)
            .and_then(Value::as_str)
            .unwrap_or_else(|| panic!("no {pointer} in {}", self.text()))
            .to_owned()
    }
}
