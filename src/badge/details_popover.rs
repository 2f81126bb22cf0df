//! The badge as a button, with a popover that shows when the person was last active. It works by
//! pointer, keyboard and touch.

use core::cell::Cell;

use gloo_events::{EventListener, EventListenerOptions};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Element, Event, EventTarget, HtmlElement, Node};
use yew::prelude::*;
use zulip_presence_core::Status;

use super::appearance::DetailsText;
use super::icon::icon;

/// Events of the badge, and of the window while the popover is open.
const BADGE_EVENTS: [&str; 5] = ["click", "pointerenter", "pointerleave", "focusout", "keydown"];
const WINDOW_EVENTS: [&str; 4] = ["keydown", "pointerdown", "scroll", "resize"];
/// Minimum distance from the popover to the edge of the window, in CSS pixels.
const MARGIN: f64 = 4.0;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

#[wasm_bindgen]
extern "C" {
    /// Properties of events and elements, which may belong to this window or to another one.
    type Properties;

    #[wasm_bindgen(method, getter)]
    fn key(this: &Properties) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = pointerType)]
    fn pointer_type(this: &Properties) -> JsValue;
    #[wasm_bindgen(method, getter, js_name = innerWidth)]
    fn inner_width(this: &Properties) -> f64;
    #[wasm_bindgen(method, getter, js_name = innerHeight)]
    fn inner_height(this: &Properties) -> f64;
    #[wasm_bindgen(method, getter, js_name = relatedTarget)]
    fn related_target(this: &Properties) -> Option<Node>;
    /// Undefined in browsers that use the zoomed element's own coordinates.
    #[wasm_bindgen(method, getter, js_name = currentCSSZoom)]
    fn current_css_zoom(this: &Properties) -> Option<f64>;
    /// Both throw if the badge is not in a document.
    #[wasm_bindgen(method, catch, js_name = showPopover)]
    fn show_popover(this: &Properties) -> Result<(), JsValue>;
    #[wasm_bindgen(method, catch, js_name = hidePopover)]
    fn hide_popover(this: &Properties) -> Result<(), JsValue>;
}

/// A badge that is a button with a popover.
pub(super) struct DetailsPopover {
    /// Unique in the document.
    id: AttrValue,
    badge: NodeRef,
    button: NodeRef,
    popover: NodeRef,
    is_open: bool,
    /// Opened by a press (click, tap or key): it stays open when the pointer leaves.
    is_pinned: bool,
    badge_listeners: Vec<EventListener>,
    /// Only while open.
    window_listeners: Vec<EventListener>,
}

#[derive(Clone, PartialEq, Properties)]
pub(super) struct DetailsPopoverProps {
    pub(super) status: Status,
    pub(super) name: AttrValue,
    pub(super) text: DetailsText,
    pub(super) lang: Option<AttrValue>,
    /// Called when it is opened or closed.
    pub(super) on_toggle: Callback<bool>,
}

pub(super) enum Msg {
    Press,
    PointerEntered,
    PointerLeft,
    Close,
    Moved,
}

impl Component for DetailsPopover {
    type Message = Msg;
    type Properties = DetailsPopoverProps;

    fn create(_ctx: &Context<Self>) -> Self {
        let number = COUNT.replace(COUNT.get() + 1).to_string();
        Self {
            id: ["zulip-presence-details-", &number].concat().into(),
            badge: NodeRef::default(),
            button: NodeRef::default(),
            popover: NodeRef::default(),
            is_open: false,
            is_pinned: false,
            badge_listeners: Vec::new(),
            window_listeners: Vec::new(),
        }
    }

    fn update(&mut self, ctx: &Context<Self>, msg: Msg) -> bool {
        let was_open = self.is_open;
        match msg {
            Msg::Press => {
                self.is_pinned = !self.is_pinned;
                self.is_open = self.is_pinned;
            }
            Msg::PointerEntered => self.is_open = true,
            Msg::PointerLeft => self.is_open = self.is_pinned,
            Msg::Close => {
                self.is_pinned = false;
                self.is_open = false;
            }
            Msg::Moved => self.place(),
        }
        let is_toggled = self.is_open != was_open;
        if is_toggled {
            ctx.props().on_toggle.emit(self.is_open);
        }
        is_toggled
    }

