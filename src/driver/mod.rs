//! Drives the engine of one endpoint: the only part that knows fetch, timers, visibility and the
//! browser's clocks.

mod clock;
mod fetch;
mod page;
#[cfg(feature = "yew")]
mod screen;
mod timer;

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::{Rc, Weak};

use slab::Slab;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;
use zulip_presence_core::reply::RequestError;
use zulip_presence_core::watchlist::{Change, Request, RequestId, Response, View};
use zulip_presence_core::{Timestamp, UserRef, Watchlist};

pub(crate) use self::page::window;
use self::page::{PageEvents, is_loading, is_visible};
#[cfg(feature = "yew")]
pub(crate) use self::screen::OnScreen;
use self::timer::Timer;
use crate::console::warn_once;
use crate::settings::Settings;

const UNREACHABLE: &str = "no answer. Check that the endpoint is right and runs, that it allows this page's origin \
    (gateway: --allow-origin), and that the page's Content-Security-Policy allows it (connect-src).";
const UNAUTHORIZED: &str =
    "the endpoint refuses the key. Check email, API key and address of the bot.";
const NOT_ZULIP: &str = "what answers is neither a zulip-presence-gateway nor Zulip. Check data-endpoint, which ends with /api/v1.";

/// How long what a reply says may wait for that of others under way: a page that is drawn once is
/// there sooner than one drawn twenty times.
const GATHER: Duration = Duration::from_millis(100);

/// How far texts about time may lag, so that many of them are renewed together.
const TEXT_SLACK: Duration = Duration::from_secs(1);

thread_local! {
    /// All drivers of the page: whoever asks for one with the same settings gets the same.
    static DRIVERS: RefCell<Vec<Weak<Inner>>> = const { RefCell::new(Vec::new()) };
    /// Belongs to the page, not to a driver, which may end before the task does.
    static TICK: Closure<dyn Fn()> = Closure::new(tick_due);
}

/// The people of one endpoint on this page, and the requests about them. Clones are the same
/// driver; with the last one it ends.
#[derive(Clone)]
pub struct Driver(Rc<Inner>);

impl PartialEq for Driver {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

struct Inner {
    settings: Settings,
    watchlist: RefCell<Watchlist>,
    watchers: RefCell<Slab<Watcher>>,
    flights: RefCell<Vec<(RequestId, AbortController)>>,
    /// The endpoint answered at least once: its failures are no mistake in the page.
    has_answered: Cell<bool>,
    is_tick_due: Cell<bool>,
    /// Since when watchers are to hear of something, on the monotonic clock.
    news_since: Cell<Option<Duration>>,
    timer: Timer,
    events: PageEvents,
}

#[derive(Clone)]
struct Watcher {
    user: UserRef,
    on_view: Rc<dyn Fn(View)>,
    is_on_screen: bool,
    /// Something else can be said than the watcher has heard.
    has_news: bool,
    /// When the watcher wants to hear the view again though it did not change.
    reminder: Option<Reminder>,
}

/// When a text beside a badge is to be renewed though the view is the same.
#[derive(Clone, Copy)]
pub(crate) enum Reminder {
    /// Once anything was heard of the person, be it that nothing is known.
    OnAnswer,
    /// At this reading of the monotonic clock.
    At(Duration),
}

impl Driver {
    /// The page's driver for `settings`.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        DRIVERS.with_borrow_mut(|drivers| {
            let mut same = None;
            drivers.retain(|driver| {
                let driver = driver.upgrade();
                let is_alive = driver.is_some();
                same = same.take().or(driver.filter(|driver| driver.settings == *settings));
                is_alive
            });
            let driver = same.unwrap_or_else(|| {
                let driver = Inner::start(settings.clone());
                drivers.push(Rc::downgrade(&driver));
                driver
            });
            Self(driver)
        })
    }

    /// Watches `user`, off screen until told otherwise. `on_view` hears every change, never from
    /// within this call.
    pub fn watch(&self, user: &UserRef, on_view: Rc<dyn Fn(View)>) -> Watch {
        let watcher = Watcher {
            user: user.clone(),
            on_view,
            is_on_screen: false,
            has_news: false,
            reminder: None,
        };
        let place = self.0.watchers.borrow_mut().insert(watcher);
        self.0.watchlist.borrow_mut().watch(user, clock::now());
        self.0.tick_soon();
        Watch { driver: self.clone(), place }
    }

    /// What can be said of `user` now; unknown for whoever is not watched.
    #[must_use]
    pub fn view(&self, user: &UserRef) -> View {
        self.0.watchlist.borrow().view(user, clock::now())
    }
}

/// One watcher of one person, until dropped.
pub struct Watch {
    driver: Driver,
    place: usize,
}

impl Watch {
    /// What can be said now.
    #[must_use]
    pub fn view(&self) -> View {
        self.user().map_or_else(View::default, |user| self.driver.view(&user))
    }

