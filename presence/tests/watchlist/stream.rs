//! When a page reads a stream, about whom, and what becomes of polling meanwhile.

use std::time::Duration;

use zulip_presence_core::Status;
use zulip_presence_core::reply::RequestError;
use zulip_presence_core::watchlist::{Outcome, PollSettings, Query, Request, Response};

use crate::page::{MINUTE, Page, gateway, ids, secs, user, zulip};

/// What arrives by a stream every 15 s.
const COMMENT_AFTER: Duration = Duration::from_secs(15);

fn live() -> PollSettings {
    gateway().interval(secs(30)).live(true)
}

impl Page {
    /// A page with these people on screen, whose stream is open.
    fn streaming(users: &[&str]) -> Self {
        Self::streaming_with(live(), users)
    }

    fn streaming_with(settings: PollSettings, users: &[&str]) -> Self {
        let mut page = Self::showing(settings, users);
        page.run(Duration::ZERO, |page, request| page.active(request, secs(5)));
        let stream = page.stream().clone();
        page.message(&stream, secs(5));
        page.step();
        page
    }

    fn stream(&self) -> &Request {
        self.streams.last().expect("a stream was opened")
    }

    /// A message that all people of the stream were active `age` ago.
    fn message(&mut self, stream: &Request, age: Duration) -> Outcome {
        let Query::Stream(users) = &stream.query else {
            panic!("{:?} is no stream", stream.query);
        };
        let presence = self.active_presence(age);
        let entries = users.iter().map(|user| (user.clone(), Ok(presence)));
        let message = Response::Realm(self.reply(entries.collect()));
        self.list.handle_stream_message(stream.id, message, self.now)
    }

    /// Time passes, and comments arrive.
    fn run_with_comments(&mut self, span: Duration) {
        let end = self.elapsed() + span;
        while self.elapsed() < end {
            let stream = self.stream().id;
            self.list.handle_stream_comment(stream, self.now);
            let left = end.saturating_sub(self.elapsed());
            self.run(COMMENT_AFTER.min(left), |page, request| page.active(request, secs(5)));
        }
    }

    /// Seconds at which requests were sent.
    fn seconds(&self) -> Vec<u64> {
        self.sent.iter().map(|(second, _)| *second).collect()
    }

    fn end_stream(&mut self, error: Option<RequestError>) {
        let stream = self.stream().id;
        self.list.handle_stream_end(stream, error, self.now);
    }

    /// Seconds until the next stream opens, while requests succeed.
    fn reopens_after(&mut self) -> u64 {
        let (before, since) = (self.streams.len(), self.elapsed());
        while self.streams.len() == before {
            assert!(self.elapsed() < since + 60 * MINUTE, "never");
            self.run(secs(1), |page, request| page.active(request, secs(5)));
        }
        (self.elapsed() - since).as_secs()
    }
}

#[test]
fn stream_opens_after_the_first_reply_about_all_in_view() {
    let mut page = Page::showing(live(), &["12", "ada@example.com"]);
    page.list.watch(&user("13"), page.now);
    page.step();
    assert_eq!(page.streams, [], "nothing is known of the endpoint yet");
    page.run(Duration::ZERO, |page, request| page.active(request, secs(5)));
    let path =
        "realm/presence/stream?users=%5B12%2C13%2C%22ada%40example.com%22%5D&slim_presence=true";
    assert_eq!(page.stream().query.path(), path, "the whole group, as it is requested");
    assert_eq!(page.streams.len(), 1);
}

#[test]
fn there_is_none_unless_it_is_wanted_and_from_zulip_itself() {
    for settings in [gateway(), zulip().live(true)] {
        let mut page = Page::showing(settings, &["12", "ada@example.com"]);
        page.run(5 * MINUTE, |page, request| page.active(request, secs(5)));
        assert_eq!(page.streams, []);
    }
}

#[test]
fn message_is_shown_at_once_and_polling_slows_down() {
    let mut page = Page::streaming(&["12", "13"]);
    page.run_with_comments(10 * MINUTE);
    let polls = page.sent.len() - 1;
    assert!((9..=11).contains(&polls), "{polls} requests in 10 minutes: {:?}", page.seconds());
    page.changes.clear();
    let stream = page.stream().clone();
    page.message(&stream, 10 * MINUTE);
    page.step();
    assert_eq!(page.changes.len(), 2, "{:?}", page.changes);
    assert_eq!(page.status("12"), Status::Offline);
}

