//! The badge itself, as a part of the page: a drawing, and what stands beside it. The element and
//! the Yew component both are this one.

use core::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

use web_sys::Element;
use zulip_presence_core::watchlist::View;
use zulip_presence_core::{InvalidUser, LastActive, Status, UserRef};

use crate::console::warn_once;
use crate::details::Details;
use crate::dom::{SVG, append, child, create, set_attribute, set_text};
use crate::driver::{Driver, Watch};
use crate::label::Label;
use crate::words::{self, Words};

const BAD_USER: &str = "user must be a Zulip user ID like 12 or a Zulip email like ada@example.com; the badge stays unknown.";

/// Whom a badge is about, and what it says.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// The person: user ID or email.
    pub user: String,
    /// The person's name, for the accessible name.
    pub name: String,
    /// The text beside the badge.
    pub label: Label,
    /// Whether the badge is a button that tells when the person was last active.
    pub details: bool,
    /// What the page calls the language around the badge; empty where it says none.
    pub language: String,
}

/// A badge in the page, until dropped. What it drew stays.
pub struct Badge(Rc<Inner>);

struct Inner {
    /// What holds the drawing, and all that stands beside it.
    root: Element,
    drawing: Element,
    wanted: RefCell<Wanted>,
    watch: RefCell<Option<Watch>>,
    is_on_screen: Cell<bool>,
    view: Cell<View>,
    /// What the page shows: written only when it is to be another.
    drawn: Cell<Status>,
    name: RefCell<String>,
    has_language: Cell<bool>,
    label: RefCell<Option<Element>>,
    details: RefCell<Option<Details>>,
    on_view: Box<dyn Fn(View)>,
}

impl Badge {
    /// Makes `root` a badge. It is empty, or holds the drawing of "unknown" as `element.js` makes
    /// it. `on_view` hears what can be said of the person: at first, and upon every change.
    pub fn new(root: Element, on_view: impl Fn(View) + 'static) -> Self {
        let drawing = root.first_element_child().unwrap_or_else(|| draw_unknown(&root));
        let name = drawing.get_attribute("aria-label").unwrap_or_default();
        Self(Rc::new(Inner {
            root,
            drawing,
            wanted: RefCell::default(),
            watch: RefCell::default(),
            is_on_screen: Cell::default(),
            view: Cell::default(),
            drawn: Cell::default(),
            name: RefCell::new(name),
            has_language: Cell::default(),
            label: RefCell::default(),
            details: RefCell::default(),
            on_view: Box::new(on_view),
        }))
    }

    /// Shows what is wanted from now on. Without a driver nobody is asked, and the badge is
    /// unknown.
    pub fn set(&self, driver: Option<Driver>, wanted: Wanted) {
        let inner = &self.0;
        let old = inner.wanted.replace(wanted);
        let is_other = old.user != inner.wanted.borrow().user
            || inner.watch.borrow().as_ref().map(Watch::driver) != driver.as_ref();
        if is_other {
            inner.watch(driver);
        }
        inner.write();
        if is_other {
            (inner.on_view)(inner.view.get());
        }
    }

    /// Tells whether the badge is on screen: people whom nobody sees are not asked about.
    pub fn set_on_screen(&self, is_on_screen: bool) {
        self.0.is_on_screen.set(is_on_screen);
        if let Some(watch) = &*self.0.watch.borrow() {
            watch.set_on_screen(is_on_screen);
        }
    }

    /// What can be said of the person now.
    #[must_use]
    pub fn view(&self) -> View {
        self.0.view.get()
    }

    /// Asks about the person at once, but not more often than every 10 s.
    pub fn refresh(&self) {
        if let Some(watch) = &*self.0.watch.borrow() {
            watch.refresh();
        }
    }
}

impl Inner {
    /// Watches the person in place of whoever was watched.
    fn watch(self: &Rc<Self>, driver: Option<Driver>) {
        let user = user(&self.wanted.borrow().user);
        let watch = driver.zip(user).map(|(driver, user)| {
            let inner = Rc::downgrade(self);
            let watch = driver.watch(&user, Rc::new(move |view| heard(&inner, view)));
            watch.set_on_screen(self.is_on_screen.get());
            watch
        });
        self.view.set(watch.as_ref().map_or_else(View::default, Watch::view));
        // The old one goes after the new one has come, so that the same person stays watched.
        drop(self.watch.replace(watch));
    }

