//! Replies as a Zulip server does (docs/zulip-wire.md §1, §2, §4, §7).

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{Path, Request, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, EXPIRES, VARY, WWW_AUTHENTICATE,
};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::activity::{Activity, ReportedTimestamps};
use crate::events::{self, Queues};
use crate::fault::Fault;
use crate::people::{self, EMAIL, KEY};
use crate::schedule::{self, SEED};

/// `OFFLINE_THRESHOLD_SECS`.
const OFFLINE_AFTER: i64 = 200;
/// `PRESENCE_LEGACY_EVENT_OFFSET_FOR_ACTIVITY_SECONDS`.
const LEGACY_ACTIVE_FOR: i64 = 70;
/// The organisation-wide reply omits users who were away for longer.
const REALM_WINDOW: i64 = 14 * 24 * 3600;
/// Requests a user may make in a minute.
const RATE_LIMIT: i64 = 200;

const BOT_ID: u64 = 2001;
const DEACTIVATED_ID: u64 = 2002;
const SILENT_ID: u64 = 2003;
/// Listed on the demo page, and never seen.
const UNSEEN_ID: u64 = 1024;
/// Of the gallery.
const GALLERY_UNKNOWN_ID: u64 = 3004;
/// The first person of the demo page, who is always active.
const ADA_ID: u64 = 12;
/// How long ago a permanently idle user was active.
const LONG_AWAY: Duration = Duration::from_secs(95 * 60);

/// A simulated Zulip server. Clones are the same server.
#[derive(Clone)]
pub struct Simulator(Arc<Mutex<Organisation>>);

pub(crate) struct Organisation {
    pub(crate) accounts: BTreeMap<u64, Account>,
    pub(crate) generation: u8,
    pub(crate) is_presence_disabled: bool,
    pub(crate) offline_threshold_s: i64,
    pub(crate) queues: Queues,
    key: String,
    fault: Option<(Option<&'static str>, Fault)>,
    ahead: Duration,
    asked: Vec<String>,
    /// The next request of each path is answered once the sender is dropped.
    holds: Vec<(&'static str, oneshot::Receiver<()>)>,
}

/// A reply that is held back until this is dropped.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "its drop is the signal")] oneshot::Sender<()>);

pub(crate) struct Account {
    pub(crate) email: String,
    full_name: String,
    pub(crate) is_bot: bool,
    pub(crate) is_active: bool,
    is_listed: bool,
    activity: Activity,
    /// What they say of themselves, in Zulip's form.
    pub(crate) status: Value,
}

/// A running [`Simulator`], in a thread of its own. Its port is closed, and all connections with it,
/// when this is dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    /// Dropped to end the thread.
    end: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.end.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed there.
            let _ = thread.join();
        }
    }
}

impl Simulator {
    /// An organisation with only the bot. `generation` is that of its replies: 1 (before Zulip 7),
    /// 2 (7 to 11), 3 (in the development of 12) or 4 (12).
    #[must_use]
    pub fn empty(generation: u8) -> Self {
        let zulip = Self(Arc::new(Mutex::new(Organisation {
            accounts: BTreeMap::new(),
            generation,
            is_presence_disabled: false,
            offline_threshold_s: OFFLINE_AFTER,
            queues: Queues::default(),
            key: KEY.to_owned(),
            fault: None,
            ahead: Duration::ZERO,
            asked: Vec::new(),
            holds: Vec::new(),
        })));
        zulip.add(BOT_ID, EMAIL, "Presence Bot", Activity::NeverSeen);
        zulip.with(BOT_ID, |bot| bot.is_bot = true);
        zulip
    }

    /// The organisation of the demo page.
    #[must_use]
    pub fn demo(generation: u8) -> Self {
        let zulip = Self::empty(generation);
        for person in people::people() {
            let activity = match person.id {
                ADA_ID => Activity::AtTheDesk,
                UNSEEN_ID => Activity::NeverSeen,
                _ => Activity::Scheduled,
            };
            zulip.add(person.id, &person.email, &person.full_name, activity);
        }
        for (id, full_name, activity) in people::gallery() {
            zulip.add(id, &format!("user{id}@example.com"), full_name, activity);
        }
        for (id, status) in people::statuses() {
            zulip.set_status(id, &status);
        }
        // The gallery's unknown person: a deactivated account, which is unknown from the first reply.
        zulip.deactivate(GALLERY_UNKNOWN_ID);
        zulip.add(DEACTIVATED_ID, "gone@example.com", "Gone Long Since", Activity::Scheduled);
        zulip.deactivate(DEACTIVATED_ID);
        zulip.add(SILENT_ID, "new@example.com", "New Tomorrow", Activity::NeverSeen);
        zulip
    }

