//! What badges say, in the language of the page: fixed words from a table, times and dates from the
//! browser.

use core::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_core::{LastActive, Status, Timestamp};

use crate::object::object;

/// The languages in `words.txt` besides English, by the names of their sections.
const LANGUAGES: [&str; 9] = ["ar", "de", "es", "fr", "ja", "pl", "pt-BR", "ru", "zh-CN"];
/// How the rest of a tag begins where Chinese is written in traditional characters, which `zh-CN`
/// is not.
const TRADITIONAL: [&str; 4] = ["tw", "hk", "mo", "hant"];

const ENGLISH: &str = "\
active = Active now
idle = Idle
offline = Offline
unknown = Status unknown
named-active = {}: active now
named-idle = {}: idle
named-offline = {}: offline
named-unknown = {}: status unknown
ago = Active {}
on = Active on {}
not-in-a-year = Not active in the last year
no-activity = Activity unknown";

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = Intl)]
    type RelativeTimeFormat;

    #[wasm_bindgen(catch, constructor, js_namespace = Intl)]
    fn new(language: &str, options: &JsValue) -> Result<RelativeTimeFormat, JsValue>;

    #[wasm_bindgen(method)]
    fn format(this: &RelativeTimeFormat, value: f64, unit: &str) -> String;
}

/// A section of the table: `None` while it is under way, empty where it cannot be had.
type Table = Option<Rc<str>>;

thread_local! {
    /// By the page's `lang`.
    static WORDS: RefCell<Vec<(String, Rc<Words>)>> = const { RefCell::new(Vec::new()) };
    /// The sections that were asked for.
    static TABLES: RefCell<Vec<(&'static str, Table)>> = const { RefCell::new(Vec::new()) };
    static FETCH: Cell<fn(&'static str)> = const { Cell::new(read_built_in) };
}

/// The words of one language.
pub(crate) struct Words {
    /// As the page calls it, region and all.
    tag: String,
    /// As we call it.
    language: &'static str,
    /// Lines of `key = phrase`.
    table: Rc<str>,
    /// What tells times, and its language. Made when it is needed: a browser takes longer for it
    /// than for a hundred badges.
    ago: OnceCell<Ago>,
}

struct Ago {
    language: String,
    format: Option<RelativeTimeFormat>,
}

/// The words for what the page calls `language`; English for all that the table lacks. `None` while
/// they are under way.
pub(crate) fn of(language: &str) -> Option<Rc<Words>> {
    let known = WORDS.with_borrow(|all| {
        all.iter().find(|(other, _)| other == language).map(|(_, words)| words.clone())
    });
    known.or_else(|| {
        let words = Rc::new(Words::new(language)?);
        WORDS.with_borrow_mut(|all| all.push((language.to_owned(), words.clone())));
        Some(words)
    })
}

/// Has `fetch` bring the sections of the table, which it hands to [`learn`], in place of those that
/// are built in.
pub fn fetch_by(fetch: fn(&'static str)) {
    FETCH.set(fetch);
}

/// Takes a section of the table. An empty one, as where it could not be had, leaves English.
pub fn learn(language: &str, table: &str) {
    TABLES.with_borrow_mut(|tables| {
        if let Some((_, place)) = tables.iter_mut().find(|(other, _)| *other == language) {
            *place = Some(table.into());
        }
    });
}

#[cfg(feature = "yew")]
fn read_built_in(language: &'static str) {
    let table = include_str!("words.txt");
    let begin = ["[", language, "]\n"].concat();
    let rest = table.split_once(&begin).map_or("", |(_, rest)| rest);
    learn(language, rest.split_once("\n[").map_or(rest, |(section, _)| section));
}

#[cfg(not(feature = "yew"))]
fn read_built_in(language: &'static str) {
    learn(language, "");
}

fn table(language: &'static str) -> Table {
    let asked = || {
        TABLES.with_borrow(|tables| {
            tables.iter().find(|(other, _)| *other == language).map(|(_, table)| table.clone())
        })
    };
    asked().unwrap_or_else(|| {
        TABLES.with_borrow_mut(|tables| tables.push((language, None)));
        FETCH.get()(language);
        asked().flatten()
    })
}

/// The section of the table for `tag`, a language tag as pages write it.
fn section(tag: &str) -> Option<&'static str> {
    let tag = tag.to_ascii_lowercase();
    let mut parts = tag.split(['-', '_']);
    let language = parts.next()?;
    let found =
        LANGUAGES.into_iter().find(|section| section.split('-').next() == Some(language))?;
    (language != "zh" || !parts.any(|part| TRADITIONAL.contains(&part))).then_some(found)
}

impl Words {
    fn new(tag: &str) -> Option<Self> {
        let section = section(tag);
        let table = section.map_or(Some("".into()), table)?;
        let language = section.filter(|_| !table.is_empty()).unwrap_or("en");
        Some(Self { tag: tag.to_owned(), language, table, ago: OnceCell::new() })
    }

    /// What to call the language in which all is said, if it is not the page's. Of a page that
    /// names none nothing is known.
    pub(crate) fn other_language(&self) -> Option<&str> {
        let is_english =
            || self.tag.get(..2).is_some_and(|language| language.eq_ignore_ascii_case("en"));
        let is_the_pages = !self.table.is_empty() || self.tag.is_empty() || is_english();
        (!is_the_pages).then_some(self.language)
    }

    /// "Active now", "Idle", "Offline" or "Status unknown".
    pub(crate) fn status(&self, status: Status) -> &str {
        self.phrase(status.as_str())
    }

    /// "Ada Lovelace: active now", or "Active now" for nobody in particular.
    pub(crate) fn accessible_name(&self, name: &str, status: Status) -> String {
        match name.trim_ascii() {
            "" => self.status(status).to_owned(),
            name => self.fill(&["named-", status.as_str()].concat(), name),
        }
    }

    /// When somebody was last active.
    pub(crate) fn last_active(&self, last_active: LastActive) -> String {
        match last_active {
            LastActive::Now => self.status(Status::Active).to_owned(),
            LastActive::Idle => self.status(Status::Idle).to_owned(),
            LastActive::Minutes(minutes) => self.ago(minutes, "minute"),
            LastActive::Hours(hours) => self.ago(hours, "hour"),
            LastActive::Yesterday => self.ago(1, "day"),
            LastActive::Days(days) => self.ago(days, "day"),
            LastActive::Date(at) => {
                let options = object(&[("dateStyle", &"long".into())]);
                self.fill(
                    "on",
                    &String::from(
                        js_date(at).to_locale_date_string(&self.times().language, &options),
                    ),
                )
            }
            LastActive::NotInTheLastYear => self.phrase("not-in-a-year").to_owned(),
            LastActive::Unknown => self.phrase("no-activity").to_owned(),
        }
    }

    fn ago(&self, count: u8, unit: &str) -> String {
        let ago = self.times().format.as_ref().map(|format| format.format(-f64::from(count), unit));
        self.fill("ago", &ago.unwrap_or_default())
    }

    fn times(&self) -> &Ago {
        self.ago.get_or_init(|| {
            let options = object(&[("numeric", &"auto".into())]);
            // As the page writes it, unless that is no tag, or all is said in another language.
            let language =
                if self.other_language().is_none() { self.tag.as_str() } else { self.language };
            let as_written = Some(language).filter(|language| !language.is_empty());
            match as_written.and_then(|language| RelativeTimeFormat::new(language, &options).ok()) {
                Some(format) => Ago { language: language.to_owned(), format: Some(format) },
                None => Ago {
                    language: self.language.to_owned(),
                    format: RelativeTimeFormat::new(self.language, &options).ok(),
                },
            }
        })
    }

    fn fill(&self, key: &str, value: &str) -> String {
        let phrase = self.phrase(key);
        let (before, after) = phrase.split_once("{}").unwrap_or((phrase, ""));
        [before, value, after].concat()
    }

    fn phrase(&self, key: &str) -> &str {
        find(&self.table, key).or_else(|| find(ENGLISH, key)).unwrap_or_default()
    }
}

fn find<'t>(table: &'t str, key: &str) -> Option<&'t str> {
    table.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
}

