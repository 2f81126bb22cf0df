//! `POST /register` and `GET /events` as Zulip sends them (docs/zulip-wire.md §11).

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use zulip_presence_core::UserRef;

use crate::zulip::user_status::UserStatus;

/// What `POST /register` is sent: as little as possible, as its reply is large where an
/// organisation is. The capabilities are those that all servers require, and the newer form of
/// presence events.
/// With what people say of themselves where `with_statuses`: about 100 bytes for each who does.
pub(crate) fn register_form(with_statuses: bool) -> [(&'static str, &'static str); 5] {
    let (events, fetched) = if with_statuses {
        (r#"["presence","realm_user","realm","user_status"]"#, r#"["realm","user_status"]"#)
    } else {
        (r#"["presence","realm_user","realm"]"#, r#"["realm"]"#)
    };
    [
        ("event_types", events),
        ("fetch_event_types", fetched),
        ("slim_presence", "true"),
        ("include_subscribers", "false"),
        (
            "client_capabilities",
            r#"{"notification_settings_null":true,"bulk_message_deletion":true,"simplified_presence_events":true}"#,
        ),
    ]
}

/// How long Zulip may hold a request for events, where it does not say so.
const LONG_POLL: Duration = Duration::from_secs(90);
const MAX_LONG_POLL: Duration = Duration::from_secs(600);

/// A new queue, and the settings of the organisation.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Registered {
    /// Identifies the queue.
    pub(crate) queue_id: String,
    /// The event before the first.
    pub(crate) last_event_id: i64,
    /// How long Zulip may hold a request for events.
    pub(crate) long_poll: Duration,
    /// `server_presence_offline_threshold_seconds`.
    pub(crate) offline_threshold: Option<Duration>,
    /// `realm_presence_disabled`.
    pub(crate) presence_disabled: bool,
    /// What people say of themselves, by ID.
    pub(crate) statuses: HashMap<u64, UserStatus>,
}

/// What somebody says of themselves now.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct StatusUpdate {
    /// Who.
    pub(crate) user_id: u64,
    /// The fields that changed.
    pub(crate) fields: Value,
}

/// An event, as far as the gateway is concerned.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Event {
    /// Something happened to the presence of these. What, the next reply tells: the status in an
    /// event may be wrong, as its form and meaning differ between versions.
    Presence(Vec<UserRef>),
    /// Somebody was added, deactivated, or named anew.
    Directory,
    /// Somebody says something else of themselves.
    Status(StatusUpdate),
    /// The organisation switched presence off, or on.
    PresenceDisabled(bool),
}

/// The events of one reply.
#[derive(Clone, PartialEq, Debug, Default)]
pub(crate) struct Events {
    /// The greatest ID among them, also of those that do not matter.
    pub(crate) last_event_id: Option<i64>,
    /// Those that matter.
    pub(crate) events: Vec<Event>,
}

/// The body is not Zulip's.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct InvalidBody;

impl Event {
    /// Zulip's name of the type.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Presence(_) => "presence",
            Self::Directory => "realm_user",
            Self::Status(_) => "user_status",
            Self::PresenceDisabled(_) => "realm",
        }
    }
}

impl Registered {
    /// Parses the body of a successful `POST /register`.
    ///
    /// # Errors
    /// [`InvalidBody`] for any other body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidBody> {
        #[derive(Deserialize)]
        struct Body {
            result: String,
            queue_id: String,
            last_event_id: i64,
            #[serde(default)]
            event_queue_longpoll_timeout_seconds: Option<f64>,
            #[serde(default)]
            server_presence_offline_threshold_seconds: Option<f64>,
            #[serde(default)]
            realm_presence_disabled: Option<bool>,
            #[serde(default)]
            user_status: Value,
        }
        let body: Body = serde_json::from_slice(body).map_err(|_| InvalidBody)?;
        if body.result != "success" || body.queue_id.is_empty() {
            return Err(InvalidBody);
        }
        let seconds = |number: Option<f64>| {
            number
                .filter(|number| *number > 0.0)
                .and_then(|number| Duration::try_from_secs_f64(number).ok())
        };
        Ok(Self {
            queue_id: body.queue_id,
            last_event_id: body.last_event_id,
            long_poll: seconds(body.event_queue_longpoll_timeout_seconds)
                .unwrap_or(LONG_POLL)
                .min(MAX_LONG_POLL),
            offline_threshold: seconds(body.server_presence_offline_threshold_seconds),
            presence_disabled: body.realm_presence_disabled.unwrap_or(false),
            statuses: statuses(&body.user_status),
        })
    }
}