    /// Adds an active human, or replaces the one of this ID.
    pub fn add(&self, id: u64, email: &str, full_name: &str, activity: Activity) {
        let account = Account {
            email: email.into(),
            full_name: full_name.into(),
            is_bot: false,
            is_active: true,
            is_listed: true,
            activity,
            status: json!({}),
        };
        let mut organisation = self.organisation();
        organisation.notify(&json!({"type": "realm_user", "op": "add", "person": account.row(id)}));
        organisation.accounts.insert(id, account);
    }

    /// Adds `count` humans more, from ID 10001 on, who come and go.
    pub fn add_people(&self, count: u32) {
        for id in (10_001..).take(count as usize) {
            let email = format!("user{id}@example.com");
            self.add(id, &email, &format!("User {id}"), Activity::Scheduled);
        }
    }

    /// Deactivates an account.
    pub fn deactivate(&self, id: u64) {
        self.with(id, |account| account.is_active = false);
        self.updated(&json!({"user_id": id, "is_active": false}));
    }

    /// Changes a user's API email.
    pub fn set_email(&self, id: u64, email: &str) {
        self.with(id, |account| email.clone_into(&mut account.email));
        self.updated(&json!({"user_id": id, "new_email": email}));
    }

    /// Whether the list of users has a user, who has presence in any case.
    pub fn set_listed(&self, id: u64, is_listed: bool) {
        self.with(id, |account| account.is_listed = is_listed);
    }

    /// From now on a user does this.
    pub fn set_activity(&self, id: u64, activity: Activity) {
        // Who came before is told as they were then.
        self.organisation().look();
        self.with(id, |account| account.activity = activity);
        self.organisation().look();
    }

    /// What a user says of themselves: `status_text`, `emoji_name`, `emoji_code`, `reaction_type`,
    /// and `away` for whoever is invisible. Fields that are left out are empty.
    pub fn set_status(&self, id: u64, status: &Value) {
        let mut organisation = self.organisation();
        let mut event = json!({"type": "user_status", "user_id": id});
        for field in ["status_text", "emoji_name", "emoji_code", "reaction_type"] {
            event[field] = status[field].as_str().unwrap_or_default().into();
        }
        if let Some(account) = organisation.accounts.get_mut(&id) {
            account.status = status.clone();
        }
        organisation.notify(&event);
    }

    /// Disables presence in the organisation: its organisation-wide reply is empty, while single
    /// queries still answer.
    pub fn set_presence_disabled(&self, is_disabled: bool) {
        self.organisation().is_presence_disabled = is_disabled;
        self.organisation().notify(&json!({
            "type": "realm", "op": "update", "property": "presence_disabled", "value": is_disabled,
        }));
    }

    /// Sets the threshold of "offline", which only event queues tell.
    pub fn set_offline_threshold(&self, seconds: i64) {
        self.organisation().offline_threshold_s = seconds;
    }

    /// From now on only this key is valid.
    pub fn set_api_key(&self, key: &str) {
        key.clone_into(&mut self.organisation().key);
    }

    /// From now on `fault` replaces every reply; `None` ends it.
    pub fn fail(&self, fault: Option<Fault>) {
        self.organisation().fault = fault.map(|fault| (None, fault));
    }

    /// As [`fail`](Self::fail), only for paths that end with `path`.
    pub fn fail_at(&self, path: &'static str, fault: Fault) {
        self.organisation().fault = Some((Some(path), fault));
    }

    /// The reply to the next request for a path that ends with `path` is made when the request comes,
    /// and sent when the returned value is dropped.
    #[must_use = "the reply is sent when this is dropped"]
    pub fn hold_next(&self, path: &'static str) -> Held {
        let (held, released) = oneshot::channel();
        self.organisation().holds.push((path, released));
        Held(held)
    }

    /// Sets the server's clock ahead.
    pub fn advance(&self, span: Duration) {
        let mut organisation = self.organisation();
        organisation.look();
        organisation.ahead += span;
        organisation.look();
    }