    fn view(&self, ctx: &Context<Self>) -> Html {
        let DetailsPopoverProps { status, name, text, lang, .. } = ctx.props();
        html! {
            <span ref={&self.badge}>
                <button
                    ref={&self.button}
                    type="button"
                    part="button"
                    aria-label={name}
                    aria-expanded={if self.is_open { "true" } else { "false" }}
                    aria-describedby={&self.id}
                    lang={lang.clone()}
                >
                    { icon(*status, None, &None) }
                </button>
                <span
                    ref={&self.popover}
                    part="details"
                    data-open={self.is_open.then_some("")}
                    popover="manual"
                    // A tooltip must not contain interactive elements.
                    role={if text.link.is_some() { "group" } else { "tooltip" }}
                    aria-label={text.link.is_some().then(|| name.clone())}
                    dir="auto"
                    lang={lang.clone()}
                >
                    <span>
                        <span id={&self.id}>
                            <span>{ &text.status }</span>
                            <span>{ &text.last_active }</span>
                            // In any language and direction.
                            <span dir="auto">{ &text.message }</span>
                        </span>
                        if let Some(link) = &text.link {
                            <a part="link" href={&link.url}>{ &link.text }</a>
                        }
                    </span>
                </span>
            </span>
        }
    }

    fn rendered(&mut self, ctx: &Context<Self>, is_first: bool) {
        if is_first {
            self.badge_listeners = self.listen_to_badge(ctx);
        }
        if self.is_open == self.window_listeners.is_empty() {
            self.window_listeners =
                if self.is_open { self.listen_to_window(ctx) } else { Vec::new() };
            if let Some(popover) = self.popover.get().map(JsCast::unchecked_into::<Properties>) {
                // Above everything else on the page.
                let _ = if self.is_open { popover.show_popover() } else { popover.hide_popover() };
            }
        }
        self.place();
    }
}

impl DetailsPopover {
    fn listen_to_badge(&self, ctx: &Context<Self>) -> Vec<EventListener> {
        let Some(badge) = self.badge.get() else {
            return Vec::new();
        };
        listen(&badge, &BADGE_EVENTS, EventListenerOptions::enable_prevent_default(), || {
            let (link, badge, button, popover) =
                (ctx.link().clone(), self.badge.clone(), self.button.clone(), self.popover.clone());
            move |event: &Event| {
                let message = match event.type_().as_str() {
                    "click" => {
                        // The press is for the badge, not for a link or a card around it.
                        event.stop_propagation();
                        if !is_on_link(event) {
                            event.prevent_default();
                        }
                        if !contains(&button, event) {
                            return;
                        }
                        Msg::Press
                    }
                    // Touch is handled as a press.
                    "pointerenter" if is_mouse(event) => Msg::PointerEntered,
                    "pointerleave" => Msg::PointerLeft,
                    "focusout" if leaves(&badge, event) => Msg::Close,
                    "keydown" if is_escape(event) && is_open(&popover) => {
                        // Handled here: it must not also close a dialog around the badge.
                        event.stop_propagation();
                        event.prevent_default();
                        Msg::Close
                    }
                    _ => return,
                };
                link.send_message(message);
            }
        })
    }

