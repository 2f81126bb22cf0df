//! The texts of badges, in the language around each badge: fixed messages from a catalog, times and
//! dates from the browser.

mod messages;
mod time_format;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use slab::Slab;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use web_sys::Element;

pub(crate) use self::messages::Messages;
#[cfg(test)]
pub(crate) use self::messages::tests;
pub(crate) use self::time_format::utc_offset;
use self::time_format::{Locale, format_time};

/// The languages of `catalogs.txt`, by the names of their sections. English is built in.
const LANGUAGES: [&str; 9] = ["ar", "de", "es", "fr", "ja", "pl", "pt-BR", "ru", "zh-CN"];
/// Subtags of Chinese in traditional characters, for which `zh-CN` is not used.
const TRADITIONAL: [&str; 4] = ["tw", "hk", "mo", "hant"];

#[wasm_bindgen(module = "/src/i18n/browser.js")]
extern "C" {
    /// The nearest `lang` of an element or its ancestors, also outside of its shadow roots; empty
    /// if there is none.
    #[wasm_bindgen(js_name = langOf)]
    pub(crate) fn lang_of(element: &Element) -> String;

    #[wasm_bindgen(js_name = observeLang)]
    fn observe_lang(callback: &Closure<dyn Fn()>);

    #[wasm_bindgen(js_name = unobserveLang)]
    fn unobserve_lang(callback: &Closure<dyn Fn()>);
}

/// `None` while it is being loaded; empty if there is none.
type Catalog = Option<Rc<str>>;

