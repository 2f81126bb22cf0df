//! Times and dates in words, by the browser's `Intl`.

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_core::Timestamp;

/// A time to format.
#[derive(Clone, Copy)]
pub(crate) enum Time {
    /// `count` units ago; `unit` as `Intl.RelativeTimeFormat` names it.
    Ago { count: u8, unit: &'static str },
    /// The day of this instant.
    Date(Timestamp),
}

/// The language of formatted times.
pub(crate) struct Locale {
    /// As the page writes it.
    pub(super) tag: String,
    /// Used if `tag` is not a valid language tag.
    pub(super) fallback: &'static str,
}

/// Formats a time.
pub(crate) type TimeFormat = fn(&Locale, Time) -> String;

#[wasm_bindgen(module = "/src/i18n/browser.js")]
extern "C" {
    #[wasm_bindgen(js_name = formatAgo)]
    fn format_ago(tag: &str, lang: &str, count: u8, unit: &str) -> String;

    #[wasm_bindgen(js_name = formatDate)]
    fn format_date(tag: &str, lang: &str, ms: f64) -> String;
}

/// Formats with the browser's `Intl`.
pub(super) fn format_time(Locale { tag, fallback }: &Locale, time: Time) -> String {
    match time {
        Time::Ago { count, unit } => format_ago(tag, fallback, count, unit),
        Time::Date(at) => format_date(tag, fallback, at.as_ms() as f64),
    }
}

/// The reader's offset from UTC at an instant, in minutes (east is positive).
pub(crate) fn utc_offset(at: Timestamp) -> i32 {
    let date = js_sys::Date::new(&JsValue::from_f64(at.as_ms() as f64));
    -(date.get_timezone_offset() as i32)
}
