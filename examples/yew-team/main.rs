//! A team page made with Yew. `make yew-team` builds it; the tests run it.

use yew::prelude::*;
use zulip_presence_widget::{Label, PresenceBadge, PresenceProvider, Status, View};

/// Of the simulated organisation: user ID and name.
const PEOPLE: [(&str, &str); 4] = [
    ("3001", "Ines Fonseca"),
    ("3002", "Jonas Lindqvist"),
    ("3003", "Meera Pillai"),
    ("3004", "Oskar Brandt"),
];

fn main() {
    yew::Renderer::<Team>::new().render();
}

/// Everybody's badge, a sentence that follows them, and a button that takes badges out and puts
/// them back.
struct Team {
    statuses: [Status; PEOPLE.len()],
    hides_absent: bool,
}

enum Msg {
    Said(usize, View),
    Toggle,
}

impl Component for Team {
    type Message = Msg;
    type Properties = ();

    fn create(_ctx: &Context<Self>) -> Self {
        Self { statuses: [Status::Unknown; PEOPLE.len()], hides_absent: false }
    }

    fn update(&mut self, _ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            // A badge that is taken out says that no more is known.
            Msg::Said(person, view) => self.statuses[person] = view.status,
            Msg::Toggle => self.hides_absent = !self.hides_absent,
        }
        true
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let is_present =
            |person: usize| matches!(self.statuses[person], Status::Active | Status::Idle);
        let present = (0..PEOPLE.len()).filter(|person| is_present(*person)).count();
        let shown = (0..PEOPLE.len()).filter(|person| !self.hides_absent || is_present(*person));
        html! {
            // Relative to the page: the gateway that serves this page answers too.
            <PresenceProvider endpoint="api/v1">
                <h1>{ "Team" }</h1>
                <p>{ format!("{present} of {} are there.", PEOPLE.len()) }</p>
                <button onclick={ctx.link().callback(|_| Msg::Toggle)}>
                    { if self.hides_absent { "Show everybody" } else { "Hide who is not there" } }
                </button>
                <ul>
                    { for shown.map(|person| row(ctx, person)) }
                </ul>
            </PresenceProvider>
        }
    }
}

fn row(ctx: &Context<Team>, person: usize) -> Html {
    let (user, name) = PEOPLE[person];
    let on_view = ctx.link().callback(move |view| Msg::Said(person, view));
    html! {
        <li key={user}>
            <PresenceBadge {user} {name} label={Label::LastActive} {on_view}>{ name }</PresenceBadge>
        </li>
    }
}