    /// Brings the page in line with what is wanted and known. Writes only what is another than
    /// before.
    fn write(&self) {
        let status = self.view.get().status;
        if self.drawn.replace(status) != status {
            set_attribute(&self.drawing, "class", status.as_str());
            if let Some(path) = self.drawing.first_element_child() {
                set_attribute(&path, "d", status.svg_path());
            }
        }
        let wanted = self.wanted.borrow();
        // Words that are under way bring us here again.
        let Some(words) = words::of(&wanted.language) else {
            return;
        };
        let last_active = self.last_active(&wanted, &words);
        let mut label = self.label.borrow_mut();
        if wanted.label == Label::None {
            if let Some(label) = label.take() {
                label.remove();
            }
        } else {
            let label = label.get_or_insert_with(|| {
                let label = append(&self.root, create("span"));
                set_attribute(&label, "part", "label");
                // Names of months and numbers have directions of their own.
                set_attribute(&label, "dir", "auto");
                label
            });
            // The accessible name says the status already.
            let (text, hidden) = match wanted.label {
                Label::Status if self.is_answered() => (words.status(status), "true"),
                Label::LastActive => (last_active.as_str(), "false"),
                // Nothing is said before there is an answer, as "unknown" is one.
                Label::Status | Label::None => ("", "true"),
            };
            if label.get_attribute("aria-hidden").as_deref() != Some(hidden) {
                set_attribute(label, "aria-hidden", hidden);
            }
            set_text(label, text);
        }
        let name = words.accessible_name(&wanted.name, status);
        let mut details = self.details.borrow_mut();
        let is_other = wanted.details != details.is_some();
        if is_other {
            *details = wanted.details.then(|| Details::new(&self.root, &self.drawing));
        }
        if let Some(details) = &*details {
            let status = words.status(status);
            details.tell(status, if last_active == status { "" } else { &last_active });
        }
        if is_other || *self.name.borrow() != name {
            set_attribute(
                details.as_ref().map_or(&self.drawing, Details::button),
                "aria-label",
                &name,
            );
            self.name.replace(name);
        }
        // Those who hear the page must hear in which language it is said, if not in the one around.
        let other_language = words.other_language();
        if let Some(language) = other_language {
            set_attribute(&self.root, "lang", language);
        } else if self.has_language.get() {
            let _ = self.root.remove_attribute("lang");
        }
        self.has_language.set(other_language.is_some());
    }

    /// When the person was last active, in words, if that is to be told; sees to it that it is
    /// renewed in time.
    fn last_active(&self, wanted: &Wanted, words: &Words) -> String {
        let watch = self.watch.borrow();
        let Some(watch) = watch.as_ref().filter(|_| wanted.details || wanted.label != Label::None)
        else {
            return String::new();
        };
        if !watch.is_answered() {
            watch.remind_on_answer();
            return String::new();
        }
        if wanted.label != Label::LastActive && !wanted.details {
            return String::new();
        }
        let (view, now) = (self.view.get(), watch.server_now());
        let last_active = LastActive::from_view(view, now, &words::utc_offset);
        watch.remind_after(last_active.valid_for(view, now, &words::utc_offset));
        words.last_active(last_active)
    }

    fn is_answered(&self) -> bool {
        self.watch.borrow().as_ref().is_some_and(Watch::is_answered)
    }
}

fn heard(inner: &Weak<Inner>, view: View) {
    if let Some(inner) = inner.upgrade() {
        inner.view.set(view);
        inner.write();
        // The page's own code: nothing is borrowed while it runs.
        (inner.on_view)(view);
    }
}

fn user(written: &str) -> Option<UserRef> {
    written.parse().map_err(|InvalidUser| warn_once(BAD_USER, written)).ok()
}

/// The drawing that `element.js` makes for itself.
fn draw_unknown(root: &Element) -> Element {
    let svg = append(root, child(SVG, "svg"));
    for (name, value) in
        [("class", "unknown"), ("part", "badge"), ("viewBox", "0 0 16 16"), ("role", "img")]
    {
        set_attribute(&svg, name, value);
    }
    let path = append(&svg, child(SVG, "path"));
    set_attribute(&path, "d", Status::Unknown.svg_path());
    svg
}
