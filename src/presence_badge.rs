//! The badge in a Yew app.

use yew::prelude::*;
use zulip_presence_core::watchlist::View;

use crate::badge::Badge;
use crate::console::warn_once;
use crate::driver::Driver;
use crate::label::Label;
use crate::provider::Provided;

const NO_PROVIDER: &str = "PresenceBadge must be inside a PresenceProvider; the badge stays unknown.";

/// A person's badge, after whatever is inside: a name, a picture.
pub struct PresenceBadge {
    driver: Option<Driver>,
    _context: Option<ContextHandle<Provided>>,
}

/// Props of [`PresenceBadge`].
#[derive(Properties, PartialEq)]
pub struct PresenceBadgeProps {
    /// The person: Zulip user ID or Zulip email.
    pub user: AttrValue,
    /// The person's name, for the accessible name.
    #[prop_or_default]
    pub name: AttrValue,
    /// The text beside the badge.
    #[prop_or_default]
    pub label: Label,
    /// Over the corner of what is inside, rather than after it.
    #[prop_or_default]
    pub overlay: bool,
    /// Hears what can be said of the person: at first, and upon every change.
    #[prop_or_default]
    pub on_view: Callback<View>,
    /// What the badge stands at.
    #[prop_or_default]
    pub children: Html,
}

impl Component for PresenceBadge {
    type Message = Option<Driver>;
    type Properties = PresenceBadgeProps;

    fn create(ctx: &Context<Self>) -> Self {
        let (provided, context) = ctx.link().context(ctx.link().callback(|Provided(driver)| driver)).unzip();
        if provided.is_none() {
            warn_once(NO_PROVIDER, "");
        }
        Self { driver: provided.and_then(|Provided(driver)| driver), _context: context }
    }

    fn update(&mut self, _ctx: &Context<Self>, driver: Option<Driver>) -> bool {
        self.driver = driver;
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let PresenceBadgeProps { user, name, label, overlay, on_view, children } = ctx.props();
        html! {
            <span class={classes!("zulip-presence", overlay.then_some("zulip-presence-overlay"))}>
                { children.clone() }
                <span class="zulip-presence-badge">
                    <Badge driver={self.driver.clone()} {user} {name} label={*label} {on_view} />
                </span>
            </span>
        }
    }
}
