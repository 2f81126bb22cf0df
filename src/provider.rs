//! Whom the badges of a Yew app ask.

use core::time::Duration;

use yew::prelude::*;

use crate::console::warn_once;
use crate::driver::Driver;
use crate::settings::{Credentials, Settings};
use crate::style;

const BAD_ENDPOINT: &str = "PresenceProvider's endpoint must be an http or https URL like https://presence.example.com/api/v1; nobody is asked.";

/// Gives an endpoint to all [`PresenceBadge`](crate::PresenceBadge)s inside. They share one driver:
/// a person who appears many times is asked about once.
pub struct PresenceProvider {
    driver: Option<Driver>,
}

/// Props of [`PresenceProvider`].
#[derive(Properties, PartialEq)]
pub struct PresenceProviderProps {
    /// Where the gateway's API begins: `https://presence.example.com/api/v1`, or relative to the page.
    pub endpoint: AttrValue,
    /// Time between two requests for the same people, 15–60 s.
    #[prop_or_default]
    pub interval: Option<Duration>,
    /// How long after their last sign of life people are offline, 60–3600 s. Default: as the
    /// endpoint says, else 200 s.
    #[prop_or_default]
    pub offline_after: Option<Duration>,
    /// Whether requests carry cookies.
    #[prop_or_default]
    pub credentials: Credentials,
    /// Badges, and whatever is around them.
    #[prop_or_default]
    pub children: Html,
}

/// What a provider gives to its badges: nobody to ask where its endpoint is none.
#[derive(Clone, PartialEq)]
pub(crate) struct Provided(pub(crate) Option<Driver>);

impl Component for PresenceProvider {
    type Message = ();
    type Properties = PresenceProviderProps;

    fn create(ctx: &Context<Self>) -> Self {
        style::adopt();
        Self { driver: driver(ctx.props()) }
    }

    fn changed(&mut self, ctx: &Context<Self>, _old: &PresenceProviderProps) -> bool {
        self.driver = driver(ctx.props());
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        html! {
            <ContextProvider<Provided> context={Provided(self.driver.clone())}>
                { ctx.props().children.clone() }
            </ContextProvider<Provided>>
        }
    }
}

fn driver(props: &PresenceProviderProps) -> Option<Driver> {
    let mut settings = Settings::gateway(&props.endpoint)
        .map_err(|_| warn_once(BAD_ENDPOINT, &props.endpoint))
        .ok()?;
    settings = settings.credentials(props.credentials);
    if let Some(interval) = props.interval {
        settings = settings.interval(interval);
    }
    if let Some(offline_after) = props.offline_after {
        settings = settings.offline_after(offline_after);
    }
    Some(Driver::new(&settings))
}