    /// Listeners on the window in the capture phase, which receive events first.
    fn listen_to_window(&self, ctx: &Context<Self>) -> Vec<EventListener> {
        let Some(window) = self.window() else {
            return Vec::new();
        };
        let options =
            EventListenerOptions { passive: false, ..EventListenerOptions::run_in_capture_phase() };
        listen(&window, &WINDOW_EVENTS, options, || {
            let (link, badge, button) =
                (ctx.link().clone(), self.badge.clone(), self.button.clone());
            move |event: &Event| {
                let message = match event.type_().as_str() {
                    "keydown" if is_escape(event) => {
                        event.stop_propagation();
                        event.prevent_default();
                        // Moves the focus from the link, which is hidden now.
                        if is_on_path(&badge, event)
                            && let Some(button) = button.cast::<HtmlElement>()
                        {
                            let _ = button.focus();
                        }
                        Msg::Close
                    }
                    // The target may be in a shadow root that the window cannot see into.
                    "pointerdown" if !is_on_path(&badge, event) => Msg::Close,
                    "scroll" | "resize" => Msg::Moved,
                    _ => return,
                };
                link.send_message(message);
            }
        })
    }

    /// The window of the badge's document, which may differ from the window that runs this code.
    fn window(&self) -> Option<EventTarget> {
        let document = self.badge.get()?.owner_document()?;
        Some(document.default_view()?.into())
    }

    /// Places the popover below the button, or above it if there is no space, and inside the
    /// window.
    fn place(&self) {
        if !self.is_open {
            return;
        }
        let nodes = self.button.cast::<Element>().zip(self.popover.cast::<HtmlElement>());
        let Some(((button, popover), window)) = nodes.zip(self.window()) else {
            return;
        };
        let window: Properties = window.unchecked_into();
        let (at, own) = (button.get_bounding_client_rect(), popover.get_bounding_client_rect());
        let left = (at.left() + (at.width() - own.width()) / 2.0)
            .min(window.inner_width() - own.width() - MARGIN)
            .max(MARGIN);
        let has_room = at.bottom() + own.height() <= window.inner_height();
        let top = if has_room { at.bottom() } else { at.top() - own.height() };
        let style = popover.style();
        let zoom = popover.unchecked_into::<Properties>().current_css_zoom().unwrap_or(1.0);
        for (property, value) in [("left", left), ("top", top)] {
            // Whole pixels, at least 0: the text stays sharp, and no float formatting is needed.
            let value = [&((value / zoom) as u64).to_string(), "px"].concat();
            // Not by a `style` attribute, which a strict Content-Security-Policy forbids.
            let _ = style.set_property(property, &value);
        }
    }
}

fn listen<F: Fn(&Event) + 'static>(
    target: &EventTarget,
    events: &[&'static str],
    options: EventListenerOptions,
    handler: impl Fn() -> F,
) -> Vec<EventListener> {
    let listener =
        |event: &&'static str| EventListener::new_with_options(target, *event, options, handler());
    events.iter().map(listener).collect()
}

fn is_mouse(event: &Event) -> bool {
    event.unchecked_ref::<Properties>().pointer_type() == "mouse"
}

fn is_escape(event: &Event) -> bool {
    event.unchecked_ref::<Properties>().key() == "Escape"
}

fn is_open(popover: &NodeRef) -> bool {
    popover.cast::<Element>().is_some_and(|popover| popover.has_attribute("data-open"))
}

fn is_on_link(event: &Event) -> bool {
    let target: Option<Element> = event.target().map(JsCast::unchecked_into);
    target.is_some_and(|target| target.has_attribute("href"))
}

/// Whether the focus leaves the badge. It does not if it only leaves the button because a part of
/// the popover that is not focusable is pressed.
fn leaves(badge: &NodeRef, event: &Event) -> bool {
    let Some(badge) = badge.cast::<Element>() else {
        return true;
    };
    match event.unchecked_ref::<Properties>().related_target() {
        Some(to) => !badge.contains(Some(&to)),
        None => !badge.matches(":hover").unwrap_or_default(),
    }
}

fn contains(button: &NodeRef, event: &Event) -> bool {
    let target: Option<Node> = event.target().map(JsCast::unchecked_into);
    button.get().is_some_and(|button| button.contains(target.as_ref()))
}

fn is_on_path(badge: &NodeRef, event: &Event) -> bool {
    badge.get().is_some_and(|badge| event.composed_path().includes(&badge, 0))
}
