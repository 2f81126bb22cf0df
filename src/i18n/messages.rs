//! The messages of one language.

use std::rc::Rc;

use zulip_presence_core::{LastActive, Status};

use super::time_format::{Locale, Time, TimeFormat};

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
no-activity = Activity unknown
message = Message on Zulip";

/// The texts of badges in one language; English for those that its catalog lacks.
pub(crate) struct Messages {
    /// Lines of `key = message`. `None` while it is being loaded, empty if there is none.
    catalog: Option<Rc<str>>,
    /// The language of the messages, if it is not the requested one.
    fallback_lang: Option<&'static str>,
    locale: Locale,
    format_time: TimeFormat,
}

impl Messages {
    pub(super) fn new(
        catalog: Option<Rc<str>>,
        fallback_lang: Option<&'static str>,
        locale: Locale,
        format_time: TimeFormat,
    ) -> Self {
        Self { catalog, fallback_lang, locale, format_time }
    }

    /// Whether the catalog is being loaded: until then the messages are English.
    pub(crate) fn is_pending(&self) -> bool {
        self.catalog.is_none()
    }

    /// The language of the messages, if it is not the requested one.
    pub(crate) fn fallback_lang(&self) -> Option<&'static str> {
        self.fallback_lang
    }

    /// "Active now", "Idle", "Offline" or "Status unknown".
    pub(crate) fn status(&self, status: Status) -> &str {
        self.message(status.as_str())
    }

    /// "Ada Lovelace: active now", or "Active now" if no name is given.
    pub(crate) fn accessible_name(&self, name: &str, status: Status) -> String {
        match name.trim_ascii() {
            "" => self.status(status).to_owned(),
            name => self.format(&["named-", status.as_str()].concat(), name),
        }
    }

    /// "Message on Zulip".
    pub(crate) fn message_link(&self) -> &str {
        self.message("message")
    }

    /// "Active 5 minutes ago".
    pub(crate) fn last_active(&self, last_active: LastActive) -> String {
        match last_active {
            LastActive::Now => self.status(Status::Active).to_owned(),
            LastActive::Idle => self.status(Status::Idle).to_owned(),
            LastActive::Minutes(minutes) => self.ago(minutes, "minute"),
            LastActive::Hours(hours) => self.ago(hours, "hour"),
            LastActive::Yesterday => self.ago(1, "day"),
            LastActive::Days(days) => self.ago(days, "day"),
            LastActive::Date(at) => self.format("on", &self.time(Time::Date(at))),
            LastActive::NotInTheLastYear => self.message("not-in-a-year").to_owned(),
            LastActive::Unknown => self.message("no-activity").to_owned(),
        }
    }

    fn ago(&self, count: u8, unit: &'static str) -> String {
        self.format("ago", &self.time(Time::Ago { count, unit }))
    }

    fn time(&self, time: Time) -> String {
        (self.format_time)(&self.locale, time)
    }

    /// The message of `key` with `value` in its placeholder.
    fn format(&self, key: &str, value: &str) -> String {
        let message = self.message(key);
        // Not by "{}": searching for more than a character costs half a kilobyte over the wire.
        let (before, after) = message.split_once('{').unwrap_or((message, ""));
        [before, value, after.strip_prefix('}').unwrap_or_default()].concat()
    }

    fn message(&self, key: &str) -> &str {
        let catalog = self.catalog.as_deref().unwrap_or_default();
        find(catalog, key).or_else(|| find(ENGLISH, key)).unwrap_or_default()
    }
}

fn find<'c>(catalog: &'c str, key: &str) -> Option<&'c str> {
    catalog.split('\n').find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// The messages of `catalog`, else in English; times as numbers and units.
    pub(crate) fn messages(catalog: &str) -> Messages {
        let format_time = |_: &Locale, time: Time| match time {
            Time::Ago { count, unit } => format!("{count} {unit}(s) ago"),
            Time::Date(at) => format!("day {}", at.as_ms() / 86_400_000),
        };
        let locale = Locale { tag: String::new(), fallback: "en" };
        Messages::new(Some(catalog.into()), None, locale, format_time)
    }

    /// Messages of a language whose catalog is being loaded.
    pub(crate) fn pending() -> Messages {
        let locale = Locale { tag: String::new(), fallback: "en" };
        Messages::new(None, Some("en"), locale, |_, _| String::new())
    }

    #[test]
    fn every_catalog_has_every_key_of_english_with_the_same_placeholders() {
        for lang in super::super::LANGUAGES {
            let catalog = super::super::built_in_catalog(lang);
            let keys = |catalog: &str| -> Vec<String> {
                catalog
                    .lines()
                    .filter_map(|line| Some(line.split_once(" = ")?.0.to_owned()))
                    .collect()
            };
            assert_eq!(keys(catalog), keys(ENGLISH), "{lang}");
            for key in keys(catalog) {
                let places =
                    |catalog: &str| find(catalog, &key).expect("listed").matches("{}").count();
                assert_eq!(places(catalog), places(ENGLISH), "{lang}: {key}");
            }
        }
    }

    #[test]
    fn a_name_is_used_as_it_is() {
        let english = messages("");
        assert_eq!(english.accessible_name("", Status::Idle), "Idle");
        assert_eq!(english.accessible_name(" {} & <b> ", Status::Active), "{} & <b>: active now");
    }

    #[test]
    fn a_missing_key_is_english() {
        let partial = messages("idle = Inaktiv");
        assert_eq!(partial.status(Status::Idle), "Inaktiv");
        assert_eq!(partial.status(Status::Offline), "Offline");
        assert_eq!(partial.last_active(LastActive::Minutes(5)), "Active 5 minute(s) ago");
    }
}
