//! Drives the core's engine for one endpoint.

use core::cell::{Cell, RefCell};
use core::time::Duration;
use std::rc::{Rc, Weak};

use gloo_timers::callback::Timeout;
use wasm_bindgen_futures::spawn_local;
use web_sys::AbortController;
use zulip_presence_core::reply::{EventStreamParser, RequestError};
use zulip_presence_core::watchlist::{Outcome, Query, Request, RequestId, Response, View};
use zulip_presence_core::{ClockReading, UserRef, Watchlist};

use super::page::{PageListeners, is_loading, is_visible};
use super::settings::{Auth, Settings};
use super::subscribers::{PresenceNow, Subscribers};
use super::{clock, fetch};
use crate::console::warn_once;

const UNREACHABLE: &str = "no answer. Check that the endpoint is right and runs, that it allows this page's origin \
    (gateway: --allow-origin), and that the page's Content-Security-Policy allows it (connect-src). From a public page to a private \
    network, browsers ask the reader first (Local Network Access).";
const UNAUTHORIZED: &str =
    "the endpoint refuses the key. Check email, API key and address of the bot.";
const NOT_ZULIP: &str = "what answers is neither a zulip-presence-gateway nor Zulip. Check data-endpoint, which ends with /api/v1.";
const NOT_GATEWAY: &str = "what answers is Zulip itself, not a zulip-presence-gateway: people named by ID stay unknown. \
    Give the gateway's address as data-endpoint; for a trial without one, add data-email and data-api-key.";
const NOT_ZULIP_ITSELF: &str = "what answers is a zulip-presence-gateway, not Zulip itself. \
    Remove data-email and data-api-key: a gateway holds its own key.";

/// How long the changes of one reply may wait for the replies to other requests in flight: a page
/// that is drawn once is complete sooner than one that is drawn many times.
const BATCH_WINDOW: Duration = Duration::from_millis(100);

thread_local! {
    /// All clients of the page: the same settings give the same client.
    static CLIENTS: RefCell<Vec<Weak<Inner>>> = const { RefCell::new(Vec::new()) };
}

/// The people of one endpoint on this page, and the requests for them. Clones share one client,
/// which ends with the last of them.
#[derive(Clone)]
pub struct PresenceClient(pub(super) Rc<Inner>);

impl PartialEq for PresenceClient {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

pub(super) struct Inner {
    settings: Settings,
    pub(super) watchlist: RefCell<Watchlist>,
    pub(super) subscribers: RefCell<Subscribers>,
    /// Requests, and the stream.
    in_flight: RefCell<Vec<(RequestId, AbortController)>>,
    /// A request ended, successfully or not: there is something to show.
    has_settled: Cell<bool>,
    /// The endpoint replied at least once: its failures are not a mistake in the page.
    has_answered: Cell<bool>,
    /// A tick is scheduled.
    is_tick_scheduled: Cell<bool>,
    timer: RefCell<Option<Timeout>>,
    page_listeners: RefCell<Option<PageListeners>>,
}

impl PresenceClient {
    /// The page's client for `settings`.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        CLIENTS.with_borrow_mut(|clients| {
            clients.retain(|client| client.strong_count() > 0);
            let mut all = clients.iter().filter_map(Weak::upgrade);
            let same = all.find(|client| client.settings == *settings);
            Self(same.unwrap_or_else(|| {
                let client = Inner::start(settings.clone());
                clients.push(Rc::downgrade(&client));
                client
            }))
        })
    }

    /// The presence of `user` now; unknown for a user without a subscription.
    #[must_use]
    pub fn view(&self, user: &UserRef) -> View {
        self.0.watchlist.borrow().view(user, clock::now())
    }

    /// Requests the presence of `user` immediately, but at most once every 10 s, and only if there
    /// is a subscription to them.
    pub fn refresh(&self, user: &UserRef) {
        let now = self.0.event_now();
        self.0.watchlist.borrow_mut().refresh(user, now);
    }

    /// The URL of a message to `user` in Zulip, if they are named by ID.
    pub(crate) fn message_url(&self, user: &UserRef) -> Option<String> {
        let UserRef::Id(id) = user else {
            return None;
        };
        self.0.settings.message_url(*id)
    }

    /// Requests those who are watched now, without waiting for others whom the parser may find.
    pub fn stop_waiting(&self) {
        self.0.watchlist.borrow_mut().stop_waiting();
        self.0.tick();
    }

    /// Whether a request has ended, successfully or not.
    #[must_use]
    pub fn has_settled(&self) -> bool {
        self.0.has_settled.get()
    }
}

