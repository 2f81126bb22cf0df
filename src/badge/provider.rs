//! The provider, which gives the badges of a Yew app their client.

use core::time::Duration;

use yew::prelude::*;

use super::style;
use crate::client::{Credentials, PresenceClient, Settings, document};
use crate::console::warn_once;
use crate::i18n::LangObserver;

const INVALID_ENDPOINT: &str = "PresenceProvider's endpoint must be an http or https URL like \
    https://presence.example.com/api/v1; no request is made.";

/// Gives an endpoint to all [`PresenceBadge`](crate::PresenceBadge)s inside. They share one client:
/// a person who appears many times is requested once.
pub struct PresenceProvider {
    context: PresenceContext,
    _lang: LangObserver,
}

/// Props of [`PresenceProvider`].
#[derive(Properties, PartialEq)]
pub struct PresenceProviderProps {
    /// The base URL of the gateway's API: `https://presence.example.com/api/v1`, or relative to the
    /// page.
    pub endpoint: AttrValue,
    /// Time between two requests for the same people, 15–60 s. Default: 30 s.
    #[prop_or_default]
    pub interval: Option<Duration>,
    /// Time from the last reported timestamp until a person is shown as offline, 60–3600 s.
    /// Default: the endpoint's value, else 200 s.
    #[prop_or_default]
    pub offline_after: Option<Duration>,
    /// Whether a visible page reads the gateway's stream, by which whoever comes is shown at once.
    #[prop_or(true)]
    pub live: bool,
    /// Whether requests carry cookies.
    #[prop_or_default]
    pub credentials: Credentials,
    /// The address of your Zulip, `https://chat.example.com`: the details then link to a message to
    /// the person, if the badge names them by ID.
    #[prop_or_default]
    pub zulip: Option<AttrValue>,
    /// The badges and the content around them.
    #[prop_or_default]
    pub children: Html,
}

/// What a provider gives to its badges; no client if its endpoint is invalid.
#[derive(Clone, PartialEq, Default)]
pub struct PresenceContext {
    pub(super) client: Option<PresenceClient>,
    /// How often the page has changed a `lang`: the badges look for theirs again.
    lang_changes: u32,
}

/// The page changed a `lang`.
#[doc(hidden)]
pub struct LangChanged;

impl Component for PresenceProvider {
    type Message = LangChanged;
    type Properties = PresenceProviderProps;

    fn create(ctx: &Context<Self>) -> Self {
        style::adopt(&document());
        let link = ctx.link().clone();
        Self {
            context: PresenceContext { client: client(ctx.props()), lang_changes: 0 },
            _lang: LangObserver::new(move || link.send_message(LangChanged)),
        }
    }

    fn update(&mut self, _ctx: &Context<Self>, LangChanged: LangChanged) -> bool {
        self.context.lang_changes = self.context.lang_changes.wrapping_add(1);
        true
    }

    fn changed(&mut self, ctx: &Context<Self>, _old: &PresenceProviderProps) -> bool {
        self.context.client = client(ctx.props());
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        html! {
            <ContextProvider<PresenceContext> context={self.context.clone()}>
                { ctx.props().children.clone() }
            </ContextProvider<PresenceContext>>
        }
    }
}

fn client(props: &PresenceProviderProps) -> Option<PresenceClient> {
    let mut settings = Settings::gateway(&props.endpoint)
        .map_err(|_| warn_once(INVALID_ENDPOINT, &props.endpoint))
        .ok()?;
    settings = settings.credentials(props.credentials).live(props.live);
    if let Some(interval) = props.interval {
        settings = settings.interval(interval);
    }
    if let Some(offline_after) = props.offline_after {
        settings = settings.offline_after(offline_after);
    }
    if let Some(zulip) = &props.zulip {
        settings = settings.zulip(zulip);
    }
    Some(PresenceClient::new(&settings))
}
