//! What a badge shows: a pure value of a person's presence, the catalog's messages and props.

use yew::AttrValue;
use zulip_presence_core::watchlist::View;
use zulip_presence_core::{LastActive, Status};

use super::label::Label;
use crate::i18n::Messages;

/// The options that the page author chose.
pub(super) struct Options<'a> {
    pub(super) name: &'a str,
    pub(super) label: Label,
    pub(super) details: bool,
    /// The URL of a message to the person in Zulip.
    pub(super) message_url: Option<String>,
}

/// Everything that a badge shows or exposes to screen readers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Appearance {
    pub(super) status: Status,
    /// "Ada Lovelace: active now".
    pub(super) accessible_name: AttrValue,
    pub(super) label: Option<LabelText>,
    pub(super) details: Option<DetailsText>,
    /// The language of all texts, if it differs from the language around the badge.
    pub(super) lang: Option<AttrValue>,
}

/// The text beside the badge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct LabelText {
    pub(super) text: AttrValue,
    /// Hidden from screen readers, which read the accessible name.
    pub(super) is_hidden: bool,
    /// In the person's own words, in a language that is not known.
    pub(super) is_message: bool,
}

/// The text of the popover.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DetailsText {
    pub(super) status: AttrValue,
    /// Empty if it would repeat the status.
    pub(super) last_active: AttrValue,
    /// What the person says of themselves; empty if nothing.
    pub(super) message: AttrValue,
    pub(super) link: Option<Link>,
}

/// A link to a message to the person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Link {
    pub(super) url: AttrValue,
    pub(super) text: AttrValue,
}

impl Appearance {
    /// `last_active` is `None` until there is a result, and if no text needs it.
    pub(super) fn new(
        options: &Options<'_>,
        view: &View,
        last_active: Option<LastActive>,
        messages: &Messages,
    ) -> Self {
        let (status, message) = (view.status, view.message.as_deref());
        let status_text = messages.status(status);
        // Labels are empty until there is a result, because "unknown" is a result too.
        let last_active = last_active
            .filter(|_| !messages.is_pending())
            .map(|last_active| messages.last_active(last_active));
        let last_active = last_active.as_deref();
        let status_label = || (last_active.map(|_| status_text), true);
        let own_message = message.filter(|_| options.label == Label::Message);
        let label = match options.label {
            Label::None => None,
            Label::LastActive => Some((last_active, last_active.is_none())),
            Label::Status | Label::Message => {
                Some(own_message.map_or_else(status_label, |message| (Some(message), false)))
            }
        };
        let details = options.details.then(|| DetailsText {
            status: text(status_text),
            last_active: text(last_active.filter(|text| *text != status_text).unwrap_or_default()),
            message: text(message.unwrap_or_default()),
            link: options
                .message_url
                .as_deref()
                .map(|url| Link { url: text(url), text: text(messages.message_link()) }),
        });
        Self {
            status,
            accessible_name: text(&messages.accessible_name(options.name, status)),
            label: label.map(|(label, is_hidden)| LabelText {
                text: text(label.unwrap_or_default()),
                is_hidden,
                is_message: own_message.is_some(),
            }),
            details,
            lang: messages.fallback_lang().map(text),
        }
    }
}

fn text(text: &str) -> AttrValue {
    AttrValue::Rc(text.into())
}

#[cfg(test)]
mod unit_tests {
    use super::*;
    use crate::i18n::tests::{messages, pending};

    const NAME: &str = "Ada";

    fn appearance(
        label: Label,
        details: bool,
        status: Status,
        last_active: Option<LastActive>,
    ) -> Appearance {
        let options = Options { name: NAME, label, details, message_url: None };
        Appearance::new(&options, &View { status, ..View::default() }, last_active, &messages(""))
    }