impl Inner {
    fn start(settings: Settings) -> Rc<Self> {
        let now = clock::now();
        let mut watchlist = Watchlist::new(settings.polling(), now);
        if !is_visible() {
            watchlist.sleep();
        }
        Rc::new(Self {
            watchlist: RefCell::new(watchlist),
            settings,
            subscribers: RefCell::default(),
            in_flight: RefCell::default(),
            has_settled: Cell::new(false),
            has_answered: Cell::new(false),
            is_tick_scheduled: Cell::default(),
            timer: RefCell::default(),
            page_listeners: RefCell::default(),
        })
    }

    fn page_changed(self: &Rc<Self>) {
        let now = self.event_now();
        let mut watchlist = self.watchlist.borrow_mut();
        if is_visible() {
            watchlist.wake(now);
        } else {
            watchlist.sleep();
        }
    }

    /// Schedules a tick, and returns the clocks for the event that needs it. All events of one task
    /// cause one tick, at the end of the task.
    pub(super) fn event_now(self: &Rc<Self>) -> ClockReading {
        if !self.is_tick_scheduled.replace(true) {
            self.watchlist.borrow_mut().set_parsing(is_loading());
            let client = Rc::downgrade(self);
            spawn_local(async move { with(&client, Self::tick) });
        }
        clock::now()
    }

    fn tick(self: &Rc<Self>) {
        self.is_tick_scheduled.set(false);
        self.listen();
        let now = clock::now();
        let actions = {
            let mut watchlist = self.watchlist.borrow_mut();
            watchlist.set_parsing(is_loading());
            watchlist.step(now)
        };
        for Request { id, .. } in actions.cancelled {
            if let Some(abort) = self.take_in_flight(id) {
                abort.abort();
            }
        }
        for request in actions.requests.into_iter().chain(actions.stream) {
            self.send(request);
        }
        self.subscribers.borrow_mut().mark_changed(&actions.changes, now.monotonic);
        // An outdated status is not shown even that long.
        let decays =
            actions.changes.iter().any(|change| change.after.status > change.before.status);
        let batch_delay = self.batch_delay(now.monotonic).filter(|_| !decays);
        if batch_delay.is_none() {
            self.notify(now);
        }
        let next_rerender = self.subscribers.borrow().next_rerender(now.monotonic);
        self.set_timer(
            actions.next_wakeup.into_iter().chain(batch_delay).chain(next_rerender).min(),
        );
    }

    /// Listens to the page, again after document.open(), which removes all listeners.
    fn listen(self: &Rc<Self>) {
        let mut listeners = self.page_listeners.borrow_mut();
        if listeners.as_ref().is_none_or(PageListeners::are_removed) {
            let (parsed, changed) = (Rc::downgrade(self), Rc::downgrade(self));
            *listeners = Some(PageListeners::new(
                move || with(&parsed, Self::tick),
                move || with(&changed, Self::page_changed),
            ));
        }
    }

    /// Replaces the one timer; rounded up to whole milliseconds.
    fn set_timer(self: &Rc<Self>, wait: Option<Duration>) {
        let timer = wait.map(|wait| {
            let client = Rc::downgrade(self);
            // As a float: `as` saturates, and u128 arithmetic costs a kilobyte.
            let wait_ms = (wait.as_secs_f64() * 1000.0).ceil() as u32;
            Timeout::new(wait_ms, move || with(&client, Self::tick))
        });
        self.timer.replace(timer);
    }

