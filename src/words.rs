//! What badges say. English, for now.

use wasm_bindgen::JsValue;
use zulip_presence_core::{LastActive, Status, Timestamp};

use crate::object::object;

/// The accessible name: "Ada Lovelace: active now", or "Active now" for nobody in particular.
pub(crate) fn accessible_name(name: &str, status: Status) -> String {
    match name.trim_ascii() {
        "" => status_text(status).to_owned(),
        name => [name, ": ", status_word(status)].concat(),
    }
}

fn status_word(status: Status) -> &'static str {
    match status {
        Status::Active => "active now",
        Status::Idle => "idle",
        Status::Offline => "offline",
        Status::Unknown => "status unknown",
    }
}

/// The text of `label="status"`.
pub(crate) fn status_text(status: Status) -> &'static str {
    match status {
        Status::Active => "Active now",
        Status::Idle => "Idle",
        Status::Offline => "Offline",
        Status::Unknown => "Status unknown",
    }
}

/// The text of `label="last-active"`.
pub(crate) fn last_active_text(last_active: LastActive) -> String {
    match last_active {
        LastActive::Now => "Active now".to_owned(),
        LastActive::Idle => "Idle".to_owned(),
        LastActive::Minutes(1) => "Active a minute ago".to_owned(),
        LastActive::Minutes(minutes) => ago(minutes, " minutes ago"),
        LastActive::Hours(1) => "Active an hour ago".to_owned(),
        LastActive::Hours(hours) => ago(hours, " hours ago"),
        LastActive::Yesterday => "Active yesterday".to_owned(),
        LastActive::Days(days) => ago(days, " days ago"),
        LastActive::Date(at) => ["Active on ", &date(at)].concat(),
        LastActive::NotInTheLastYear => "Not active in the last year".to_owned(),
        LastActive::Unknown => "Activity unknown".to_owned(),
    }
}

fn ago(count: u8, unit: &str) -> String {
    ["Active ", &count.to_string(), unit].concat()
}

fn date(at: Timestamp) -> String {
    js_date(at).to_locale_date_string("en", &object(&[("dateStyle", &"long".into())])).into()
}

/// The reader's offset from UTC at an instant, in minutes (east is positive).
pub(crate) fn utc_offset(at: Timestamp) -> i32 {
    -(js_date(at).get_timezone_offset() as i32)
}

fn js_date(at: Timestamp) -> js_sys::Date {
    js_sys::Date::new(&JsValue::from_f64(at.as_ms() as f64))
}
