//! The badge itself, for whoever has a driver.

use std::rc::Rc;

use web_sys::Element;
use yew::prelude::*;
use zulip_presence_core::watchlist::View;
use zulip_presence_core::{InvalidUser, LastActive, UserRef};

use crate::console::warn_once;
use crate::driver::{Driver, OnScreen, Watch};
use crate::label::Label;
use crate::words;

const BAD_USER: &str = "user must be a Zulip user ID like 12 or a Zulip email like ada@example.com; the badge stays unknown.";

/// A badge: a drawing, and text beside it if wanted. Nothing around it.
pub struct Badge {
    watch: Option<Watch>,
    view: View,
    text: String,
    drawing: NodeRef,
    on_screen: Option<OnScreen>,
    is_on_screen: bool,
}

/// Props of [`Badge`].
#[derive(Properties, PartialEq)]
pub struct BadgeProps {
    /// Who is asked; with none the badge stays unknown.
    #[prop_or_default]
    pub driver: Option<Driver>,
    /// The person: user ID or email.
    pub user: AttrValue,
    /// The person's name, for the accessible name.
    #[prop_or_default]
    pub name: AttrValue,
    /// The text beside the badge.
    #[prop_or_default]
    pub label: Label,
    /// Hears what can be said of the person: at first, and upon every change.
    #[prop_or_default]
    pub on_view: Callback<View>,
}

/// What happens to a [`Badge`].
pub enum Msg {
    /// Something else can be said than before, or time has passed.
    View(View),
    /// The badge came on screen or left it.
    OnScreen(bool),
}

impl Component for Badge {
    type Message = Msg;
    type Properties = BadgeProps;

    fn create(ctx: &Context<Self>) -> Self {
        let mut badge = Self {
            watch: None,
            view: View::default(),
            text: String::new(),
            drawing: NodeRef::default(),
            on_screen: None,
            is_on_screen: false,
        };
        badge.watch(ctx);
        badge
    }

    fn changed(&mut self, ctx: &Context<Self>, old: &BadgeProps) -> bool {
        let props = ctx.props();
        if props.user != old.user || props.driver != old.driver {
            self.watch(ctx);
        } else {
            self.text = self.text(props);
        }
        true
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        match msg {
            Msg::View(view) => {
                let text = core::mem::take(&mut self.text);
                let old_status = self.view.status;
                self.view = view;
                self.text = self.text(ctx.props());
                self.view.status != old_status || self.text != text
            }
            Msg::OnScreen(is_on_screen) => {
                self.is_on_screen = is_on_screen;
                if let Some(watch) = &self.watch {
                    watch.set_on_screen(is_on_screen);
                }
                false
            }
        }
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let BadgeProps { name, label, .. } = ctx.props();
        let status = self.view.status;
        html! {
            <>
                <svg ref={&self.drawing} class={status.as_str()} part="badge" viewBox="0 0 16 16" role="img" aria-label={words::accessible_name(name, status)}>
                    <path d={status.shape()} />
                </svg>
                if *label != Label::None {
                    // The accessible name says the status already.
                    <span part="label" aria-hidden={(*label == Label::Status).then_some("true")}>{ &self.text }</span>
                }
            </>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, is_first: bool) {
        if is_first {
            let on_screen = ctx.link().callback(Msg::OnScreen);
            self.on_screen = self.drawing.cast::<Element>().and_then(|drawing| OnScreen::observe(drawing, move |is| on_screen.emit(is)));
        }
    }
}

impl Badge {
    /// Watches the person of the props in place of whoever was watched.
    fn watch(&mut self, ctx: &Context<Self>) {
        let props = ctx.props();
        let watch = props.driver.as_ref().zip(user(&props.user)).map(|(driver, user)| {
            let (link, on_view) = (ctx.link().clone(), props.on_view.clone());
            let watch = driver.watch(
                &user,
                Rc::new(move |view| {
                    on_view.emit(view);
                    link.send_message(Msg::View(view));
                }),
            );
            watch.set_on_screen(self.is_on_screen);
            watch
        });
        // The old one goes after the new one has come, so that the same person stays watched.
        self.watch = watch;
        self.view = self.watch.as_ref().map_or_else(View::default, Watch::view);
        self.text = self.text(props);
        props.on_view.emit(self.view);
    }

    /// The text to show now; sees to it that it is renewed in time. Nothing is said before there is an answer, as "unknown" is one.
    fn text(&self, props: &BadgeProps) -> String {
        let Some(watch) = self.watch.as_ref().filter(|_| props.label != Label::None) else {
            return String::new();
        };
        if !watch.is_answered() {
            watch.remind_on_answer();
            return String::new();
        }
        if props.label == Label::Status {
            return words::status_text(self.view.status).to_owned();
        }
        let now = watch.server_now();
        let last_active = LastActive::of(self.view, now, &words::utc_offset);
        watch.remind_after(last_active.stays(self.view, now, &words::utc_offset));
        words::last_active_text(last_active)
    }
}

fn user(written: &str) -> Option<UserRef> {
    written.parse().map_err(|InvalidUser| warn_once(BAD_USER, written)).ok()
}