    #[test]
    fn labels_say_what_the_option_asks_for() {
        use LastActive::{Minutes, NotInTheLastYear, Now, Unknown};
        for (label, status, last_active, text, is_hidden) in [
            (Label::Status, Status::Active, Some(Now), "Active now", true),
            (Label::Status, Status::Idle, Some(Minutes(5)), "Idle", true),
            (Label::Status, Status::Unknown, Some(Unknown), "Status unknown", true),
            (Label::LastActive, Status::Active, Some(Now), "Active now", false),
            (Label::LastActive, Status::Idle, Some(Minutes(5)), "Active 5 minute(s) ago", false),
            (
                Label::LastActive,
                Status::Offline,
                Some(NotInTheLastYear),
                "Not active in the last year",
                false,
            ),
            (Label::LastActive, Status::Unknown, Some(Unknown), "Activity unknown", false),
            (Label::Message, Status::Idle, Some(Minutes(5)), "Idle", true),
            // Before there is a result.
            (Label::Status, Status::Unknown, None, "", true),
            (Label::LastActive, Status::Unknown, None, "", true),
        ] {
            let shown = appearance(label, false, status, last_active).label;
            let expected = LabelText { text: text.into(), is_hidden, is_message: false };
            assert_eq!(shown, Some(expected), "{label:?} {status} {last_active:?}");
        }
        assert_eq!(appearance(Label::None, false, Status::Active, None).label, None);
    }

    #[test]
    fn details_do_not_say_the_status_twice() {
        for (status, last_active, text) in [
            (Status::Active, LastActive::Now, ""),
            (Status::Idle, LastActive::Idle, ""),
            (Status::Idle, LastActive::Minutes(5), "Active 5 minute(s) ago"),
            (Status::Offline, LastActive::Hours(3), "Active 3 hour(s) ago"),
        ] {
            let details = appearance(Label::None, true, status, Some(last_active)).details;
            assert_eq!(details.expect("wanted").last_active, text, "{status} {last_active:?}");
        }
        assert_eq!(appearance(Label::None, false, Status::Active, None).details, None);
    }

    #[test]
    fn a_message_is_shown_in_the_persons_own_words() {
        let says = |message: &str| View {
            status: Status::Idle,
            message: Some(message.into()),
            ..View::default()
        };
        for (label, text, is_message) in [
            (Label::Message, "🏖 On holiday", true),
            (Label::Status, "Idle", false),
            (Label::LastActive, "Idle", false),
        ] {
            let options = Options { name: NAME, label, details: true, message_url: None };
            let view = says("🏖 On holiday");
            let shown = Appearance::new(&options, &view, Some(LastActive::Idle), &messages(""));
            assert_eq!(&*shown.accessible_name, "Ada: idle");
            assert_eq!(shown.details.expect("wanted").message, "🏖 On holiday");
            let shown = shown.label.expect("wanted");
            let is_read = is_message || label == Label::LastActive;
            let expected = LabelText { text: text.into(), is_hidden: !is_read, is_message };
            assert_eq!(shown, expected, "{label:?}");
        }
        // It needs no catalog.
        let options =
            Options { name: NAME, label: Label::Message, details: false, message_url: None };
        let shown = Appearance::new(&options, &says("Da"), None, &pending()).label;
        assert_eq!(shown.expect("wanted").text, "Da");
    }

    #[test]
    fn details_link_to_a_message_where_its_address_is_known() {
        let url = "https://chat.example.com/#narrow/dm/12";
        let options = Options {
            name: NAME,
            label: Label::None,
            details: true,
            message_url: Some(url.to_owned()),
        };
        let shown = Appearance::new(&options, &View::default(), None, &messages(""));
        let link = Link { url: url.into(), text: "Message on Zulip".into() };
        assert_eq!(shown.details.expect("wanted").link, Some(link));
    }

    #[test]
    fn the_accessible_name_tells_person_and_status() {
        for (status, name) in [
            (Status::Active, "Ada: active now"),
            (Status::Idle, "Ada: idle"),
            (Status::Offline, "Ada: offline"),
            (Status::Unknown, "Ada: status unknown"),
        ] {
            let shown = appearance(Label::None, false, status, None);
            assert_eq!((shown.status, &*shown.accessible_name), (status, name));
            assert_eq!(shown.lang, None);
        }
    }

    #[test]
    fn while_a_catalog_loads_names_are_english_and_marked_as_such_and_labels_are_empty() {
        let options =
            Options { name: NAME, label: Label::Status, details: false, message_url: None };
        let view = View { status: Status::Idle, ..View::default() };
        let shown = Appearance::new(&options, &view, Some(LastActive::Idle), &pending());
        assert_eq!(&*shown.accessible_name, "Ada: idle");
        assert_eq!(shown.lang.as_deref(), Some("en"));
        assert_eq!(shown.label.expect("wanted").text, "");
    }
}