impl Events {
    /// Parses the body of a successful `GET /events`. Events of unknown types and forms are
    /// ignored.
    ///
    /// # Errors
    /// [`InvalidBody`] for any other body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidBody> {
        #[derive(Deserialize)]
        struct Body {
            result: String,
            events: Vec<Value>,
        }
        let body: Body = serde_json::from_slice(body).map_err(|_| InvalidBody)?;
        if body.result != "success" {
            return Err(InvalidBody);
        }
        Ok(Self {
            last_event_id: body.events.iter().filter_map(|event| event["id"].as_i64()).max(),
            events: body.events.iter().filter_map(event).collect(),
        })
    }
}

/// Whether the body of an error says that the queue is gone.
pub(crate) fn is_bad_queue(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body).is_ok_and(|body| body["code"] == "BAD_EVENT_QUEUE_ID")
}

fn statuses(by_id: &Value) -> HashMap<u64, UserStatus> {
    let by_id = by_id.as_object().into_iter().flatten();
    by_id
        .filter_map(|(id, fields)| Some((id.parse().ok()?, UserStatus::from(fields))))
        .filter(|(_, status)| !status.is_empty())
        .collect()
}

fn event(event: &Value) -> Option<Event> {
    match event["type"].as_str()? {
        "presence" => Some(Event::Presence(people(event))),
        "realm_user" => concerns_directory(event).then_some(Event::Directory),
        "user_status" => Some(Event::Status(StatusUpdate {
            user_id: event["user_id"].as_u64()?,
            fields: event.clone(),
        })),
        "realm" => {
            let setting = match event["op"].as_str()? {
                "update" if event["property"] == "presence_disabled" => &event["value"],
                "update_dict" => &event["data"]["presence_disabled"],
                _ => return None,
            };
            setting.as_bool().map(Event::PresenceDisabled)
        }
        _ => None,
    }
}

/// Whose presence a `presence` event is about: one `user_id` or `email`, or in the newer form
/// `presences` by ID.
fn people(event: &Value) -> Vec<UserRef> {
    let by_id = event["presences"].as_object().into_iter().flatten();
    let by_id = by_id.filter_map(|(id, _)| id.parse().ok());
    let one = event["user_id"].as_u64().map(UserRef::Id);
    let one = one.or_else(|| event["email"].as_str()?.parse().ok());
    by_id.chain(one).collect()
}