#[test]
fn refresh_does_not_wait_for_a_stream() {
    let mut page = Page::streaming(&["12", "13"]);
    page.run_with_comments(secs(12));
    let before = page.sent.len();
    page.list.refresh(&user("12"), page.now);
    page.run_with_comments(secs(1));
    assert_eq!(page.seconds()[before..], [12]);
}

#[test]
fn polling_does_not_slow_down_for_a_threshold_that_a_minute_would_exceed() {
    for (threshold, polls) in [(60, 18..=22), (169, 18..=22), (170, 9..=11), (3_600, 9..=11)] {
        let settings = live().offline_threshold(Some(secs(threshold)));
        let mut page = Page::streaming_with(settings, &["12"]);
        page.run_with_comments(10 * MINUTE);
        let sent = page.sent.len() - 1;
        assert!(polls.contains(&sent), "{threshold} s: {sent} in 10 minutes");
        assert_eq!(page.streams.len(), 1, "{threshold} s: who comes is still told at once");
    }
}

#[test]
fn silent_stream_costs_no_freshness_and_is_given_up() {
    let mut page = Page::streaming(&["12"]);
    page.run_with_comments(secs(16));
    let before = page.sent.len();
    let opened = page.streams.clone();
    page.run(2 * MINUTE, |page, request| page.active(request, secs(5)));
    let next = page.seconds()[before];
    assert_eq!(next, 15 + 25, "that long after the last comment");
    assert_eq!(page.cancelled.first(), opened.first());
    let gaps: Vec<_> = page.seconds()[before..].windows(2).map(|at| at[1] - at[0]).collect();
    assert!(gaps.iter().all(|gap| *gap <= 33), "as without a stream: {gaps:?}");
    // Late news of the dead stream are ignored.
    assert_eq!(page.message(&opened[0], secs(1)), Outcome::Ignored);
}

/// A proxy on the way keeps back all that the gateway sends.
#[test]
fn stream_that_is_held_back_costs_no_freshness_and_is_tried_less_and_less() {
    let mut page = Page::showing(live(), &["12"]);
    page.run(60 * MINUTE, |page, request| page.active(request, secs(5)));
    let gaps: Vec<_> = page.seconds().windows(2).map(|at| at[1] - at[0]).collect();
    assert!(gaps.iter().all(|gap| *gap <= 33), "as without a stream: {gaps:?}");
    // Each is given up after 45 s; the waits grow to 150 to 300 s.
    assert!((12..=24).contains(&page.streams.len()), "{} in an hour", page.streams.len());
    assert!(page.cancelled.len() + 1 >= page.streams.len(), "{} given up", page.cancelled.len());
}

#[test]
fn hidden_page_has_none() {
    let mut page = Page::streaming(&["12"]);
    let first = page.stream().clone();
    page.list.sleep();
    assert_eq!(page.step().cancelled, [first]);
    page.run(5 * MINUTE, |page, request| page.active(request, secs(5)));
    assert_eq!(page.streams.len(), 1);
    page.list.wake(page.now);
    assert!(page.reopens_after() <= 1);
    // However often it is shown: one in 10 s.
    for _ in 0..20 {
        page.list.sleep();
        page.step();
        page.list.wake(page.now);
        page.run(secs(1), |page, request| page.active(request, secs(5)));
    }
    assert!((3..=4).contains(&page.streams.len()), "{}", page.streams.len());
}

#[test]
fn page_with_nothing_in_view_has_none() {
    let mut page = Page::streaming(&["12"]);
    page.list.hide(&user("12"));
    page.run(secs(4), |page, request| page.active(request, secs(5)));
    assert_eq!(page.cancelled, [], "rows may come back");
    page.run(secs(2), |page, request| page.active(request, secs(5)));
    assert_eq!(page.cancelled.len(), 1);
    page.list.show(&user("12"));
    assert!(page.reopens_after() <= 10);
}

