//! What people say of themselves: a gateway tells it beside their presence, Zulip itself if asked.

use std::time::Duration;

use zulip_presence_core::Status;
use zulip_presence_core::reply::HttpReply;
use zulip_presence_core::watchlist::{Query, Request, Response};

use crate::page::{MINUTE, Page, gateway, ids, secs, strs, user, zulip};

/// A reply about 12 and 13, of whom 12 was active `age` ago and says `text`.
fn reply(page: &mut Page, request: &Request, at_s: i64, age: i64, text: Option<&str>) {
    let active = at_s - age;
    let statuses = text.map_or(String::new(), |text| {
        format!(r#", "user_statuses": {{"12": {{"status_text": "{text}"}}, "99": {{"status_text": "x"}}}}"#)
    });
    let body = format!(
        r#"{{"result": "success", "msg": "", "server_timestamp": {at_s},
            "presences": {{"12": {{"active_timestamp": {active}}}, "13": {{}}}}{statuses}}}"#
    );
    let reply = HttpReply { status: 200, header: &|_| None, body: body.as_bytes() };
    let response = request.query.parse_reply(&reply).expect("a reply");
    page.list.handle_response(request.id, response, page.now);
}

fn message(page: &Page, written: &str) -> Option<String> {
    page.list.view(&user(written), page.now).message.map(|message| message.to_string())
}

fn at_s(page: &Page) -> i64 {
    page.server_now().as_ms() / 1000
}

#[test]
fn message_is_a_change_of_its_own() {
    let mut page = Page::showing(gateway(), &["12", "13"]);
    let mut says = Some("Lunch");
    page.run(Duration::ZERO, |page, request| reply(page, request, at_s(page), 5, says));
    assert_eq!(message(&page, "12").as_deref(), Some("Lunch"));
    assert_eq!(message(&page, "13"), None);
    for (text, expected) in [(None, 1), (Some("Lunch"), 1), (Some("Lunch"), 0), (Some("Back"), 1)] {
        says = text;
        page.pass(secs(11));
        page.list.refresh(&user("12"), page.now);
        page.step();
        let request = page.take();
        let now = at_s(&page);
        reply(&mut page, &request, now, 5, says);
        let step = page.step();
        let told = step.changes.iter().filter(|it| it.before.message != it.after.message).count();
        assert_eq!(told, expected, "{text:?}");
        assert_eq!(message(&page, "12").as_deref(), text);
    }
}

#[test]
fn older_reply_does_not_bring_back_an_older_message() {
    let mut page = Page::showing(gateway(), &["12", "13"]);
    page.run(Duration::ZERO, |page, request| reply(page, request, at_s(page), 5, Some("New")));
    page.pass(secs(11));
    page.list.refresh(&user("12"), page.now);
    page.step();
    let request = page.take();
    let before = at_s(&page) - 60;
    reply(&mut page, &request, before, 5, Some("Old"));
    page.step();
    assert_eq!(message(&page, "12").as_deref(), Some("New"));
}

#[test]
fn message_is_forgotten_when_the_status_is() {
    let mut page = Page::showing(gateway(), &["12", "13"]);
    page.run(Duration::ZERO, |page, request| reply(page, request, at_s(page), 5, Some("Lunch")));
    // An outage.
    page.run(10 * MINUTE, |_, _| {});
    assert_eq!((page.status("12"), message(&page, "12")), (Status::Unknown, None));
}

#[test]
fn who_has_no_presence_may_say_something() {
    let mut page = Page::showing(gateway(), &["12"]);
    page.run(Duration::ZERO, |page, request| {
        let body = r#"{"result": "success", "msg": "", "server_timestamp": 1800000000,
            "presences": {"12": {}}, "user_statuses": {"12": {"status_text": "Hello"}}}"#;
        let reply = HttpReply { status: 200, header: &|_| None, body: body.as_bytes() };
        let response = request.query.parse_reply(&reply).expect("a reply");
        page.list.handle_response(request.id, response, page.now);
    });
    page.step();
    assert_eq!(
        (page.status("12"), message(&page, "12").as_deref()),
        (Status::Unknown, Some("Hello"))
    );
}

impl Page {
    /// Seconds at which it was asked what 12 says.
    fn asked_messages(&self) -> Vec<u64> {
        let asked = self.sent.iter().filter(|(_, query)| matches!(query, Query::Message(_)));
        asked.map(|(second, _)| *second).collect()
    }
}

#[test]
fn zulip_is_asked_for_a_message_while_it_is_shown() {
    let mut page = Page::showing(zulip(), &["12", "ada@x"]);
    let answer = |page: &mut Page, request: &Request| match request.query {
        Query::Message(_) => {
            let message = Response::Message(page.reply(Some("Lunch".into())));
            page.list.handle_response(request.id, message, page.now);
        }
        _ => page.active(request, secs(5)),
    };
    page.run(10 * MINUTE, answer);
    assert_eq!(page.asked_messages(), [0_u64; 0], "nobody shows it");
    let since = page.elapsed().as_secs();
    for written in ["12", "ada@x"] {
        page.list.show_message(&user(written), true, page.now);
    }
    page.run(11 * MINUTE, answer);
    let asked = page.asked_messages();
    assert_eq!((asked.len(), asked[0]), (3, since), "{asked:?}: by ID, every five minutes");
    assert_eq!(message(&page, "12").as_deref(), Some("Lunch"));
    page.list.hide(&user("12"));
    page.run(10 * MINUTE, answer);
    page.list.show(&user("12"));
    page.list.show_message(&user("12"), false, page.now);
    page.run(10 * MINUTE, answer);
    assert_eq!(page.asked_messages().len(), 3, "off screen, and no longer shown");
}

#[test]
fn messages_leave_room_for_presence() {
    let people = ids(100..130);
    let mut page = Page::showing(zulip(), &strs(&people));
    for person in &people {
        page.list.show_message(&user(person), true, page.now);
    }
    page.run(10 * MINUTE, |page, request| page.active(request, secs(5)));
    let messages = page.asked_messages().len();
    assert!((60..=100).contains(&messages), "{messages}: 30 people, every five minutes");
    let presences = page.sent.len() - messages;
    assert!(presences >= 200, "{presences}");
}

#[test]
fn zulip_that_has_no_messages_is_no_failure() {
    let mut page = Page::showing(zulip(), &["12"]);
    page.list.show_message(&user("12"), true, page.now);
    page.run(10 * MINUTE, |page, request| match &request.query {
        Query::Message(_) => {
            let body = br#"{"result": "error", "msg": "Invalid", "code": "BAD_REQUEST"}"#;
            let reply = HttpReply { status: 404, header: &|_| None, body };
            let response = request.query.parse_reply(&reply).expect("no failure");
            page.list.handle_response(request.id, response, page.now);
        }
        _ => page.active(request, secs(5)),
    });
    let presences = page.sent.len() - page.asked_messages().len();
    assert!((9..=12).contains(&presences), "{presences}: no back-off");
    let gone = HttpReply { status: 500, header: &|_| None, body: b"" };
    assert!(Query::Message(user("12")).parse_reply(&gone).is_err());
}
