//! What a badge shows: a pure value of status, last activity, messages and props.

use yew::AttrValue;
use zulip_presence_core::{LastActive, Status};

use super::label::Label;
use crate::i18n::Messages;

/// What the page author wants shown.
pub(super) struct Options<'a> {
    pub(super) name: &'a str,
    pub(super) label: Label,
    pub(super) details: bool,
}

impl Options<'_> {
    /// Whether any text needs the person's last activity, or to know that there is a result.
    pub(super) fn show_last_active(&self) -> bool {
        self.details || self.label != Label::None
    }
}

/// Everything that is seen or heard of a badge.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Appearance {
    pub(super) status: Status,
    /// "Ada Lovelace: active now".
    pub(super) accessible_name: AttrValue,
    pub(super) label: Option<LabelText>,
    pub(super) details: Option<DetailsText>,
    /// The language of all texts, where it is not the one around the badge.
    pub(super) lang: Option<AttrValue>,
}

/// The text beside the badge.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct LabelText {
    pub(super) text: AttrValue,
    /// Hidden from screen readers, which read the accessible name.
    pub(super) is_hidden: bool,
}

/// The text of the popover.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DetailsText {
    pub(super) status: AttrValue,
    /// Empty where it would repeat the status.
    pub(super) last_active: AttrValue,
}

impl Appearance {
    /// `last_active` is `None` as long as there is no result, and where no text needs it.
    pub(super) fn new(
        options: &Options<'_>,
        status: Status,
        last_active: Option<LastActive>,
        messages: &Messages,
    ) -> Self {
        let status_text = messages.status(status);
        // Before there is a result labels are empty, since "unknown" is a result too.
        let last_active = last_active
            .filter(|_| !messages.is_pending())
            .map(|last_active| messages.last_active(last_active));
        let label = match options.label {
            Label::None => None,
            Label::Status => {
                let text = last_active.as_ref().map(|_| status_text);
                Some((text.unwrap_or_default().to_owned(), true))
            }
            Label::LastActive => Some((last_active.clone().unwrap_or_default(), last_active.is_none())),
        };
        let details = options.details.then(|| DetailsText {
            status: status_text.to_owned().into(),
            last_active: last_active.filter(|text| text != status_text).unwrap_or_default().into(),
        });
        Self {
            status,
            accessible_name: messages.accessible_name(options.name, status).into(),
            label: label.map(|(text, is_hidden)| LabelText { text: text.into(), is_hidden }),
            details,
            lang: messages.fallback_lang().map(|lang| lang.to_owned().into()),
        }
    }

}
