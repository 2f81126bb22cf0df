//! The drawing of a status.

use yew::prelude::*;
use zulip_presence_core::Status;

/// The shape of a status; without a name it is decorative.
pub(super) fn icon(status: Status, name: Option<&AttrValue>, lang: &Option<AttrValue>) -> Html {
    html! {
        <svg
            // Not a class: classes cost a kilobyte over the wire.
            data-status={status.as_str()}
            part="badge"
            viewBox="0 0 16 16"
            // For a Yew app that was moved to another document, which has no stylesheet.
            width="12"
            height="12"
            fill={status.colour()}
            role="img"
            aria-label={name.cloned()}
            aria-hidden={name.is_none().then_some("true")}
            lang={lang.clone()}
        >
            <path d={status.svg_path()} />
        </svg>
    }
}