    /// Whether anything was heard yet, be it that there is nothing.
    #[must_use]
    pub fn is_answered(&self) -> bool {
        self.user()
            .is_some_and(|user| self.driver.0.watchlist.borrow().observation(&user).is_some())
    }

    /// Who was asked to watch.
    pub(crate) fn driver(&self) -> &Driver {
        &self.driver
    }

    /// Asks about the person at once, but not more often than every 10 s.
    pub fn refresh(&self) {
        if let Some(user) = self.user() {
            self.driver.0.watchlist.borrow_mut().refresh(&user, clock::now());
            self.driver.0.tick_soon();
        }
    }

    /// The server's now.
    #[must_use]
    pub fn server_now(&self) -> Timestamp {
        self.driver.0.watchlist.borrow().server_now(clock::now())
    }

    /// Tells whether the watcher is on screen: people who nobody sees are not asked about.
    pub fn set_on_screen(&self, is_on_screen: bool) {
        let Inner { watchers, watchlist, .. } = &*self.driver.0;
        if let Some(watcher) = watchers.borrow_mut().get_mut(self.place)
            && watcher.is_on_screen != is_on_screen
        {
            watcher.is_on_screen = is_on_screen;
            let mut watchlist = watchlist.borrow_mut();
            if is_on_screen {
                watchlist.show(&watcher.user);
            } else {
                watchlist.hide(&watcher.user);
            }
            self.driver.0.tick_soon();
        }
    }

    /// Lets the watcher hear the view again once there is an answer. Replaces what was set.
    pub(crate) fn remind_on_answer(&self) {
        self.remind(Some(Reminder::OnAnswer));
    }

    /// Lets the watcher hear the view again after about `wait`. Replaces what was set.
    pub(crate) fn remind_after(&self, wait: Option<Duration>) {
        self.remind(wait.map(|wait| Reminder::At(clock::now().monotonic + wait)));
        if wait.is_some() {
            self.driver.0.tick_soon();
        }
    }

    fn remind(&self, reminder: Option<Reminder>) {
        if let Some(watcher) = self.driver.0.watchers.borrow_mut().get_mut(self.place) {
            watcher.reminder = reminder;
        }
    }

    fn user(&self) -> Option<UserRef> {
        self.driver.0.watchers.borrow().get(self.place).map(|watcher| watcher.user.clone())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.set_on_screen(false);
        let watcher = self.driver.0.watchers.borrow_mut().try_remove(self.place);
        if let Some(watcher) = watcher {
            self.driver.0.watchlist.borrow_mut().unwatch(&watcher.user, clock::now());
            self.driver.0.tick_soon();
        }
    }
}

impl Inner {
    fn start(settings: Settings) -> Rc<Self> {
        Rc::new_cyclic(|inner: &Weak<Self>| {
            let (of_timer, of_events) = (inner.clone(), inner.clone());
            let mut watchlist = Watchlist::new(settings.watchlist(), clock::now());
            if !is_visible() {
                watchlist.sleep();
            }
            Self {
                watchlist: RefCell::new(watchlist),
                settings,
                watchers: RefCell::default(),
                flights: RefCell::default(),
                has_answered: Cell::new(false),
                is_tick_due: Cell::new(false),
                news_since: Cell::new(None),
                timer: Timer::new(move || with(&of_timer, Inner::tick)),
                events: PageEvents::new(move || with(&of_events, Inner::page_changed)),
            }
        })
    }

    fn page_changed(self: &Rc<Self>) {
        let mut watchlist = self.watchlist.borrow_mut();
        if is_visible() {
            watchlist.wake(clock::now());
        } else {
            watchlist.sleep();
        }
        self.tick_soon();
    }

    /// Many events of one task make one tick, at the end of the task.
    fn tick_soon(self: &Rc<Self>) {
        if !self.is_tick_due.replace(true) {
            TICK.with(|tick| window().queue_microtask(tick.as_ref().unchecked_ref()));
        }
    }

    fn tick(self: &Rc<Self>) {
        self.is_tick_due.set(false);
        // A document.open() takes all listeners away.
        self.events.register(true);
        // Groups are formed of all whom the document lists, in its order.
        if is_loading() {
            return;
        }
        let now = clock::now();
        let step = self.watchlist.borrow_mut().step(now);
        for Request { id, .. } in step.cancelled {
            if let Some(abort) = self.landed(id) {
                abort.abort();
            }
        }
        for request in step.requests {
            self.send(request);
        }
        self.note(&step.changes, now.monotonic);
        // What is no longer true is not shown for even that long.
        let decays = step.changes.iter().any(|change| change.after.status > change.before.status);
        let held_back = self.held_back(now.monotonic).filter(|_| !decays);
        if held_back.is_none() {
            self.notify(now.monotonic);
        }
        self.timer.set(
            step.next_wakeup
                .into_iter()
                .chain(held_back)
                .chain(self.next_reminder(now.monotonic))
                .min(),
        );
    }

