//! What people say of themselves, as a gateway tells it beside their presence.

use std::time::Duration;

use zulip_presence_core::Status;
use zulip_presence_core::reply::HttpReply;
use zulip_presence_core::watchlist::Request;

use crate::page::{MINUTE, Page, gateway, secs, user};

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
