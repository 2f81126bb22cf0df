//! Event queues: `POST /register`, and long polls of `GET /events` (docs/zulip-wire.md §11).

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::server::{Organisation, Simulator, error, success};

/// `USER_LIMIT_FOR_SENDING_PRESENCE_UPDATE_EVENTS`: larger organisations get no presence events.
const MAX_ACCOUNTS: usize = 100;
/// `OFFLINE_THRESHOLD_SECS` less 70: a report that is newer than the last by more is news.
const NEWS_AFTER: i64 = 130;
/// Zulip sends one about so often.
const HEARTBEAT: Duration = Duration::from_secs(54);
/// People are functions of time, so that somebody has to look.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const LONG_POLL_S: u64 = 90;
/// The types of events that a client must ask for, as JSON.
const KINDS: [&str; 4] = [r#""presence""#, r#""realm_user""#, r#""realm""#, r#""user_status""#];

/// All event queues of an organisation.
pub(crate) struct Queues {
    queues: BTreeMap<String, Queue>,
    registered: u64,
    /// The last report of each person, when somebody last looked; `None`: never seen.
    reports: BTreeMap<u64, Option<i64>>,
    heartbeat: Duration,
    changed: watch::Sender<()>,
}

struct Queue {
    next_id: i64,
    events: VecDeque<Value>,
    /// The client understands `simplified_presence_events`.
    simplified: bool,
    /// The `event_types` that the client asked for, as JSON.
    types: String,
}

impl Default for Queues {
    fn default() -> Self {
        Self {
            queues: BTreeMap::new(),
            registered: 0,
            reports: BTreeMap::new(),
            heartbeat: HEARTBEAT,
            changed: watch::Sender::new(()),
        }
    }
}

impl Queues {
    fn push(&mut self, event: impl Fn(&Queue) -> Value) {
        for queue in self.queues.values_mut() {
            let event = event(queue);
            let kind = event["type"].to_string();
            if queue.types.contains(&kind) || !KINDS.contains(&&*kind) {
                queue.push(event);
            }
        }
        self.changed.send_replace(());
    }
}

impl Queue {
    /// An event with an ID of its own keeps it.
    fn push(&mut self, mut event: Value) {
        if event["id"].is_null() {
            event["id"] = self.next_id.into();
            self.next_id += 1;
        }
        self.events.push_back(event);
    }
}

impl Simulator {
    /// Sends an event to all queues. With an `id` of its own it is repeated or out of order.
    pub fn send_event(&self, event: &Value) {
        self.organisation().queues.push(|_| event.clone());
    }

    /// Loses all queues, as a server does that was not asked for ten minutes.
    pub fn lose_queues(&self) {
        let mut organisation = self.organisation();
        organisation.queues.queues.clear();
        organisation.queues.changed.send_replace(());
    }

    /// How many queues there are.
    #[must_use]
    pub fn queues(&self) -> usize {
        self.organisation().queues.queues.len()
    }

    /// The time until a queue without events gets a heartbeat.
    pub fn set_heartbeat(&self, heartbeat: Duration) {
        self.organisation().queues.heartbeat = heartbeat;
    }
}

impl Organisation {
    /// Tells the queues of a changed account or setting.
    pub(crate) fn notify(&mut self, event: &Value) {
        self.queues.push(|_| event.clone());
    }

    /// Tells the queues who has come since the last look.
    pub(crate) fn look(&mut self) {
        let accounts = self.accounts.values().filter(|account| account.is_active).count();
        let now = self.now();
        let mut came = Vec::new();
        for (id, account) in &self.accounts {
            if accounts > MAX_ACCOUNTS || account.is_bot || !account.is_active {
                continue;
            }
            let reported = self.claims(*id, account);
            let active = reported.and_then(|reported| reported.active);
            let before = self.queues.reports.insert(*id, active);
            let is_news = match (before, active) {
                (Some(Some(before)), Some(active)) => active - before > NEWS_AFTER,
                (Some(None), Some(_)) => true,
                _ => false,
            };
            if let Some(reported) = reported.filter(|_| is_news && !self.is_presence_disabled) {
                came.push((*id, account.email.clone(), reported));
            }
        }
        for (id, email, reported) in came {
            self.queues.push(|queue| {
                let mut event = json!({"type": "presence", "server_timestamp": now});
                if queue.simplified && self.generation >= 4 {
                    let times = json!({"active_timestamp": reported.active, "idle_timestamp": reported.idle});
                    event["presences"] = json!({id.to_string(): times});
                } else {
                    event["user_id"] = id.into();
                    event["email"] = email.clone().into();
                    event["presence"] = json!({"website": {
                        "client": "website", "status": "active", "timestamp": reported.active, "pushable": false,
                    }});
                }
                event
            });
        }
    }
}

pub(crate) async fn register(State(zulip): State<Simulator>, body: Bytes) -> Response {
    let mut organisation = zulip.organisation();
    organisation.look();
    let form = String::from_utf8_lossy(&body);
    let capabilities = parameter(&form, "client_capabilities").unwrap_or_default();
    let queues = &mut organisation.queues;
    queues.registered += 1;
    let id = format!("queue{}", queues.registered);
    let simplified = capabilities.contains(r#""simplified_presence_events":true"#);
    let types = parameter(&form, "event_types").unwrap_or_default();
    let queue = Queue { next_id: 0, events: VecDeque::new(), simplified, types };
    queues.queues.insert(id.clone(), queue);
    let mut reply = json!({"queue_id": id, "last_event_id": -1, "zulip_feature_level": 372});
    let fetched = parameter(&form, "fetch_event_types").unwrap_or_default();
    if fetched.contains(r#""user_status""#) {
        let accounts = organisation.accounts.iter();
        let said = accounts.filter(|(_, account)| account.status != json!({}));
        reply["user_status"] =
            said.map(|(id, account)| (id.to_string(), account.status.clone())).collect();
    }
    if fetched.contains(r#""realm""#) {
        reply["server_presence_offline_threshold_seconds"] =
            organisation.offline_threshold_s.into();
        reply["server_presence_ping_interval_seconds"] = 60.into();
        reply["realm_presence_disabled"] = organisation.is_presence_disabled.into();
        reply["event_queue_longpoll_timeout_seconds"] = LONG_POLL_S.into();
    }
    success(reply)
}

pub(crate) async fn poll(State(zulip): State<Simulator>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let id = parameter(&query, "queue_id").unwrap_or_default();
    let last: i64 = parameter(&query, "last_event_id").and_then(|id| id.parse().ok()).unwrap_or(-1);
    let asked_at = Instant::now();
    loop {
        let mut changed = {
            let mut organisation = zulip.organisation();
            organisation.look();
            let heartbeat_at = asked_at + organisation.queues.heartbeat;
            let changed = organisation.queues.changed.subscribe();
            let Some(queue) = organisation.queues.queues.get_mut(&id) else {
                return bad_queue(&id);
            };
            queue.events.retain(|event| event["id"].as_i64().is_none_or(|id| id > last));
            if queue.events.is_empty() && Instant::now() >= heartbeat_at {
                queue.push(json!({"type": "heartbeat"}));
            }
            if !queue.events.is_empty() {
                return success(json!({"queue_id": id, "events": queue.events}));
            }
            changed
        };
        // An error: the organisation is gone, and this ends with it.
        let _ = tokio::time::timeout(LOOK_EVERY, changed.changed()).await;
    }
}

pub(crate) async fn delete(State(zulip): State<Simulator>, body: Bytes) -> Response {
    let id = parameter(&String::from_utf8_lossy(&body), "queue_id").unwrap_or_default();
    let mut organisation = zulip.organisation();
    match organisation.queues.queues.remove(&id) {
        Some(_) => {
            organisation.queues.changed.send_replace(());
            success(json!({}))
        }
        None => bad_queue(&id),
    }
}

fn bad_queue(id: &str) -> Response {
    let msg = format!("Bad event queue ID: {id}");
    let body = json!({"result": "error", "msg": msg, "code": "BAD_EVENT_QUEUE_ID", "queue_id": id});
    error(StatusCode::BAD_REQUEST, &body)
}

/// A parameter of a form or of a query.
fn parameter(form: &str, name: &str) -> Option<String> {
    let mut pairs = form.split('&').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(found, _)| *found == name)?;
    let mut decoded = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digit = |byte: u8| (byte as char).to_digit(16);
                let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}