    /// Notes who is to hear of `changes`, which are sorted by user.
    fn note(&self, changes: &[Change], now: Duration) {
        if changes.is_empty() {
            return;
        }
        self.news_since.set(self.news_since.get().or(Some(now)));
        for (_, watcher) in self.watchers.borrow_mut().iter_mut() {
            watcher.has_news |=
                changes.binary_search_by(|change| change.user.cmp(&watcher.user)).is_ok();
        }
    }

    /// How long the news wait for those of other requests under way; `None`: no longer.
    fn held_back(&self, now: Duration) -> Option<Duration> {
        let waited = now.saturating_sub(self.news_since.get()?);
        GATHER
            .checked_sub(waited)
            .filter(|left| !left.is_zero() && !self.flights.borrow().is_empty())
    }

    /// No borrow is held while a watcher is called: it may do anything.
    fn notify(&self, now: Duration) {
        self.news_since.set(None);
        let places: Vec<usize> = self.watchers.borrow().iter().map(|(place, _)| place).collect();
        for place in places {
            let call = self.watchers.borrow_mut().get_mut(place).and_then(|watcher| {
                let is_reminded = watcher.reminder.is_some_and(|reminder| match reminder {
                    Reminder::OnAnswer => {
                        self.watchlist.borrow().observation(&watcher.user).is_some()
                    }
                    Reminder::At(at) => at <= now,
                });
                if is_reminded {
                    watcher.reminder = None;
                }
                let has_news = core::mem::take(&mut watcher.has_news);
                (has_news || is_reminded).then(|| (watcher.on_view.clone(), watcher.user.clone()))
            });
            if let Some((on_view, user)) = call {
                let view = self.watchlist.borrow().view(&user, clock::now());
                on_view(view);
            }
        }
    }

    /// In how long the next text is to be renewed.
    fn next_reminder(&self, now: Duration) -> Option<Duration> {
        let watchers = self.watchers.borrow();
        let times = watchers.iter().filter_map(|(_, watcher)| match watcher.reminder? {
            Reminder::At(at) => Some(at.saturating_sub(now).max(TEXT_SLACK)),
            Reminder::OnAnswer => None,
        });
        times.min()
    }

    fn send(self: &Rc<Self>, Request { id, query }: Request) {
        let Ok(abort) = AbortController::new() else {
            return;
        };
        let signal = abort.signal();
        self.flights.borrow_mut().push((id, abort));
        let url = self.settings.url(&query.path());
        let access = self.settings.access.clone();
        let inner = Rc::downgrade(self);
        spawn_local(async move {
            let fetched = fetch::fetch(&url, &access, &signal).await;
            let answer = fetched.and_then(|fetched| fetched.answer(&query));
            with(&inner, |inner| inner.received(id, answer));
        });
    }

    fn received(self: &Rc<Self>, id: RequestId, answer: Result<Response, RequestError>) {
        if self.landed(id).is_none() {
            return;
        }
        // Before the borrow: pages wrap their console, and may do anything there.
        match answer {
            Ok(_) => self.has_answered.set(true),
            Err(failure) => self.explain(failure),
        }
        let now = clock::now();
        let mut watchlist = self.watchlist.borrow_mut();
        match answer {
            Ok(answer) => watchlist.handle_response(id, answer, now),
            Err(failure) => watchlist.handle_error(id, failure, now),
        };
        self.tick_soon();
    }

    fn landed(&self, id: RequestId) -> Option<AbortController> {
        let mut flights = self.flights.borrow_mut();
        let place = flights.iter().position(|(other, _)| *other == id)?;
        Some(flights.swap_remove(place).1)
    }

    /// Names the fix for what looks like a mistake of whoever set this up, not like an outage.
    fn explain(&self, failure: RequestError) {
        let line = match failure {
            RequestError::Unauthorized => UNAUTHORIZED,
            _ if self.has_answered.get() => return,
            RequestError::Unreachable => UNREACHABLE,
            RequestError::InvalidResponse | RequestError::Status { code: 300..=499, .. } => {
                NOT_ZULIP
            }
            _ => return,
        };
        warn_once(line, self.settings.endpoint());
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for (_, abort) in self.flights.get_mut() {
            abort.abort();
        }
    }
}

fn tick_due() {
    let drivers: Vec<_> =
        DRIVERS.with_borrow(|drivers| drivers.iter().filter_map(Weak::upgrade).collect());
    for driver in drivers {
        if driver.is_tick_due.get() {
            driver.tick();
        }
    }
}

fn with(inner: &Weak<Inner>, act: impl FnOnce(&Rc<Inner>)) {
    if let Some(inner) = inner.upgrade() {
        act(&inner);
    }
}