/// The reader's offset from UTC at an instant, in minutes (east is positive).
pub(crate) fn utc_offset(at: Timestamp) -> i32 {
    -(js_date(at).get_timezone_offset() as i32)
}

fn js_date(at: Timestamp) -> js_sys::Date {
    js_sys::Date::new(&JsValue::from_f64(at.as_ms() as f64))
}

#[cfg(all(test, target_arch = "wasm32"))]
mod tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    fn every_language_says_all_that_english_says() {
        let written = include_str!("words.txt").lines().filter(|line| line.starts_with('['));
        assert!(written.eq(LANGUAGES.iter().map(|language| ["[", language, "]"].concat())));
        for language in LANGUAGES {
            let words = of(language).expect("built in");
            assert_eq!((words.language, words.other_language()), (language, None));
            let keys: Vec<_> =
                words.table.lines().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
            assert!(
                keys.iter()
                    .copied()
                    .eq(ENGLISH.lines().filter_map(|line| Some(line.split_once(" = ")?.0))),
                "{language}: {keys:?}"
            );
            for key in keys {
                let places = |table: &str| find(table, key).expect("there").matches("{}").count();
                assert_eq!(places(&words.table), places(ENGLISH), "{language}: {key}");
            }
        }
    }

    #[wasm_bindgen_test]
    fn dates_are_the_languages() {
        // Noon of 2026-05-03, UTC.
        let at = LastActive::Date(Timestamp::from_ms(1_777_809_600_000));
        for (language, expected) in [
            ("en", "Active on May 3, 2026"),
            ("en-GB", "Active on 3 May 2026"),
            ("de", "Zuletzt aktiv am 3. Mai 2026"),
            ("fr", "Dernière activité le 3 mai 2026"),
            ("pt-BR", "Última atividade em 3 de maio de 2026"),
            ("zh-CN", "2026年5月3日活跃"),
        ] {
            assert_eq!(of(language).expect("built in").last_active(at), expected);
        }
        assert_eq!(
            of("de").expect("built in").last_active(LastActive::Yesterday),
            "Zuletzt aktiv gestern"
        );
        assert_eq!(
            of("en").expect("built in").last_active(LastActive::Hours(1)),
            "Active 1 hour ago"
        );
    }

    #[wasm_bindgen_test]
    fn names_are_taken_as_they_are() {
        let english = of("en").expect("built in");
        assert_eq!(english.accessible_name("", Status::Idle), "Idle");
        assert_eq!(english.accessible_name(" {} & <b> ", Status::Active), "{} & <b>: active now");
    }
}