/// Whether the list of users changes, as far as presence goes. Most updates are of names and
/// pictures.
fn concerns_directory(event: &Value) -> bool {
    match event["op"].as_str() {
        Some("add" | "remove") => true,
        Some("update") => event["person"].as_object().is_some_and(|person| {
            ["new_email", "is_active", "is_bot"].iter().any(|field| person.contains_key(*field))
        }),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_read() {
        let registered = |body: &str| Registered::parse(body.as_bytes());
        let full = r#"{"result":"success","msg":"","queue_id":"1:0","last_event_id":-1,"zulip_feature_level":372,
            "server_presence_offline_threshold_seconds":140,"server_presence_ping_interval_seconds":60,
            "user_status":{"12":{"status_text":"Out","away":true},"x":{},"7":null},"realm_presence_disabled":true,"event_queue_longpoll_timeout_seconds":45,"ignored_parameters_unsupported":["x"]}"#;
        let expected = Registered {
            queue_id: "1:0".into(),
            last_event_id: -1,
            long_poll: Duration::from_secs(45),
            offline_threshold: Some(Duration::from_secs(140)),
            presence_disabled: true,
            statuses: HashMap::from([(
                12,
                UserStatus::from(&serde_json::json!({"status_text": "Out"})),
            )]),
        };
        assert_eq!(registered(full), Ok(expected));
        let least = r#"{"result":"success","queue_id":"fb67bf8a","last_event_id":7}"#;
        let expected = Registered {
            queue_id: "fb67bf8a".into(),
            last_event_id: 7,
            long_poll: Duration::from_secs(90),
            offline_threshold: None,
            presence_disabled: false,
            statuses: HashMap::new(),
        };
        assert_eq!(registered(least), Ok(expected.clone()));
        let absurd = r#"{"result":"success","queue_id":"fb67bf8a","last_event_id":7,
            "server_presence_offline_threshold_seconds":-1e300,"event_queue_longpoll_timeout_seconds":1e300}"#;
        assert_eq!(registered(absurd), Ok(expected));
        for invalid in [
            "",
            "<html></html>",
            "[]",
            r#"{"result":"success"}"#,
            r#"{"result":"success","queue_id":null,"last_event_id":-1}"#,
            r#"{"result":"success","queue_id":"","last_event_id":-1}"#,
            r#"{"result":"error","queue_id":"1:0","last_event_id":-1}"#,
        ] {
            assert_eq!(registered(invalid), Err(InvalidBody), "{invalid}");
        }
    }

    #[test]
    fn events_are_read() {
        let ids = |ids: &[u64]| Event::Presence(ids.iter().copied().map(UserRef::Id).collect());
        for (event, expected) in [
            (r#"{"type":"heartbeat","id":3}"#, None),
            (
                r#"{"type":"presence","user_id":10,"email":"a@example.com","server_timestamp":1.5,"id":3,"presence":{"website":{"client":"website","status":"active","timestamp":1,"pushable":false}}}"#,
                Some(ids(&[10])),
            ),
            (
                r#"{"type":"presence","email":"a@example.com","id":3}"#,
                Some(Event::Presence(vec!["a@example.com".parse().expect("an email")])),
            ),
            (
                r#"{"type":"presence","id":3,"presences":{"12":{"active_timestamp":1,"idle_timestamp":2},"17":{}}}"#,
                Some(ids(&[12, 17])),
            ),
            // Of an unknown form: something about somebody.
            (r#"{"type":"presence","id":3,"presences":[]}"#, Some(ids(&[]))),
            (
                r#"{"type":"realm_user","op":"add","person":{"user_id":1},"id":3}"#,
                Some(Event::Directory),
            ),
            (
                r#"{"type":"realm_user","op":"remove","person":{"user_id":1},"id":3}"#,
                Some(Event::Directory),
            ),
            (
                r#"{"type":"realm_user","op":"update","person":{"user_id":1,"new_email":"b@example.com"},"id":3}"#,
                Some(Event::Directory),
            ),
            (
                r#"{"type":"realm_user","op":"update","person":{"user_id":1,"is_active":false},"id":3}"#,
                Some(Event::Directory),
            ),
            (
                r#"{"type":"realm_user","op":"update","person":{"user_id":1,"full_name":"A"},"id":3}"#,
                None,
            ),
            (r#"{"type":"realm_user","op":"update","person":[],"id":3}"#, None),
            (
                r#"{"type":"realm","op":"update","property":"presence_disabled","value":true,"id":3}"#,
                Some(Event::PresenceDisabled(true)),
            ),
            (
                r#"{"type":"realm","op":"update_dict","property":"default","data":{"presence_disabled":false},"id":3}"#,
                Some(Event::PresenceDisabled(false)),
            ),
            (r#"{"type":"realm","op":"update","property":"name","value":true,"id":3}"#, None),
            (
                r#"{"type":"realm","op":"update","property":"presence_disabled","value":"x","id":3}"#,
                None,
            ),
            (
                r#"{"type":"user_status","user_id":7,"status_text":"Out","id":3}"#,
                Some(Event::Status(StatusUpdate {
                    user_id: 7,
                    fields: serde_json::json!({"type":"user_status","user_id":7,"status_text":"Out","id":3}),
                })),
            ),
            (r#"{"type":"user_status","user_id":"7","id":3}"#, None),
            (r#"{"type":"message","id":3}"#, None),
            (r#"{"type":7,"id":3}"#, None),
            (r#"{"id":3}"#, None),
        ] {
            let body =
                format!(r#"{{"result":"success","msg":"","queue_id":"1:0","events":[{event}]}}"#);
            let expected =
                Events { last_event_id: Some(3), events: expected.into_iter().collect() };
            assert_eq!(Events::parse(body.as_bytes()), Ok(expected), "{event}");
        }
        let several = r#"{"result":"success","events":[{"id":9,"type":"heartbeat"},7,null,{"id":4,"type":"presence","user_id":1},{"id":"x"}]}"#;
        let expected = Events { last_event_id: Some(9), events: vec![ids(&[1])] };
        assert_eq!(Events::parse(several.as_bytes()), Ok(expected));
        for invalid in
            ["", "null", "<html>", r#"{"result":"success"}"#, r#"{"result":"error","events":[]}"#]
        {
            assert_eq!(Events::parse(invalid.as_bytes()), Err(InvalidBody), "{invalid}");
        }
    }

    #[test]
    fn a_lost_queue_is_recognised() {
        let lost = r#"{"result":"error","msg":"Bad event queue ID: 1:0","code":"BAD_EVENT_QUEUE_ID","queue_id":"1:0"}"#;
        assert!(is_bad_queue(lost.as_bytes()));
        for other in ["", "<html>", r#"{"result":"error","code":"BAD_REQUEST"}"#] {
            assert!(!is_bad_queue(other.as_bytes()), "{other}");
        }
    }
}