    /// The server's clock, in UNIX seconds.
    #[must_use]
    pub fn now(&self) -> f64 {
        self.organisation().now()
    }

    /// The paths requested so far, in order.
    #[must_use]
    pub fn asked(&self) -> Vec<String> {
        self.organisation().asked.clone()
    }

    /// The valid key.
    #[must_use]
    pub fn key(&self) -> String {
        self.organisation().key.clone()
    }

    /// Serves on a free port of 127.0.0.1.
    ///
    /// # Errors
    /// Where the system has no port or no thread left.
    pub fn start(&self) -> std::io::Result<Server> {
        self.start_at((Ipv4Addr::LOCALHOST, 0).into())
    }

    /// Serves on `address`.
    ///
    /// # Errors
    /// Where the address is taken, or the system has no thread left.
    pub fn start_at(&self, address: SocketAddr) -> std::io::Result<Server> {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _guard = runtime.enter();
            TcpListener::from_std(listener)?
        };
        let (end, ended) = oneshot::channel();
        let server = self.clone().serve(listener);
        let thread = std::thread::Builder::new().name("Zulip".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    () = server => {}
                    _ = ended => {}
                }
            });
        })?;
        Ok(Server { address, end: Some(end), thread: Some(thread) })
    }

    /// Serves on `listener`, for as long as it is polled.
    pub async fn serve(self, listener: TcpListener) {
        // It never ends, and reports no errors.
        let _ = axum::serve(listener, self.router()).await;
    }

    /// What it serves, for tests that put something in front.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/api/v1/users", get(users))
            .route("/api/v1/users/me", get(me))
            .route("/api/v1/users/{user}/presence", get(single))
            .route("/api/v1/users/{user}/status", get(status))
            .route("/api/v1/realm/presence", get(realm))
            .route("/api/v1/server_settings", get(server_settings))
            .route("/api/v1/register", post(events::register))
            .route("/api/v1/events", get(events::poll).delete(events::delete))
            .fallback(|| async {
                (
                    StatusCode::NOT_FOUND,
                    [(CONTENT_TYPE, "text/html")],
                    "<html><body>Page not found</body></html>",
                )
            })
            .layer(middleware::from_fn_with_state(self.clone(), answer_request))
            .with_state(self.clone())
    }

    /// An account is another one now.
    fn updated(&self, person: &Value) {
        let event = json!({"type": "realm_user", "op": "update", "person": person});
        self.organisation().notify(&event);
    }

    pub(crate) fn organisation(&self) -> MutexGuard<'_, Organisation> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with(&self, id: u64, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.organisation().accounts.get_mut(&id) {
            change(account);
        }
    }
}

impl Organisation {
    pub(crate) fn now(&self) -> f64 {
        (SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default() + self.ahead)
            .as_secs_f64()
    }

    fn now_s(&self) -> i64 {
        self.now() as i64
    }

    pub(crate) fn claims(&self, id: u64, account: &Account) -> Option<ReportedTimestamps> {
        match account.activity {
            Activity::Scheduled => schedule::claims(SEED, id, self.now_s()),
            Activity::AtTheDesk => Some(schedule::at_the_desk(0, self.now_s())),
            Activity::AwayFromTheDesk => Some(schedule::away_since(LONG_AWAY, self.now_s())),
            Activity::Left(ago) => Some(schedule::left(ago, self.now_s())),
            Activity::Reported(claims) => Some(claims),
            Activity::NeverSeen | Activity::NotPermitted => None,
        }
    }

