//! Metrics for Prometheus.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::{encode_eof, encode_registry};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use zulip_presence_core::reply::RequestError;

const PREFIX: &str = "zulip_presence";

/// A kind of request to Zulip.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// `GET users`.
    Directory,
    /// `GET realm/presence`.
    Realm,
    /// `GET users/{user}/presence`.
    Single,
    /// `GET users/{user}/status`.
    Status,
    /// `POST register`.
    Register,
    /// `GET events`.
    Events,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "users",
            Self::Realm => "realm_presence",
            Self::Single => "user_presence",
            Self::Status => "user_status",
            Self::Register => "register",
            Self::Events => "events",
        }
    }
}

/// In seconds: from a cached reply to one that waited for Zulip.
const LATENCY_BUCKETS_S: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.05, 0.25, 1.0, 2.5, 5.0];

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Request {
    route: &'static str,
    status: u16,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct Route {
    route: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct UpstreamRequest {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, EncodeLabelSet)]
struct EventType {
    r#type: &'static str,
}

/// What streams there are.
pub(crate) struct StreamNumbers {
    /// How many are open.
    pub(crate) open: usize,
    /// How many different lists of people they are about.
    pub(crate) lists: usize,
    /// Messages sent since the start, but the first of each stream.
    pub(crate) messages: u64,
    /// Streams dropped since the start, as their readers were too slow.
    pub(crate) dropped: u64,
}

/// Counters since the start.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    latency: Family<Route, Histogram, fn() -> Histogram>,
    upstream: Family<UpstreamRequest, Counter>,
    events: Family<EventType, Counter>,
    events_arrive: Gauge,
}

/// Values that only the store knows.
pub(crate) struct Gauges {
    pub(crate) watched: usize,
    pub(crate) accounts: usize,
    pub(crate) answer_age_s: Option<f64>,
    pub(crate) healthy: bool,
    /// `None`: no streams are served.
    pub(crate) streams: Option<StreamNumbers>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let (requests, upstream) = (Family::default(), Family::default());
        let latency: Family<Route, Histogram, fn() -> Histogram> =
            Family::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS_S));
        registry.register("requests", "Requests by pages", requests.clone());
        registry.register(
            "request_duration_seconds",
            "Time to answer requests by pages",
            latency.clone(),
        );
        registry.register("upstream_requests", "Requests to Zulip", upstream.clone());
        let (events, events_arrive) = (Family::default(), Gauge::default());
        registry.register("events", "Events of Zulip", events.clone());
        let help = "1 if Zulip's events arrive, 0 if only polling tells who is there";
        registry.register("events_up", help, events_arrive.clone());
        Self { registry, requests, latency, upstream, events, events_arrive }
    }
}

impl Metrics {
    /// Counts a reply to a page. `route`: the router's pattern.
    pub(crate) fn request(&self, route: &'static str, status: u16, duration: Duration) {
        self.requests.get_or_create(&Request { route, status }).inc();
        self.latency.get_or_create(&Route { route }).observe(duration.as_secs_f64());
    }

    /// Counts a request to Zulip.
    pub(crate) fn upstream(&self, kind: Kind, error: Option<RequestError>) {
        let outcome = match error {
            None => "ok",
            Some(RequestError::Unreachable) => "unreachable",
            Some(RequestError::TimedOut) => "timed_out",
            Some(RequestError::Unauthorized) => "unauthorized",
            Some(RequestError::RateLimited { .. }) => "rate_limited",
            Some(RequestError::Status { .. }) => "status",
            Some(_) => "not_zulip",
        };
        self.upstream.get_or_create(&UpstreamRequest { kind: kind.as_str(), outcome }).inc();
    }

    /// Counts an event of Zulip.
    pub(crate) fn event(&self, kind: &'static str) {
        self.events.get_or_create(&EventType { r#type: kind }).inc();
    }

    /// Whether Zulip's events arrive from now on.
    pub(crate) fn set_events_arrive(&self, arrive: bool) {
        self.events_arrive.set(arrive.into());
    }

    /// The OpenMetrics text format.
    pub(crate) fn text(&self, gauges: &Gauges) -> String {
        let mut registry = Registry::with_prefix(PREFIX);
        let mut gauge = |name: &str, help: &str, value: f64| {
            let gauge = Gauge::<f64, AtomicU64>::default();
            gauge.set(value);
            registry.register(name, help, gauge);
        };
        gauge("watched_users", "People asked for in the last 5 minutes", gauges.watched as f64);
        gauge("directory_users", "Accounts in the organisation", gauges.accounts as f64);
        gauge(
            "upstream_up",
            "1 if the last reply of Zulip was of use",
            f64::from(u8::from(gauges.healthy)),
        );
        if let Some(age) = gauges.answer_age_s {
            gauge("last_answer_age_seconds", "Age of the last answer of Zulip", age);
        }
        if let Some(streams) = &gauges.streams {
            gauge("streams", "Streams that pages read now", streams.open as f64);
            gauge("stream_lists", "Different lists of people in them", streams.lists as f64);
            let mut counter = |name: &str, help: &str, value: u64| {
                let counter = Counter::<u64>::default();
                counter.inc_by(value);
                registry.register(name, help, counter);
            };
            counter(
                "stream_messages",
                "Messages to pages, but the first of each",
                streams.messages,
            );
            counter("streams_dropped", "Streams whose readers were too slow", streams.dropped);
        }
        let mut text = String::new();
        // Writing to a String never fails.
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, &registry);
        let _ = encode_eof(&mut text);
        text
    }
}