    /// How much longer changes wait for the replies to other requests in flight; `None`: not at
    /// all.
    fn batch_delay(&self, now: Duration) -> Option<Duration> {
        let waited = self.subscribers.borrow().due_for(now)?;
        BATCH_WINDOW
            .checked_sub(waited)
            .filter(|left| !left.is_zero() && self.watchlist.borrow().is_requesting())
    }

    /// No borrow is held while a subscriber is called: it may call this client again.
    fn notify(&self, now: ClockReading) {
        let due = self.subscribers.borrow_mut().take_due(now.monotonic, &self.watchlist.borrow());
        for (key, cause) in due {
            let subscriber = self.subscribers.borrow().get(key);
            if let Some((user, on_presence)) = subscriber {
                let presence = PresenceNow::of(&user, &self.watchlist.borrow(), now);
                on_presence(presence, cause);
            }
        }
    }

    fn send(self: &Rc<Self>, Request { id, query }: Request) {
        let Ok(abort) = AbortController::new() else {
            return;
        };
        let signal = abort.signal();
        self.in_flight.borrow_mut().push((id, abort));
        let url = self.settings.url(&query.path());
        let auth = self.settings.auth.clone();
        let client = Rc::downgrade(self);
        spawn_local(async move {
            let (mut body, mut stream) = (Vec::new(), EventStreamParser::default());
            let max = fetch::max_body(&auth);
            let mut on_piece = |mut piece: Vec<u8>| {
                if let Query::Stream(_) = query {
                    let client = client.upgrade().ok_or(RequestError::Unreachable)?;
                    return client.stream_arrived(id, &query, stream.push(&piece)?);
                }
                body.append(&mut piece);
                if body.len() > max { Err(RequestError::InvalidResponse) } else { Ok(()) }
            };
            let head = fetch::fetch(&url, &auth, &signal, &mut on_piece).await;
            let response = head.and_then(|head| head.parse(&query, &body));
            with(&client, |client| client.ended(id, &query, response));
        });
    }

    /// A request or stream ended.
    fn ended(
        self: &Rc<Self>,
        id: RequestId,
        query: &Query,
        response: Result<Response, RequestError>,
    ) {
        if self.take_in_flight(id).is_none() {
            return;
        }
        if let Query::Stream(_) = query {
            let now = self.event_now();
            // One that ended well has no reply to parse, either: how long it lived tells the engine.
            self.watchlist.borrow_mut().handle_stream_end(id, response.err(), now);
            return;
        }
        // Before the borrow: a page's own console may call this client again.
        match response {
            Ok(_) => self.has_answered.set(true),
            Err(error) => self.warn_misconfiguration(error),
        }
        let now = self.event_now();
        if !self.has_settled.replace(true) {
            self.subscribers.borrow_mut().rerender_all(now.monotonic);
        }
        let mut watchlist = self.watchlist.borrow_mut();
        let outcome = match response {
            Ok(response) => watchlist.handle_response(id, response, now),
            Err(error) => watchlist.handle_error(id, error, now),
        };
        drop(watchlist);
        if outcome == Outcome::WrongEndpoint {
            let is_direct = matches!(self.settings.auth, Auth::Zulip(_));
            let line = if is_direct { NOT_ZULIP_ITSELF } else { NOT_GATEWAY };
            warn_once(line, self.settings.endpoint());
        }
    }

    fn take_in_flight(&self, id: RequestId) -> Option<AbortController> {
        let mut in_flight = self.in_flight.borrow_mut();
        let place = in_flight.iter().position(|(other, _)| *other == id)?;
        Some(in_flight.swap_remove(place).1)
    }

    /// Names the fix for an error that looks like a misconfiguration, not like an outage.
    fn warn_misconfiguration(&self, error: RequestError) {
        let line = match error {
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
        for (_, abort) in self.in_flight.get_mut() {
            abort.abort();
        }
    }
}

fn with(client: &Weak<Inner>, act: impl FnOnce(&Rc<Inner>)) {
    if let Some(client) = client.upgrade() {
        act(&client);
    }
}