    /// The presence object of this generation. In the organisation-wide reply the server does not
    /// say "offline".
    fn presence(&self, id: u64, claims: ReportedTimestamps, realm: bool) -> Value {
        let ReportedTimestamps { active, idle } = claims;
        let mut object = Map::new();
        if self.generation != 3 {
            let legacy = |active: Option<i64>, connected: i64| match active {
                Some(active) if active + LEGACY_ACTIVE_FOR >= connected => ("active", active),
                _ => ("idle", connected),
            };
            let mut clients = vec![("website", legacy(active, idle))];
            if self.generation == 1 {
                clients[0].0 = if id.is_multiple_of(3) { "ZulipElectron" } else { "website" };
                if id.is_multiple_of(4) {
                    // A phone in the pocket: newer than the desktop, and idle.
                    clients.push(("ZulipMobile", ("idle", idle)));
                }
            }
            let newest = if self.generation == 1 {
                clients.iter().copied().max_by_key(|(_, (_, at))| *at).unwrap_or(clients[0])
            } else {
                clients[0]
            };
            let entry = |client: &str, (status, at): (&str, i64), pushable: bool| {
                let mut entry = json!({"status": status, "timestamp": at});
                if realm {
                    entry["client"] = client.into();
                    if pushable {
                        entry["pushable"] = false.into();
                    }
                }
                entry
            };
            for (client, claim) in clients {
                object.insert(client.into(), entry(client, claim, true));
            }
            let (client, (status, at)) = newest;
            let status = if !realm && self.now_s() - at > self.offline_threshold_s {
                "offline"
            } else {
                status
            };
            object.insert("aggregated".into(), entry(client, (status, at), false));
        }
        if self.generation >= 3 {
            if let Some(active) = active {
                object.insert("active_timestamp".into(), active.into());
            }
            object.insert("idle_timestamp".into(), idle.into());
        }
        Value::Object(object)
    }
}

/// Handles every request: the fault, CORS as in Zulip's nginx, the key, and the headers of every
/// reply.
async fn answer_request(State(zulip): State<Simulator>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (fault, hold, authorised) = {
        let mut organisation = zulip.organisation();
        organisation.asked.push(path.trim_start_matches("/api/v1/").to_owned());
        let credentials = STANDARD.encode(format!("{EMAIL}:{}", organisation.key));
        let authorised = request
            .headers()
            .get(AUTHORIZATION)
            .is_some_and(|value| value == format!("Basic {credentials}").as_str());
        let concerned = |(at, _): &&(Option<&str>, Fault)| at.is_none_or(|at| path.ends_with(at));
        let fault = organisation.fault.as_ref().filter(concerned).map(|(_, fault)| fault.clone());
        let hold = organisation.holds.iter().position(|(at, _)| path.ends_with(at));
        (fault, hold.map(|at| organisation.holds.remove(at).1), authorised)
    };
    let open = path.ends_with("/server_settings") || !path.starts_with("/api/");
    let is_preflight = request.method() == Method::OPTIONS;
    let reply = async {
        if is_preflight {
            StatusCode::NO_CONTENT.into_response()
        } else if authorised || open {
            next.run(request).await
        } else {
            let body = json!({"result": "error", "msg": "Invalid API key", "code": "UNAUTHORIZED"});
            let mut response = error(StatusCode::UNAUTHORIZED, &body);
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"zulip\""));
            response
        }
    };
    let from_zulip = fault.is_none();
    let mut response = match fault {
        Some(fault) => fault.answer(reply).await,
        None => reply.await,
    };
    let headers = response.headers_mut();
    if from_zulip {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("Authorization"));
        headers.insert(
            ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static("GET, POST, DELETE, PUT, PATCH, HEAD"),
        );
        headers.insert(
            CACHE_CONTROL,
            HeaderValue::from_static("max-age=0, no-cache, no-store, must-revalidate, private"),
        );
        headers.insert(VARY, HeaderValue::from_static("Accept-Language"));
        headers.insert(HeaderName::from_static("x-ratelimit-limit"), RATE_LIMIT.into());
        headers.insert(HeaderName::from_static("x-ratelimit-remaining"), (RATE_LIMIT - 1).into());
        let now = SystemTime::now() + zulip.organisation().ahead;
        for name in [EXPIRES, axum::http::header::DATE] {
            if let Ok(date) = HeaderValue::from_str(&httpdate::fmt_http_date(now)) {
                headers.insert(name, date);
            }
        }
    }
    if let Some(released) = hold {
        // An error is what releases it: the sender was dropped.
        let _ = released.await;
    }
    response
}

