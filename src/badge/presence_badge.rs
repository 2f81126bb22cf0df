//! The badge in a Yew app.

use web_sys::Element;
use yew::prelude::*;
use zulip_presence_core::UserRef;
use zulip_presence_core::watchlist::View;

use super::component::Badge;
use super::label::Label;
use super::provider::PresenceContext;
use super::style;
use super::user::parse_user;
use crate::client::{VisibilityObserver, document};
use crate::console::warn_once;
use crate::i18n;

const NO_PROVIDER: &str =
    "PresenceBadge must be inside a PresenceProvider; the badge stays unknown.";

/// A person's badge, after its children: a name or a picture.
pub struct PresenceBadge {
    context: PresenceContext,
    user: Option<UserRef>,
    host: NodeRef,
    /// The nearest `lang` around the host, once that is in the document.
    lang: AttrValue,
    is_visible: bool,
    visibility: Option<VisibilityObserver>,
    _handle: Option<ContextHandle<PresenceContext>>,
}

/// Props of [`PresenceBadge`].
#[derive(Properties, PartialEq)]
pub struct PresenceBadgeProps {
    /// The person: Zulip user ID or Zulip email.
    pub user: AttrValue,
    /// The person's name, used by screen readers.
    #[prop_or_default]
    pub name: AttrValue,
    /// The text beside the badge.
    #[prop_or_default]
    pub label: Label,
    /// Whether the badge covers a corner of its children instead of following them.
    #[prop_or_default]
    pub overlay: bool,
    /// Whether the badge is a button with a popover that shows when the person was last active.
    /// Without it the badge is not focusable.
    #[prop_or_default]
    pub details: bool,
    /// Called with the person's presence: once at first, and on every change.
    #[prop_or_default]
    pub on_view: Callback<View>,
    /// The content that the badge belongs to.
    #[prop_or_default]
    pub children: Html,
}

/// Messages to a [`PresenceBadge`].
#[doc(hidden)]
pub enum Msg {
    /// Its provider has another client, or the page changed a `lang`.
    Context(PresenceContext),
    /// It was rendered with another `lang` around it.
    Lang(AttrValue),
    /// It came close to the screen, or left it.
    Visible(bool),
}

impl Component for PresenceBadge {
    type Message = Msg;
    type Properties = PresenceBadgeProps;

    fn create(ctx: &Context<Self>) -> Self {
        // A badge that is there before its provider must not fix the language.
        i18n::set_loader(i18n::load_built_in);
        let (context, handle) = ctx.link().context(ctx.link().callback(Msg::Context)).unzip();
        if context.is_none() {
            warn_once(NO_PROVIDER, "");
        }
        Self {
            context: context.unwrap_or_default(),
            user: parse_user(&ctx.props().user),
            host: NodeRef::default(),
            lang: AttrValue::default(),
            is_visible: false,
            visibility: None,
            _handle: handle,
        }
    }

    fn update(&mut self, _ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Context(context) => self.context = context,
            Msg::Lang(lang) => self.lang = lang,
            Msg::Visible(is_visible) => self.is_visible = is_visible,
        }
        true
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &PresenceBadgeProps) -> bool {
        if ctx.props().user != old.user {
            self.user = parse_user(&ctx.props().user);
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let PresenceBadgeProps { name, label, overlay, details, on_view, children, .. } =
            ctx.props();
        html! {
            <span
                ref={&self.host}
                class={classes!("zulip-presence", overlay.then_some("zulip-presence-overlay"))}
            >
                { children.clone() }
                <span class="zulip-presence-badge">
                    <Badge
                        client={self.context.client.clone()}
                        user={self.user.clone()}
                        name={name}
                        label={*label}
                        details={*details}
                        is_visible={self.is_visible || self.is_elsewhere()}
                        lang={&self.lang}
                        on_view={on_view}
                    />
                </span>
            </span>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, is_first: bool) {
        let Some(host) = self.host.cast::<Element>() else {
            return;
        };
        // The page may have moved the badge to an iframe or to another window.
        if let Some(document) = host.owner_document() {
            style::adopt(&document);
        }
        let lang = i18n::lang_of(&host);
        if *self.lang != *lang {
            ctx.link().send_message(Msg::Lang(lang.into()));
        }
        if is_first {
            let visible = ctx.link().callback(Msg::Visible);
            self.visibility =
                Some(VisibilityObserver::observe(host, move |is_visible| visible.emit(is_visible)));
        }
    }
}

impl PresenceBadge {
    /// Whether the badge is in another document, whose visibility cannot be observed from this one.
    fn is_elsewhere(&self) -> bool {
        let host = self.host.cast::<Element>();
        host.is_some_and(|host| host.owner_document() != Some(document()))
    }
}