thread_local! {
    /// The catalogs that were requested.
    static CATALOGS: RefCell<Vec<(&'static str, Catalog)>> = const { RefCell::new(Vec::new()) };
    static LOADER: Cell<fn(&'static str)> = const { Cell::new(load_nothing) };
    static LISTENERS: RefCell<Slab<Rc<dyn Fn()>>> = const { RefCell::new(Slab::new()) };
    /// The messages last asked for, and their tag: mostly a page has one language.
    static LAST: RefCell<Option<(String, Rc<Messages>)>> = const { RefCell::new(None) };
}

/// The messages for the page's language `tag`; English while they are being loaded, and if there
/// are none.
pub(crate) fn messages(tag: &str) -> Rc<Messages> {
    let last = LAST.with_borrow(|last| {
        last.as_ref().filter(|(of, _)| of == tag).map(|(_, messages)| messages.clone())
    });
    last.unwrap_or_else(|| {
        let messages = Rc::new(compose(tag));
        LAST.set(Some((tag.to_owned(), messages.clone())));
        messages
    })
}

fn compose(tag: &str) -> Messages {
    let locale = match_locale(tag);
    let catalog = locale.map_or(Some("".into()), catalog);
    let is_loaded = catalog.as_ref().is_some_and(|catalog| !catalog.is_empty());
    let lang = locale.filter(|_| is_loaded).unwrap_or("en");
    // Without a `lang`, the language of the page is not known.
    let is_as_asked = is_loaded || tag.is_empty() || starts_with_english(tag);
    // Times are in the language of the messages around them.
    let time_tag = if is_as_asked { tag } else { lang };
    Messages::new(
        catalog,
        (!is_as_asked).then_some(lang),
        Locale { tag: time_tag.to_owned(), fallback: lang },
        format_time,
    )
}

fn starts_with_english(tag: &str) -> bool {
    tag.get(..2).is_some_and(|lang| lang.eq_ignore_ascii_case("en"))
}

/// Sets the loader of catalogs. It is called once for each language that is needed, and passes the
/// catalog to [`insert_catalog`].
pub fn set_loader(loader: fn(&'static str)) {
    LOADER.set(loader);
}

fn load_nothing(lang: &'static str) {
    insert_catalog(lang, "");
}

/// Loads catalogs that are compiled in.
pub(crate) fn load_built_in(lang: &'static str) {
    insert_catalog(lang, built_in_catalog(lang));
}

fn built_in_catalog(lang: &str) -> &'static str {
    let catalogs = include_str!("catalogs.txt");
    let begin = ["[", lang, "]\n"].concat();
    let rest = catalogs.split_once(&begin).map_or("", |(_, rest)| rest);
    rest.split_once("\n[").map_or(rest, |(catalog, _)| catalog)
}

/// Stores a catalog; empty if it could not be loaded: the texts then stay English.
pub fn insert_catalog(lang: &str, catalog: &str) {
    CATALOGS.with_borrow_mut(|catalogs| {
        if let Some((_, place)) = catalogs.iter_mut().find(|(other, _)| *other == lang) {
            *place = Some(catalog.into());
        }
    });
    LAST.set(None);
    let listeners: Vec<_> = LISTENERS
        .with_borrow(|listeners| listeners.iter().map(|(_, callback)| callback.clone()).collect());
    for listener in listeners {
        listener();
    }
}

fn catalog(lang: &'static str) -> Catalog {
    let loaded = || {
        CATALOGS.with_borrow(|catalogs| {
            catalogs.iter().find(|(other, _)| *other == lang).map(|(_, catalog)| catalog.clone())
        })
    };
    loaded().unwrap_or_else(|| {
        CATALOGS.with_borrow_mut(|catalogs| catalogs.push((lang, None)));
        LOADER.get()(lang);
        loaded().flatten()
    })
}

/// The catalog for `tag`, a language tag as pages write it.
fn match_locale(tag: &str) -> Option<&'static str> {
    let tag: String =
        tag.chars().map(|c| if c == '_' { '-' } else { c.to_ascii_lowercase() }).collect();
    let mut parts = tag.split('-');
    let lang = parts.next()?;
    let found = LANGUAGES.into_iter().find(|locale| locale.split('-').next() == Some(lang))?;
    (lang != "zh" || !parts.any(|part| TRADITIONAL.contains(&part))).then_some(found)
}

/// A registration by [`on_catalog`], until dropped.
pub(crate) struct CatalogListener(usize);

/// Calls `callback` whenever a catalog was loaded.
pub(crate) fn on_catalog(callback: impl Fn() + 'static) -> CatalogListener {
    CatalogListener(LISTENERS.with_borrow_mut(|listeners| listeners.insert(Rc::new(callback))))
}

impl Drop for CatalogListener {
    fn drop(&mut self) {
        LISTENERS.with_borrow_mut(|listeners| listeners.try_remove(self.0));
    }
}

/// Observes the `lang` attributes of the page until dropped.
pub(crate) struct LangObserver(Closure<dyn Fn()>);

impl LangObserver {
    /// Calls `callback` whenever the page changes a `lang`.
    pub(crate) fn new(callback: impl Fn() + 'static) -> Self {
        let callback = Closure::new(callback);
        observe_lang(&callback);
        Self(callback)
    }
}

impl Drop for LangObserver {
    fn drop(&mut self) {
        unobserve_lang(&self.0);
    }
}

#[cfg(test)]
mod unit_tests {
    use super::*;

    #[test]
    fn tags_match_the_catalog_of_their_language() {
        for (tag, expected) in [
            ("de", Some("de")),
            ("DE-at", Some("de")),
            ("de_DE", Some("de")),
            ("pt", Some("pt-BR")),
            ("zh", Some("zh-CN")),
            ("zh-Hans-SG", Some("zh-CN")),
            ("zh-TW", None),
            ("zh-Hant-HK", None),
            ("en-GB", None),
            ("it", None),
            ("not a language", None),
            ("", None),
        ] {
            assert_eq!(match_locale(tag), expected, "{tag}");
        }
    }

    #[test]
    fn catalogs_txt_has_a_section_for_each_language() {
        let sections = include_str!("catalogs.txt").lines().filter(|line| line.starts_with('['));
        assert!(sections.eq(LANGUAGES.iter().map(|lang| ["[", lang, "]"].concat())));
    }
}

#[cfg(all(test, target_arch = "wasm32"))]
mod browser_tests {
    use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};
    use zulip_presence_core::{LastActive, Timestamp};

    use super::*;

    wasm_bindgen_test_configure!(run_in_browser);

    #[wasm_bindgen_test]
    fn dates_and_times_are_in_the_language_of_the_page() {
        set_loader(load_built_in);
        // Noon of 2026-05-03, UTC.
        let at = LastActive::Date(Timestamp::from_ms(1_777_809_600_000));
        for (lang, expected) in [
            ("en", "Active on May 3, 2026"),
            ("en-GB", "Active on 3 May 2026"),
            ("de", "Zuletzt aktiv am 3. Mai 2026"),
            ("fr", "Dernière activité le 3 mai 2026"),
            ("pt-BR", "Última atividade em 3 de maio de 2026"),
            ("zh-CN", "2026年5月3日活跃"),
        ] {
            assert_eq!(messages(lang).last_active(at), expected);
        }
        assert_eq!(messages("de").last_active(LastActive::Yesterday), "Zuletzt aktiv gestern");
        assert_eq!(messages("en").last_active(LastActive::Hours(1)), "Active 1 hour ago");
    }
}
