//! The badge as a button, with a popover that tells when the person was last active: by pointer,
//! keyboard and touch.

use core::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use js_sys::{Function, Reflect};
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{Element, Event, EventTarget, HtmlElement, Node};

use crate::dom::{append, create, set_attribute, set_text};
use crate::driver::window;

/// Events of the badge, and while the popover is open those of the window.
const EVENTS: [&str; 5] = ["click", "pointerenter", "pointerleave", "focusout", "keydown"];
const EVENTS_WHILE_OPEN: [&str; 4] = ["keydown", "pointerdown", "scroll", "resize"];
/// Between the popover and the edge of the window, in CSS pixels.
const MARGIN: f64 = 4.0;

thread_local! {
    static COUNT: Cell<u32> = const { Cell::new(0) };
}

type Listener = Closure<dyn Fn(Event)>;

/// The button around a badge's drawing, and its popover, until dropped.
pub(crate) struct Details(Rc<Inner>);

struct Inner {
    root: Element,
    drawing: Element,
    button: Element,
    popover: HtmlElement,
    status: Element,
    last_active: Element,
    /// Open by a press, so that it stays when the pointer leaves.
    is_kept: Cell<bool>,
    is_open: Cell<bool>,
    on_event: RefCell<Option<Listener>>,
}

impl Details {
    /// Makes `drawing`, which is in `root`, a button.
    pub(crate) fn new(root: &Element, drawing: &Element) -> Self {
        let button = create("button");
        for (name, value) in [("type", "button"), ("part", "button"), ("aria-expanded", "false")] {
            set_attribute(&button, name, value);
        }
        // Neither fails: the drawing is in the root.
        let _ = root.replace_child(&button, drawing);
        append(&button, drawing.clone());
        set_attribute(drawing, "aria-hidden", "true");
        let _ = drawing.remove_attribute("aria-label");

        let popover = append(root, create("span"));
        // What keeps two of one document apart.
        let id = ["zulip-presence-details-", &COUNT.replace(COUNT.get() + 1).to_string()].concat();
        for (name, value) in [
            ("id", id.as_str()),
            ("part", "details"),
            ("popover", "manual"),
            ("role", "tooltip"),
            ("dir", "auto"),
        ] {
            set_attribute(&popover, name, value);
        }
        set_attribute(&button, "aria-describedby", &id);
        let text = append(&popover, create("span"));
        let [status, last_active] = [(); 2].map(|()| append(&text, create("span")));
        let inner = Rc::new(Inner {
            root: root.clone(),
            drawing: drawing.clone(),
            button,
            popover: popover.unchecked_into(),
            status,
            last_active,
            is_kept: Cell::default(),
            is_open: Cell::default(),
            on_event: RefCell::default(),
        });
        let weak = Rc::downgrade(&inner);
        *inner.on_event.borrow_mut() =
            Some(Closure::new(move |event: Event| handle(&weak, &event)));
        inner.listen(inner.root.as_ref(), &EVENTS, true);
        Self(inner)
    }

    /// What carries the accessible name.
    pub(crate) fn button(&self) -> &Element {
        &self.0.button
    }

    /// What the popover says: the status, and what is to be added.
    pub(crate) fn tell(&self, status: &str, last_active: &str) {
        set_text(&self.0.status, status);
        set_text(&self.0.last_active, last_active);
        self.0.place();
    }
}

impl Drop for Details {
    fn drop(&mut self) {
        let inner = &self.0;
        inner.close();
        inner.listen(inner.root.as_ref(), &EVENTS, false);
        inner.popover.remove();
        let _ = inner.drawing.remove_attribute("aria-hidden");
        let _ = inner.root.replace_child(&inner.drawing, &inner.button);
    }
}