#[test]
fn who_comes_into_view_joins_the_stream() {
    let mut page = Page::streaming(&["12"]);
    page.run_with_comments(secs(20));
    page.show(&["14"]);
    page.run_with_comments(secs(5));
    let members = [user("12"), user("14")];
    assert_eq!(page.stream().query, Query::Stream(members.to_vec()));
    assert_eq!(page.cancelled.len(), 1, "one stream for a page");
}

#[test]
fn stream_is_about_the_groups_in_view_that_fit() {
    let people = ids(1_000..2_120);
    let mut page = Page::new(live());
    for person in &people {
        page.list.watch(&user(person), page.now);
    }
    page.list.show(&user(&people[0]));
    page.list.show(&user(&people[1_119]));
    page.run(Duration::ZERO, |page, request| page.active(request, secs(5)));
    let expected: Vec<_> = people[..500].iter().map(|person| user(person)).collect();
    assert_eq!(page.stream().query, Query::Stream(expected), "120 more do not fit");
    let stream = page.stream().clone();
    page.message(&stream, secs(5));
    let before = page.sent.len();
    page.run_with_comments(5 * MINUTE);
    let of_last_group = |(_, query): &&(u64, Query)| query.path().contains("2119");
    let others = page.sent[before..].iter().filter(of_last_group).count();
    assert!((9..=11).contains(&others), "the others are polled as ever: {others}");
    // Scrolled there.
    page.list.hide(&user(&people[0]));
    page.run_with_comments(secs(15));
    let expected: Vec<_> = people[1_000..].iter().map(|person| user(person)).collect();
    assert_eq!(page.stream().query, Query::Stream(expected));
}

#[test]
fn ended_stream_is_followed_by_another_one_soon() {
    let mut page = Page::streaming(&["12"]);
    page.run_with_comments(5 * MINUTE);
    page.end_stream(None);
    assert!(page.reopens_after() <= 5);
}

#[test]
fn failing_streams_back_off_to_five_minutes() {
    let mut page = Page::showing(live(), &["12"]);
    page.run(Duration::ZERO, |page, request| page.active(request, secs(5)));
    let mut waits = Vec::new();
    for _ in 0..10 {
        page.end_stream(Some(RequestError::Unreachable));
        waits.push(page.reopens_after());
    }
    assert!(
        waits[0] <= 10 && waits[9] >= 150 && waits.iter().all(|wait| *wait <= 300),
        "{waits:?}"
    );
    // One that ends at once, over and over, is no better.
    let stream = page.stream().clone();
    page.message(&stream, secs(1));
    page.end_stream(None);
    assert!(page.reopens_after() >= 150);
    // The network's return ends the wait.
    page.end_stream(Some(RequestError::Unreachable));
    page.run(secs(11), |page, request| page.active(request, secs(5)));
    page.list.online(page.now);
    assert!(page.reopens_after() <= 1);
}

#[test]
fn gateway_without_streams_is_not_asked_again_soon() {
    for code in [204, 404] {
        let mut page = Page::showing(live(), &["12"]);
        page.run(Duration::ZERO, |page, request| page.active(request, secs(5)));
        page.end_stream(Some(RequestError::Status { code, retry_after: None }));
        let before = page.sent.len();
        page.list.online(page.now);
        let wait = page.reopens_after();
        assert!((900..=990).contains(&wait), "{code}: {wait} s");
        let requests = page.sent.len() - before;
        assert!((28..=35).contains(&requests), "{requests} requests in 15 minutes");
    }
}

#[test]
fn imposed_wait_is_kept() {
    let mut page = Page::showing(live(), &["12"]);
    page.run(Duration::ZERO, |page, request| page.active(request, secs(5)));
    page.end_stream(Some(RequestError::Status { code: 503, retry_after: Some(secs(60)) }));
    page.list.wake(page.now);
    assert!((60..=66).contains(&page.reopens_after()));
}

#[test]
fn stream_is_replaced_after_the_computer_slept() {
    let mut page = Page::streaming(&["12"]);
    page.run_with_comments(secs(20));
    let first = page.stream().clone();
    // The monotonic clock stands still meanwhile.
    page.now.wall = page.now.wall + 60 * MINUTE;
    let step = page.step();
    assert!(step.cancelled.contains(&first));
    assert_eq!(page.streams.len(), 2);
}
