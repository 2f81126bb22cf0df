//! Numbers for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

use zulip_presence_core::reply::RequestError;

/// A kind of request to Zulip.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Kind {
    /// `GET users`.
    Directory,
    /// `GET realm/presence`.
    Realm,
    /// `GET users/{user}/presence`.
    Single,
}

impl Kind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Directory => "users",
            Self::Realm => "realm_presence",
            Self::Single => "user_presence",
        }
    }
}

/// Counters since the start.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    requests: Mutex<BTreeMap<(&'static str, u16), u64>>,
    upstream: Mutex<BTreeMap<(Kind, &'static str), u64>>,
}

/// What only the store knows.
pub(crate) struct Gauges {
    pub(crate) watched: usize,
    pub(crate) accounts: usize,
    pub(crate) answer_age_s: Option<f64>,
    pub(crate) healthy: bool,
}

impl Metrics {
    /// Counts a reply to a page.
    pub(crate) fn request(&self, route: &'static str, status: u16) {
        *self
            .requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((route, status))
            .or_default() += 1;
    }

    /// Counts a request to Zulip.
    pub(crate) fn upstream(&self, kind: Kind, failure: Option<RequestError>) {
        let outcome = match failure {
            None => "ok",
            Some(RequestError::Unreachable) => "unreachable",
            Some(RequestError::TimedOut) => "timed_out",
            Some(RequestError::Unauthorized) => "unauthorized",
            Some(RequestError::RateLimited { .. }) => "rate_limited",
            Some(RequestError::Status { .. }) => "status",
            Some(RequestError::InvalidResponse) => "not_zulip",
        };
        *self
            .upstream
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry((kind, outcome))
            .or_default() += 1;
    }

    /// Prometheus' text format.
    pub(crate) fn text(&self, gauges: &Gauges) -> String {
        let mut text = String::new();
        text.push_str("# HELP zulip_presence_requests_total Requests by pages.\n# TYPE zulip_presence_requests_total counter\n");
        for ((route, status), count) in
            &*self.requests.lock().unwrap_or_else(PoisonError::into_inner)
        {
            let _ = writeln!(
                text,
                "zulip_presence_requests_total{{route=\"{route}\",status=\"{status}\"}} {count}"
            );
        }
        text.push_str(
            "# HELP zulip_presence_upstream_requests_total Requests to Zulip.\n# TYPE zulip_presence_upstream_requests_total counter\n",
        );
        for ((kind, outcome), count) in
            &*self.upstream.lock().unwrap_or_else(PoisonError::into_inner)
        {
            let kind = kind.as_str();
            let _ = writeln!(
                text,
                "zulip_presence_upstream_requests_total{{kind=\"{kind}\",outcome=\"{outcome}\"}} {count}"
            );
        }
        let mut gauge = |name: &str, help: &str, value: f64| {
            let _ = write!(
                text,
                "# HELP zulip_presence_{name} {help}\n# TYPE zulip_presence_{name} gauge\nzulip_presence_{name} {value}\n"
            );
        };
        gauge("watched_users", "People asked for in the last 5 minutes.", gauges.watched as f64);
        gauge("directory_users", "Accounts in the organisation.", gauges.accounts as f64);
        gauge(
            "upstream_up",
            "1 if Zulip's last reply was of use.",
            f64::from(u8::from(gauges.healthy)),
        );
        if let Some(age) = gauges.answer_age_s {
            gauge("last_answer_age_seconds", "Age of Zulip's last answer.", age);
        }
        text
    }
}