fn handle(inner: &Weak<Inner>, event: &Event) {
    let Some(inner) = inner.upgrade() else {
        return;
    };
    let is_mouse = || Reflect::get(event, &"pointerType".into()).is_ok_and(|kind| kind == "mouse");
    match event.type_().as_str() {
        "click" if inner.is_of_button(event) => {
            let is_kept = !inner.is_kept.get();
            inner.is_kept.set(is_kept);
            if is_kept {
                inner.open();
            } else {
                inner.close();
            }
        }
        // A finger that touches is a press.
        "pointerenter" if is_mouse() => inner.open(),
        "pointerleave" if !inner.is_kept.get() => inner.close(),
        "focusout" => inner.close(),
        "keydown"
            if Reflect::get(event, &"key".into()).is_ok_and(|key| key == "Escape")
                && inner.is_open.get() =>
        {
            // It is ours: a dialog around must not close by it too.
            event.stop_propagation();
            event.prevent_default();
            inner.close();
        }
        "pointerdown" if !inner.is_inside(event) => inner.close(),
        "scroll" | "resize" => inner.place(),
        _ => {}
    }
}

impl Inner {
    fn open(&self) {
        if self.is_open.replace(true) {
            return;
        }
        set_attribute(&self.popover, "class", "open");
        set_attribute(&self.button, "aria-expanded", "true");
        // Above all of the page, where the browser can (since 2024 all).
        self.call("showPopover");
        self.place();
        self.listen(&window(), &EVENTS_WHILE_OPEN, true);
    }

    fn close(&self) {
        self.is_kept.set(false);
        if self.is_open.replace(false) {
            self.listen(&window(), &EVENTS_WHILE_OPEN, false);
            self.call("hidePopover");
            let _ = self.popover.remove_attribute("class");
            set_attribute(&self.button, "aria-expanded", "false");
        }
    }

    fn call(&self, method: &str) {
        if let Ok(method) =
            Reflect::get(&self.popover, &method.into()).and_then(JsCast::dyn_into::<Function>)
        {
            // Throws where the badge is not in the document.
            let _ = method.call0(&self.popover);
        }
    }

    /// Below the drawing, above it where there is no room, and never over an edge of the window.
    fn place(&self) {
        if !self.is_open.get() {
            return;
        }
        let size = |name: &str| {
            Reflect::get(&window(), &name.into())
                .ok()
                .and_then(|size| size.as_f64())
                .unwrap_or_default()
        };
        let (at, own) =
            (self.drawing.get_bounding_client_rect(), self.popover.get_bounding_client_rect());
        let left = (at.left() + (at.width() - own.width()) / 2.0)
            .min(size("innerWidth") - own.width() - MARGIN)
            .max(MARGIN);
        let has_room = at.bottom() + own.height() <= size("innerHeight");
        let top = if has_room { at.bottom() } else { at.top() - own.height() };
        let style = self.popover.style();
        for (property, value) in [("left", left), ("top", top)] {
            // Whole pixels: the text stays sharp, and no float has to be written.
            let value = [&(value as i32).to_string(), "px"].concat();
            // Not for these names and values.
            let _ = style.set_property(property, &value);
        }
    }

    fn is_of_button(&self, event: &Event) -> bool {
        event
            .target()
            .and_then(|target| target.dyn_into::<Node>().ok())
            .is_some_and(|target| self.button.contains(Some(&target)))
    }

    /// Whether the event is one of the badge's. Its target may be in a shadow that the window does
    /// not see into.
    fn is_inside(&self, event: &Event) -> bool {
        event.composed_path().includes(&self.root, 0)
    }

    /// Adds or removes the one listener. Those of the window hear events first, on their way down.
    fn listen(&self, target: &EventTarget, events: &[&str], on: bool) {
        let on_event = self.on_event.borrow();
        let Some(on_event) =
            on_event.as_ref().map(|closure| closure.as_ref().unchecked_ref::<Function>())
        else {
            return;
        };
        let is_window = !target.is_instance_of::<Element>();
        for event in events {
            // Neither fails.
            let _ = if on {
                target.add_event_listener_with_callback_and_bool(event, on_event, is_window)
            } else {
                target.remove_event_listener_with_callback_and_bool(event, on_event, is_window)
            };
        }
    }
}
