//! The badge in a Yew app.

use web_sys::Element;
use yew::prelude::*;
use zulip_presence_core::watchlist::View;

use crate::badge::{Badge, Wanted};
use crate::console::warn_once;
use crate::dom::language;
use crate::driver::{Driver, OnScreen};
use crate::label::Label;
use crate::provider::Provided;

const NO_PROVIDER: &str =
    "PresenceBadge must be inside a PresenceProvider; the badge stays unknown.";

/// A person's badge, after whatever is inside: a name, a picture.
pub struct PresenceBadge {
    driver: Option<Driver>,
    /// What Yew renders is around the badge; the badge is drawn as that of the element.
    host: NodeRef,
    root: NodeRef,
    badge: Option<Badge>,
    on_screen: Option<OnScreen>,
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
    /// The badge is a button that tells when the person was last active. Without it, it is no stop
    /// of the Tab key.
    #[prop_or_default]
    pub details: bool,
    /// Hears what can be said of the person: at first, and upon every change.
    #[prop_or_default]
    pub on_view: Callback<View>,
    /// What the badge stands at.
    #[prop_or_default]
    pub children: Html,
}

/// What happens to a [`PresenceBadge`].
pub enum Msg {
    /// Its provider has another driver.
    Provided(Option<Driver>),
    /// Something else can be said of the person.
    View(View),
    /// It came on screen, or left it.
    OnScreen(bool),
}

impl Component for PresenceBadge {
    type Message = Msg;
    type Properties = PresenceBadgeProps;

    fn create(ctx: &Context<Self>) -> Self {
        let (provided, context) = ctx
            .link()
            .context(ctx.link().callback(|Provided(driver)| Msg::Provided(driver)))
            .unzip();
        if provided.is_none() {
            warn_once(NO_PROVIDER, "");
        }
        Self {
            driver: provided.and_then(|Provided(driver)| driver),
            host: NodeRef::default(),
            root: NodeRef::default(),
            badge: None,
            on_screen: None,
            _context: context,
        }
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::Provided(driver) => {
                self.driver = driver;
                self.set(ctx.props());
            }
            Msg::View(view) => ctx.props().on_view.emit(view),
            Msg::OnScreen(is_on_screen) => {
                if let Some(badge) = &self.badge {
                    badge.set_on_screen(is_on_screen);
                }
            }
        }
        false
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let PresenceBadgeProps { overlay, children, .. } = ctx.props();
        html! {
            <span ref={&self.host} class={classes!("zulip-presence", overlay.then_some("zulip-presence-overlay"))}>
                { children.clone() }
                <span ref={&self.root} class="zulip-presence-badge" />
            </span>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, is_first: bool) {
        if is_first && let Some(root) = self.root.cast::<Element>() {
            let (on_view, on_screen) =
                (ctx.link().callback(Msg::View), ctx.link().callback(Msg::OnScreen));
            self.on_screen = OnScreen::observe(root.clone(), move |is| on_screen.emit(is));
            self.badge = Some(Badge::new(root, move |view| on_view.emit(view)));
        }
        self.set(ctx.props());
    }
}

impl PresenceBadge {
    fn set(&self, PresenceBadgeProps { user, name, label, details, .. }: &PresenceBadgeProps) {
        if let Some(badge) = &self.badge {
            let language =
                self.host.cast::<Element>().map_or_else(String::new, |host| language(&host));
            let wanted = Wanted {
                user: user.to_string(),
                name: name.to_string(),
                label: *label,
                details: *details,
                language,
            };
            badge.set(self.driver.clone(), wanted);
        }
    }
}