pub(crate) fn error(status: StatusCode, body: &Value) -> Response {
    (status, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

pub(crate) fn success(mut body: Value) -> Response {
    body["result"] = "success".into();
    body["msg"] = "".into();
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

fn bad_request(msg: &str) -> Response {
    error(StatusCode::BAD_REQUEST, &json!({"result": "error", "msg": msg, "code": "BAD_REQUEST"}))
}

async fn single(State(zulip): State<Simulator>, Path(user): Path<String>) -> Response {
    let organisation = zulip.organisation();
    let asked = user.trim();
    let named = |(id, account): &(&u64, &Account)| {
        id.to_string() == asked || account.email.eq_ignore_ascii_case(asked)
    };
    let Some((id, account)) =
        organisation.accounts.iter().find(named).filter(|(_, account)| account.is_active)
    else {
        return bad_request("No such user");
    };
    if account.is_bot {
        return bad_request("Presence is not supported for bot users.");
    }
    if account.activity == Activity::NotPermitted {
        return bad_request("Insufficient permission");
    }
    let Some(claims) = organisation.claims(*id, account) else {
        return bad_request(&format!("No presence data for {user}"));
    };
    let mut body = json!({"presence": organisation.presence(*id, claims, false)});
    if organisation.generation >= 4 {
        body["server_timestamp"] = organisation.now().into();
    }
    success(body)
}

async fn status(State(zulip): State<Simulator>, Path(user): Path<String>) -> Response {
    let organisation = zulip.organisation();
    let account = user.parse().ok().and_then(|id: u64| organisation.accounts.get(&id));
    match account.filter(|account| account.is_active) {
        Some(account) => success(json!({"status": account.status})),
        None => bad_request("No such user"),
    }
}

async fn realm(State(zulip): State<Simulator>) -> Response {
    let organisation = zulip.organisation();
    let mut presences = Map::new();
    let has_presence = |(_, account): &(&u64, &Account)| {
        account.is_active && !account.is_bot && !organisation.is_presence_disabled
    };
    for (id, account) in organisation.accounts.iter().filter(has_presence) {
        if let Some(claims) = organisation
            .claims(*id, account)
            .filter(|claims| organisation.now_s() - claims.idle < REALM_WINDOW)
        {
            presences.insert(account.email.clone(), organisation.presence(*id, claims, true));
        }
    }
    success(json!({"presences": presences, "server_timestamp": organisation.now()}))
}

async fn users(State(zulip): State<Simulator>) -> Response {
    let organisation = zulip.organisation();
    let members: Vec<Value> = organisation
        .accounts
        .iter()
        .filter(|(_, account)| account.is_listed)
        .map(|(id, account)| account.row(*id))
        .collect();
    success(json!({ "members": members }))
}

async fn me(State(zulip): State<Simulator>) -> Response {
    let organisation = zulip.organisation();
    let found = organisation.accounts.iter().find(|(_, account)| account.email == EMAIL);
    found.map_or_else(|| bad_request("No such user"), |(id, account)| success(account.row(*id)))
}

async fn server_settings(State(zulip): State<Simulator>) -> Response {
    let (version, feature_level) = match zulip.organisation().generation {
        1 => ("6.2", 157),
        2 => ("11.0", 421),
        3 => ("12.0-dev", 490),
        _ => ("12.0", 500),
    };
    success(
        json!({"zulip_version": version, "zulip_feature_level": feature_level, "realm_name": "Brightwater"}),
    )
}

impl Account {
    fn row(&self, id: u64) -> Value {
        let mut row = json!({
            "user_id": id, "email": self.email, "full_name": self.full_name, "is_bot": self.is_bot, "is_active": self.is_active,
            "is_admin": false, "is_owner": false, "is_guest": false, "role": 400,
        });
        if self.is_bot {
            row["bot_type"] = 1.into();
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn dropped_server_closes_its_port_and_its_connections() {
        let zulip = Simulator::demo(4);
        let server = zulip.start().expect("a free port");
        let address = server.address();
        let mut stream = TcpStream::connect(address).expect("it listens");
        stream
            .write_all(b"GET /api/v1/server_settings HTTP/1.1\r\nHost: zulip\r\n\r\n")
            .expect("it reads");
        let mut begin = [0; 15];
        stream.read_exact(&mut begin).expect("it replies");
        assert_eq!(&begin, b"HTTP/1.1 200 OK");
        assert_eq!(zulip.asked(), ["server_settings"]);
        drop(server);
        assert!(TcpStream::connect(address).is_err());
        assert!(stream.read_to_end(&mut Vec::new()).is_ok_and(|length| length < 4096));
        let _again = zulip.start_at(address).expect("the address is free again");
        assert!(TcpStream::connect(address).is_ok());
    }
}
