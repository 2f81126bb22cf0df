//! Times and dates in words, by the browser's `Intl`.

use core::cell::OnceCell;

use js_sys::{Object, Reflect};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_core::Timestamp;

/// What is put into words.
#[derive(Clone, Copy)]
pub(crate) enum Time {
    /// So many units ago; `unit` as `Intl.RelativeTimeFormat` names it.
    Ago { count: u8, unit: &'static str },
    /// The day of this instant.
    Date(Timestamp),
}

/// Puts a time into words.
pub(crate) type TimeFormat = Box<dyn Fn(Time) -> String>;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Intl)]
    type RelativeTimeFormat;

    #[wasm_bindgen(catch, constructor, js_namespace = Intl)]
    fn new(lang: &str, options: &JsValue) -> Result<RelativeTimeFormat, JsValue>;

    #[wasm_bindgen(method)]
    fn format(this: &RelativeTimeFormat, value: f64, unit: &str) -> String;
}

struct Intl {
    lang: String,
    relative: Option<RelativeTimeFormat>,
}

/// Formats in `tag`, as the page writes it, unless that is no language tag; then in `lang`.
pub(super) fn time_format(tag: String, lang: &'static str) -> TimeFormat {
    // Made on first use: a browser takes longer for it than for a hundred badges.
    let intl = OnceCell::new();
    Box::new(move |time| {
        let Intl { lang, relative } = intl.get_or_init(|| Intl::new(&tag, lang));
        match time {
            Time::Ago { count, unit } => relative
                .as_ref()
                .map(|relative| relative.format(-f64::from(count), unit))
                .unwrap_or_default(),
            Time::Date(at) => {
                js_date(at).to_locale_date_string(lang, &options("dateStyle", "long")).into()
            }
        }
    })
}

impl Intl {
    fn new(tag: &str, lang: &str) -> Self {
        let relative = |lang: &str| RelativeTimeFormat::new(lang, &options("numeric", "auto")).ok();
        match Some(tag).filter(|tag| !tag.is_empty()).and_then(relative) {
            Some(format) => Self { lang: tag.to_owned(), relative: Some(format) },
            None => Self { lang: lang.to_owned(), relative: relative(lang) },
        }
    }
}

/// `{name: value}`.
fn options(name: &str, value: &str) -> JsValue {
    let options = Object::new();
    // An ordinary object takes any property.
    let _ = Reflect::set(&options, &name.into(), &value.into());
    options.into()
}

/// The reader's offset from UTC at an instant, in minutes (east is positive).
pub(crate) fn utc_offset(at: Timestamp) -> i32 {
    -(js_date(at).get_timezone_offset() as i32)
}

fn js_date(at: Timestamp) -> js_sys::Date {
    js_sys::Date::new(&JsValue::from_f64(at.as_ms() as f64))
}
