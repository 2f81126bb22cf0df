//! Who is requested when, and what replies are taken for.

use std::time::Duration;

use crate::page::*;
use zulip_presence_core::reply::{NoPresenceReason, RealmPresence, RequestError};
use zulip_presence_core::watchlist::{
    Endpoint, MAX_GROUP, Outcome, PollSettings, Query, Request, Response, View,
};
use zulip_presence_core::{Presence, Status, UserRef};

#[test]
fn one_user_watched_fifty_times_is_requested_once() {
    let mut page = Page::showing(gateway(), &["12"; 50]);
    assert_eq!(page.sent, [(0, Query::Group(vec![user("12")]))]);
    assert_eq!(page.list.watched(), 1);
    let request = page.take();
    page.active(&request, secs(5));
    page.step();
    assert_eq!(page.changes, [("12".to_owned(), Status::Active)]);
    // 49 leave, one stays.
    page.drop(&["12"; 49]);
    page.run(3 * MINUTE, |page, request| page.active(request, secs(5)));
    assert!(page.sent.len() >= 3);
}

#[test]
fn visible_member_requests_its_whole_group() {
    let people = ids(1_000..2_120);
    let mut page = Page::new(gateway());
    for person in &people {
        page.list.watch(&user(person), page.now);
    }
    assert_eq!(page.step().requests, []);
    page.list.show(&user(&people[700]));
    page.step();
    let expected = Query::Group(people[500..1_000].iter().map(|person| user(person)).collect());
    assert_eq!(page.sent, [(0, expected)], "all of the second group, and nobody else");
    page.list.show(&user(&people[1_119]));
    page.list.show(&user(&people[0]));
    let sizes: Vec<_> = page
        .step()
        .requests
        .iter()
        .map(|request| matches!(&request.query, Query::Group(users) if users.len() == MAX_GROUP))
        .collect();
    assert_eq!(sizes, [true, false]);
}

#[test]
fn nobody_waits_longer_than_a_second_for_the_parser() {
    let mut page = Page::new(gateway());
    page.list.set_parsing(true);
    // Two people a second: those of one second share a request.
    for id in 0..12 {
        page.show(&[&format!("{}", 10 + id)]);
        page.run(Duration::from_millis(500), |page, request| page.active(request, secs(5)));
    }
    page.run(2 * MINUTE, |page, request| page.active(request, secs(5)));
    let paths: Vec<_> = page.sent.iter().map(|(_, query)| query.path()).collect();
    let first = "realm/presence?users=%5B10%2C11%5D&slim_presence=true";
    assert_eq!((page.sent[0].0, paths[0].as_str()), (1, first));
    // Each group keeps its URL, and nobody is in two of them.
    let groups: std::collections::BTreeSet<_> = paths.iter().collect();
    assert!((4..=6).contains(&groups.len()), "{groups:?}");
    let people: usize = groups.iter().map(|path| path.matches("%2C").count() + 1).sum();
    assert_eq!(people, 12);
}

#[test]
fn end_of_parsing_ends_the_wait() {
    let mut page = Page::new(gateway());
    page.list.set_parsing(true);
    page.show(&["12"]);
    assert_eq!(page.step().requests, []);
    page.list.set_parsing(false);
    assert_eq!(page.step().requests.len(), 1);
    // Its group gets further members again.
    page.run(secs(3), |page, request| page.active(request, secs(5)));
    page.show(&["13"]);
    page.step();
    assert_eq!(page.sent.last(), Some(&(3, Query::Group(vec![user("12"), user("13")]))));
}

#[test]
fn who_was_asked_for_early_does_not_wait() {
    let mut page = Page::new(gateway());
    page.list.set_parsing(true);
    page.show(&["12"]);
    page.list.stop_waiting();
    assert_eq!(page.step().requests.len(), 1);
    page.show(&["13"]);
    assert_eq!(page.step().requests, []);
    page.run(secs(1), |page, request| page.active(request, secs(5)));
    assert_eq!(page.sent.last(), Some(&(1, Query::Group(vec![user("13")]))));
}

#[test]
fn document_that_never_ends_keeps_within_the_budget() {
    let mut page = Page::new(gateway().interval(secs(30)));
    page.list.set_parsing(true);
    for id in 0..600 {
        page.show(&[&format!("{}", 1_000 + id)]);
        page.run(secs(1), |page, request| page.active(request, secs(5)));
    }
    let before = page.sent.len();
    page.run(10 * MINUTE, |page, request| page.active(request, secs(5)));
    assert!(page.sent.len() - before <= 10 * 60, "{}", page.sent.len() - before);
    assert!(page.list.watched() == 600 && page.open.is_empty());
}

#[test]
fn group_url_is_sorted_and_bounded() {
    let mut page = Page::new(gateway());
    let long: Vec<_> = (0..60).map(|n| format!("{n}{}@example.com", "+".repeat(100))).collect();
    page.show(&strs(&long));
    page.show(&["9", "b@x", "10", "A@x"]);
    let mut asked = 0;
    page.run(secs(1), |page, request| {
        asked += match &request.query {
            Query::Group(users) => users.len(),
            _ => 0,
        };
        assert!(request.query.path().len() <= 3_744, "{}", request.query.path().len());
        page.active(request, secs(5));
    });
    assert_eq!(asked, 64);
    let last = page.sent.iter().map(|(_, ask)| ask.path()).find(|path| path.contains("9%2C10"));
    assert!(last.is_some_and(|path| path.starts_with("realm/presence?users=%5B9%2C10%2C")
        && path.ends_with("%22a%40x%22%2C%22b%40x%22%5D&slim_presence=true")));
}

#[test]
fn interval_varies_by_ten_percent() {
    for interval in [15, 30, 60] {
        let mut page = Page::showing(gateway().interval(secs(interval)), &["12"]);
        page.run(60 * MINUTE, |page, request| page.active(request, secs(5)));
        let gaps: Vec<_> = page.sent.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
        assert!(
            gaps.iter().all(|gap| (interval * 9 / 10 - 1..=interval * 11 / 10 + 1).contains(gap)),
            "{gaps:?}"
        );
        assert!(gaps.iter().max() > gaps.iter().min(), "no jitter at all");
    }
}

#[test]
fn hidden_page_sends_nothing_and_resumes_at_once() {
    let mut page = Page::showing(gateway(), &["12"]);
    let request = page.take();
    page.active(&request, secs(5));
    page.list.sleep();
    page.run(60 * MINUTE, |_, _| panic!("asked while hidden"));
    assert_eq!(page.status("12"), Status::Unknown, "an hour old");
    page.list.wake(page.now);
    page.step();
    assert_eq!(page.open.len(), 1);
    // Not due yet: a short absence costs nothing.
    let request = page.take();
    page.active(&request, secs(5));
    page.list.sleep();
    page.pass(secs(20));
    page.list.wake(page.now);
    assert_eq!(page.step().requests, []);
}

#[test]
fn retry_delay_doubles_up_to_the_interval() {
    let mut page = Page::showing(gateway(), &["12"]);
    page.run(60 * MINUTE, |page, request| page.fail(request, RequestError::Unreachable));
    let gaps: Vec<_> = page.sent.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    for (gap, longest) in gaps.iter().zip([5, 10, 20, 40].into_iter().chain(std::iter::repeat(60)))
    {
        assert!((longest / 2 - 1..=longest + 1).contains(gap), "{gaps:?}");
    }
    assert!(gaps.len() > 10);
}

#[test]
fn wake_or_network_return_ends_the_retry_delay() {
    for wake in [false, true] {
        let mut page = Page::showing(gateway(), &["12"]);
        page.run(60 * MINUTE, |page, request| page.fail(request, RequestError::Unreachable));
        let before = page.sent.len();
        while page.sent.len() == before {
            page.run(secs(1), |page, request| page.fail(request, RequestError::Unreachable));
        }
        page.run(secs(1), |_, _| panic!("just failed"));
        if wake {
            page.list.sleep();
            page.list.wake(page.now);
        } else {
            page.list.online(page.now);
        }
        assert_eq!(page.step().requests.len(), 1);
    }
}

#[test]
fn failing_endpoint_gets_one_request_at_a_time() {
    let people = ids(1_000..5_000);
    let mut page = Page::new(gateway());
    page.show(&strs(&people));
    assert_eq!(page.step().requests.len(), 4, "four in flight, of eight groups");
    for request in std::mem::take(&mut page.open) {
        page.fail(&request, RequestError::Unreachable);
    }
    page.run(Duration::from_millis(2_400), |_, _| panic!("sooner than 2.5 s"));
    let mut tried = 0;
    page.run(secs(3), |page, request| {
        tried += 1;
        page.fail(request, RequestError::Unreachable);
    });
    assert_eq!(tried, 1, "four that failed together are one failure, and one tries for all");
}

#[test]
fn failing_group_does_not_starve_the_others() {
    let people = ids(1..1_501);
    let mut page = Page::new(gateway());
    page.show(&strs(&people));
    page.run(10 * MINUTE, |page, request| match &request.query {
        Query::Group(users) if users.contains(&user("1")) => {
            page.fail(request, RequestError::Status { code: 414, retry_after: None });
        }
        _ => page.active(request, secs(5)),
    });
    let good = page
        .sent
        .iter()
        .filter(|(_, ask)| matches!(ask, Query::Group(users) if !users.contains(&user("1"))))
        .count();
    assert!(good >= 2 * 9, "{good}");
    assert_eq!((page.status("1"), page.status("1500")), (Status::Unknown, Status::Active));
}

#[test]
fn retry_after_is_honoured() {
    let limited =
        |seconds: Option<u64>| RequestError::RateLimited { retry_after: seconds.map(secs) };
    for (failure, shortest, longest) in [
        (limited(Some(100)), 100, 110),
        (limited(Some(u64::MAX)), 900, 990),
        (limited(None), 2, 5),
        (RequestError::Status { code: 503, retry_after: Some(secs(30)) }, 30, 33),
        (RequestError::Unauthorized, 300, 330),
    ] {
        let mut page = Page::showing(gateway(), &["12"]);
        let request = page.take();
        page.fail(&request, failure);
        let start = page.elapsed();
        page.run(secs(shortest), |_, _| panic!("too soon after {failure:?}"));
        if shortest > 10 {
            page.pass(Duration::ZERO);
            let before = page.elapsed();
            page.list.wake(page.now);
            page.list.refresh(&user("12"), page.now);
            assert!(
                page.list.step(page.now).requests.is_empty() || before - start >= secs(shortest),
                "{failure:?}"
            );
        }
        let mut returned = None;
        page.run(secs(longest - shortest + 1), |page, request| {
            returned.get_or_insert(page.elapsed());
            page.active(request, secs(5));
        });
        assert!(returned.is_some(), "{failure:?}");
    }
}

#[test]
fn account_change_ends_an_imposed_wait() {
    let mut page = Page::showing(gateway(), &["12"]);
    let request = page.take();
    page.fail(&request, RequestError::Unauthorized);
    page.pass(secs(1));
    assert_eq!(page.step().requests, []);
    page.list.account_changed(page.now);
    page.step();
    let request = page.take();
    page.fail(&request, RequestError::Unauthorized);
    page.run(secs(300), |_, _| panic!("what is refused again waits again"));
}

#[test]
fn account_change_cancels_the_requests_of_the_former_one() {
    let mut page = Page::showing(gateway(), &["12"]);
    let former = page.take();
    page.list.account_changed(page.now);
    let step = page.list.step(page.now);
    assert_eq!(step.cancelled, std::slice::from_ref(&former));
    assert_eq!(step.requests.len(), 1, "the new one need not wait");
    let outcome = page.list.handle_error(former.id, RequestError::Unauthorized, page.now);
    assert_eq!(outcome, Outcome::Ignored);
    page.run(secs(9), |_, _| panic!("it has its request"));
}

#[test]
fn imposed_wait_survives_wake_and_refresh() {
    let mut page = Page::showing(gateway(), &["12"]);
    let request = page.take();
    page.fail(&request, RequestError::Unauthorized);
    for _ in 0..290 {
        page.pass(secs(1));
        page.list.wake(page.now);
        page.list.online(page.now);
        page.list.refresh(&user("12"), page.now);
        assert_eq!(page.step().requests, []);
    }
}

#[test]
fn request_times_out_after_ten_seconds() {
    let mut page = Page::showing(gateway(), &["12"]);
    let request = page.take();
    page.pass(Duration::from_millis(9_999));
    assert_eq!(page.step().cancelled, []);
    page.pass(Duration::from_millis(1));
    assert_eq!(page.step().cancelled, std::slice::from_ref(&request));
    page.active(&request, secs(5));
    assert_eq!(page.status("12"), Status::Unknown, "its late reply is ignored");
}

#[test]
fn older_observation_never_replaces_a_newer_one() {
    let mut page = Page::showing(gateway(), &["12"]);
    let request = page.take();
    page.active(&request, secs(5));
    page.run(MINUTE + secs(7), |page, request| {
        let offline = Presence { offline: true, ..Presence::default() };
        let mut reply =
            page.reply([(user("12"), Ok(offline))].into_iter().collect::<RealmPresence>());
        reply.server_timestamp = Some(page.server_now() - secs(100));
        page.list.handle_response(request.id, Response::Realm(reply), page.now);
    });
    assert_eq!(page.sent.len(), 2);
    assert_eq!(page.status("12"), Status::Active);
}

#[test]
fn refresh_requests_at_once_but_at_most_every_ten_seconds() {
    let mut page = Page::showing(gateway(), &["12"]);
    let request = page.take();
    page.active(&request, secs(5));
    for _ in 0..60 {
        page.list.refresh(&user("12"), page.now);
        page.run(secs(1), |page, request| page.active(request, secs(5)));
    }
    let starts: Vec<_> = page.sent.iter().map(|(second, _)| *second).collect();
    assert_eq!(starts, [0, 10, 20, 30, 40, 50, 60]);
    // Off screen as well; for an unknown user nothing happens.
    page.list.hide(&user("12"));
    page.pass(secs(20));
    page.list.refresh(&user("12"), page.now);
    page.list.refresh(&user("99"), page.now);
    assert_eq!(page.step().requests.len(), 1);
}

#[test]
fn next_wakeup_announces_changes_by_age() {
    let mut page = Page::showing(gateway(), &["12"]);
    let request = page.take();
    page.active(&request, secs(150));
    page.list.sleep();
    page.step();
    assert_eq!(page.wait, Some(Duration::from_millis(50_001)));
    page.run(10 * MINUTE, |_, _| ());
    assert_eq!(
        page.changes,
        [
            ("12".to_owned(), Status::Active),
            ("12".to_owned(), Status::Offline),
            ("12".to_owned(), Status::Unknown)
        ]
    );
}

#[test]
fn entry_is_evicted_five_minutes_after_its_last_watcher() {
    let mut page = Page::showing(gateway(), &["12", "13"]);
    let request = page.take();
    page.active(&request, secs(5));
    page.drop(&["12", "13"]);
    page.run(secs(299), |_, _| panic!("nobody watches"));
    assert!(!page.list.is_empty());
    page.run(secs(2), |_, _| panic!("nobody watches"));
    assert!(page.list.is_empty());
    assert_eq!(page.list.step(page.now).next_wakeup, None);
}

#[test]
fn removing_and_re_adding_rows_sends_nothing() {
    let people = ids(1..1_201);
    let mut page = Page::new(gateway());
    page.show(&strs(&people));
    page.run(secs(1), |page, request| page.active(request, secs(5)));
    let before = page.sent.len();
    for _ in 0..20 {
        page.drop(&strs(&people));
        page.run(Duration::from_millis(500), |_, _| panic!("asked for nobody"));
        page.show(&strs(&people));
        page.run(secs(1), |_, _| panic!("asked again"));
    }
    assert_eq!(page.status("77"), Status::Active);
    page.run(MINUTE, |page, request| page.active(request, secs(5)));
    assert_eq!(page.sent.len(), 2 * before, "the same groups, a minute later");
}

#[test]
fn new_members_are_batched() {
    let mut page = Page::showing(gateway(), &["1"]);
    for id in 2..42 {
        page.show(&[&id.to_string()]);
        page.run(Duration::from_millis(100), |page, request| page.active(request, secs(5)));
    }
    page.run(secs(3), |page, request| page.active(request, secs(5)));
    assert_eq!(page.status("41"), Status::Active);
    assert!(page.sent.len() <= 5, "{:?}", page.sent.len());
}

#[test]
fn replaced_users_do_not_fragment_groups() {
    let mut page = Page::new(gateway());
    for id in 1..1_500 {
        page.show(&[&id.to_string()]);
        page.run(secs(2), |page, request| page.active(request, secs(5)));
        if id % 400 != 0 {
            page.drop(&[&id.to_string()]);
        }
    }
    page.run(10 * MINUTE, |page, request| page.active(request, secs(5)));
    let before = page.sent.len();
    page.run(10 * MINUTE, |page, request| page.active(request, secs(5)));
    let requests = page.sent.len() - before;
    assert!((9..=12).contains(&requests), "three users are left, {requests} in 10 minutes");
}

#[test]
fn requests_lost_in_sleep_are_repeated_at_once() {
    let mut page = Page::showing(gateway(), &["12"]);
    let request = page.take();
    page.now.wall = page.now.wall + secs(10_800);
    page.now.monotonic += secs(1);
    let step = page.list.step(page.now);
    assert_eq!(step.cancelled, [request], "its connection is gone");
    assert_eq!(step.requests.len(), 1, "and is retried at once");
}

#[test]
fn empty_entry_in_a_group_is_unknown_without_a_user_query() {
    let mut page = Page::showing(gateway(), &["12", "13", "ada@x"]);
    page.run(30 * MINUTE, |page, request| {
        assert!(matches!(&request.query, Query::Group(users) if users.len() == 3));
        let reply = page.reply(
            ["12", "13", "ada@x"]
                .into_iter()
                .map(|written| (user(written), Err(NoPresenceReason::NoData)))
                .collect(),
        );
        page.list.handle_response(request.id, Response::Realm(reply), page.now);
    });
    assert_eq!(page.list.view(&user("12"), page.now), View::default());
    assert_eq!(page.list.observation(&user("12")), Some(Err(NoPresenceReason::NoData)));
    assert!(page.changes.is_empty());
}

/// Replies as Zulip itself: to every group request with all users by email, here `ada@x` and
/// `else@x`.
fn as_zulip(page: &mut Page, request: &Request) {
    let presence =
        Presence { last_active: Some(page.server_now() - secs(5)), ..Presence::default() };
    let answer = match &request.query {
        Query::User(person) if *person == user("13") => {
            Response::User(page.reply(Err(NoPresenceReason::NoSuchUser)))
        }
        Query::User(UserRef::Email(_)) => {
            let long_gone = Presence {
                last_active: Some(page.server_now() - 30_000 * MINUTE),
                ..Presence::default()
            };
            Response::User(page.reply(Ok(long_gone)))
        }
        Query::User(_) => Response::User(page.reply(Ok(presence))),
        Query::Message(_) => Response::Message(page.reply(None)),
        Query::Group(_) | Query::AllUsers | Query::Stream(_) => Response::Realm(page.reply(
            [(user("ada@x"), Ok(presence)), (user("else@x"), Ok(presence))].into_iter().collect(),
        )),
    };
    page.list.handle_response(request.id, answer, page.now);
}

#[test]
fn zulip_is_asked_for_everybody_at_once_and_for_ids_singly() {
    let mut page = Page::showing(zulip(), &["12", "13", "ada@x", "away@x"]);
    page.run(secs(1), as_zulip);
    let asked: Vec<_> = page.sent.iter().map(|(_, ask)| ask.path()).collect();
    assert_eq!(asked[0], "realm/presence");
    let mut singles = asked[1..].to_vec();
    singles.sort();
    assert_eq!(singles, ["users/12/presence", "users/13/presence", "users/away%40x/presence"]);
    let statuses = ["12", "13", "ada@x", "away@x"].map(|written| page.status(written));
    assert_eq!(statuses, [Status::Active, Status::Unknown, Status::Active, Status::Offline]);

    page.sent.clear();
    page.run(60 * MINUTE, as_zulip);
    let count = |path: &str| page.sent.iter().filter(|(_, ask)| ask.path() == path).count();
    assert!((54..=67).contains(&count("realm/presence")), "{}", count("realm/presence"));
    assert!((54..=67).contains(&count("users/12/presence")));
    assert!(
        (10..=12).contains(&count("users/13/presence")),
        "no such user, every 5 minutes: {}",
        count("users/13/presence")
    );
    assert_eq!(count("users/away%40x/presence"), 0);
    assert_eq!(page.status("away@x"), Status::Offline, "each reply without them confirms it");

    page.run(26 * 60 * MINUTE, as_zulip);
    assert_eq!(
        page.sent.iter().filter(|(_, ask)| ask.path() == "users/away%40x/presence").count(),
        1,
        "daily at most"
    );
}

#[test]
fn member_who_is_watched_no_longer_is_not_missed_in_a_reply() {
    // Three requests at one instant of the engine: a sleep loses the first, setting the clock back
    // loses the second, and the engine's time never goes back.
    let mut page = Page::showing(gateway(), &["1", "2"]);
    page.now.wall = page.now.wall + secs(20);
    page.step();
    assert_eq!(page.sent.len(), 2);
    page.drop(&["2"]);
    page.now.wall = page.now.wall - secs(20);
    page.step();
    let request = page.take();
    assert_eq!(request.query, Query::Group(vec![user("1")]));
    page.active(&request, secs(20));
    page.step();
    page.pass(secs(70));
    page.step();
    assert_eq!(page.take().query, Query::Group(vec![user("1")]));
}

/// A gateway replies with an entry for everybody who was asked, and with its threshold. Zulip
/// itself leaves out IDs and those who were away for long, and sends no threshold.
#[test]
fn reply_of_the_other_endpoint_is_reported_and_used() {
    let everybody = ["12", "ada@x"];
    for (settings, entries, threshold, expected) in [
        (gateway(), ["12", "ada@x"].as_slice(), None, Outcome::Applied),
        (gateway(), &["12", "ada@x"], Some(secs(200)), Outcome::Applied),
        (gateway(), &["ada@x"], None, Outcome::WrongEndpoint),
        (gateway(), &["ada@x", "bob@x"], None, Outcome::WrongEndpoint),
        (gateway(), &[], None, Outcome::WrongEndpoint),
        (zulip(), &["ada@x", "bob@x"], None, Outcome::Applied),
        (zulip(), &["bob@x"], None, Outcome::Applied),
        (zulip(), &["ada@x"], Some(secs(200)), Outcome::WrongEndpoint),
    ] {
        let mut page = Page::showing(settings, &everybody);
        let active =
            Presence { last_active: Some(page.server_now() - secs(5)), ..Presence::default() };
        let realm = page.open.iter().find(|request| !matches!(request.query, Query::User(_)));
        let id = realm.expect("a request for many").id;
        let mut reply = page.reply(
            entries.iter().map(|written| (user(written), Ok(active))).collect::<RealmPresence>(),
        );
        reply.offline_threshold = threshold;
        let outcome = page.list.handle_response(id, Response::Realm(reply), page.now);
        assert_eq!(outcome, expected, "{settings:?} {entries:?}");
        let status = if entries.contains(&"ada@x") { Status::Active } else { Status::Unknown };
        assert_eq!(page.status("ada@x"), status, "{settings:?} {entries:?}");
    }
    // A single reply of a gateway.
    let mut page = Page::showing(zulip(), &["12"]);
    let request = page.take();
    let mut reply = page.reply(Err(NoPresenceReason::NoData));
    reply.offline_threshold = Some(secs(200));
    let outcome = page.list.handle_response(request.id, Response::User(reply), page.now);
    assert_eq!(outcome, Outcome::WrongEndpoint);
    // A gateway does not answer for everybody.
    let mut page = Page::showing(zulip(), &["ada@x"]);
    let request = page.take();
    let outcome = page.list.handle_error(request.id, RequestError::UsersMissing, page.now);
    assert_eq!(outcome, Outcome::WrongEndpoint);
    assert_eq!(
        page.list.handle_error(request.id, RequestError::UsersMissing, page.now),
        Outcome::Ignored
    );
}

#[test]
fn settings_are_kept_within_their_bounds() {
    let mut page = Page::showing(gateway().interval(secs(1)), &["12"]);
    page.run(MINUTE, |page, request| page.active(request, secs(5)));
    assert!((6..=8).contains(&page.sent.len()), "every 10 s: {}", page.sent.len());
    page.list.set_interval(secs(3_600));
    page.run(10 * MINUTE, |page, request| page.active(request, secs(5)));
    assert!((14..=20).contains(&page.sent.len()), "every minute: {}", page.sent.len());
    for (configured, expected) in [(1, 60), (60, 60), (3_600, 3_600), (86_400, 3_600)] {
        let page = Page::new(gateway().offline_threshold(Some(secs(configured))));
        assert_eq!(page.list.offline_threshold(), secs(expected));
    }
    for (budget, expected) in [(0, 1), (1, 1), (200, 200), (1_000, 200)] {
        let mut page = Page::new(gateway().budget(budget));
        let free = (0..1_000).filter(|_| page.list.try_acquire(page.now)).count();
        assert_eq!(free, expected, "{budget}");
    }
}

#[test]
fn new_user_is_answered_from_the_last_realm_reply() {
    let mut page = Page::showing(zulip(), &["ada@x"]);
    assert_eq!(page.sent, [(0, Query::AllUsers)]);
    page.run(secs(10), as_zulip);
    page.show(&["else@x", "away@x"]);
    page.run(secs(1), as_zulip);
    assert_eq!(page.status("else@x"), Status::Active);
    assert_eq!(
        page.sent[1..],
        [(10, Query::User(user("away@x")))],
        "and only the absent are asked about"
    );
    // Also for users who are added while the first request is in flight.
    let mut page = Page::showing(zulip(), &["ada@x"]);
    page.show(&["else@x"]);
    page.run(secs(30), as_zulip);
    assert_eq!(page.sent.len(), 1);
}

#[test]
fn user_queries_and_budget_are_bounded() {
    let people = ids(1..201);
    let mut page = Page::new(zulip());
    page.show(&strs(&people));
    page.run(30 * MINUTE, as_zulip);
    for minute in page.sent.windows(31) {
        assert!(minute[30].0 - minute[0].0 >= 59, "31 singles within a minute");
    }
    assert!(page.sent.len() >= 30 * 29);

    let people = ids(1_000..5_000);
    let mut page = Page::new(gateway().budget(6));
    page.show(&strs(&people));
    page.run(30 * MINUTE, |page, request| {
        assert!(page.open.len() < 4);
        page.active(request, secs(5));
    });
    for minute in page.sent.windows(7) {
        assert!(minute[6].0 - minute[0].0 >= 59, "7 requests within a minute");
    }
    assert!(
        page.sent
            .iter()
            .all(|(_, ask)| matches!(ask, Query::Group(users) if users.len() == MAX_GROUP))
    );
}

#[test]
fn try_acquire_counts_against_the_budget() {
    let mut page = Page::new(zulip().budget(3));
    assert_eq!([(); 4].map(|()| page.list.try_acquire(page.now)), [true, true, true, false]);
    page.show(&["ada@x"]);
    assert_eq!(page.step().requests, []);
    page.run(MINUTE + secs(1), as_zulip);
    assert_eq!(page.sent, [(60, Query::AllUsers)]);
}

#[test]
fn threshold_is_configured_or_from_the_server() {
    for (configured, told, expected) in [
        (None, None, 200),
        (None, Some(140), 140),
        (Some(300), Some(140), 300),
        // An endpoint can neither make badges flicker nor keep anybody green for a day.
        (None, Some(1), 60),
        (None, Some(86_400), 3_600),
    ] {
        let mut page = Page::showing(gateway().offline_threshold(configured.map(secs)), &["12"]);
        let request = page.take();
        let mut reply = page.reply(
            [(user("12"), Err(NoPresenceReason::NoData))].into_iter().collect::<RealmPresence>(),
        );
        reply.offline_threshold = told.map(secs);
        page.list.handle_response(request.id, Response::Realm(reply), page.now);
        assert_eq!(page.list.offline_threshold(), secs(expected));
    }
}

#[test]
fn observation_from_a_fast_server_clock_is_replaced() {
    let mut page = Page::showing(gateway(), &["12"]);
    let request = page.take();
    let ahead = page.server_now() + 60 * MINUTE;
    let presence = Presence { last_active: Some(ahead), ..Presence::default() };
    let mut reply = page.reply([(user("12"), Ok(presence))].into_iter().collect::<RealmPresence>());
    reply.server_timestamp = Some(ahead);
    page.list.handle_response(request.id, Response::Realm(reply), page.now);
    assert_eq!(page.status("12"), Status::Active);
    // The server's clock is corrected; the person is long gone.
    page.run(10 * MINUTE, |page, request| page.active(request, secs(5_000)));
    assert_eq!(page.status("12"), Status::Offline);
}

/// Two servers behind one name, one a day ahead. The last reply about the first group comes from
/// that one.
#[test]
fn corrected_server_clock_keeps_nobody_active() {
    let people = ids(1..502);
    let mut page = Page::showing(gateway(), &strs(&people));
    page.run(10 * MINUTE, |page, request| {
        let first_group = matches!(&request.query, Query::Group(users) if users.len() == MAX_GROUP);
        if first_group && page.elapsed() > secs(30) {
            return page.fail(request, RequestError::Unreachable);
        }
        let server_now =
            page.server_now() + if first_group { secs(86_400) } else { Duration::ZERO };
        let Query::Group(users) = &request.query else {
            panic!("a gateway is asked in groups");
        };
        let presence = Presence { last_active: Some(server_now), ..Presence::default() };
        let mut reply = page.reply(
            users.iter().map(|user| (user.clone(), Ok(presence))).collect::<RealmPresence>(),
        );
        reply.server_timestamp = Some(server_now);
        page.list.handle_response(request.id, Response::Realm(reply), page.now);
    });
    assert_eq!((page.status("1"), page.status("501")), (Status::Unknown, Status::Active));
    let gone =
        page.changes.iter().filter(|(user, status)| user == "1" && *status == Status::Unknown);
    assert_eq!(gone.count(), 1, "it changed by itself");
}

#[test]
fn a_page_of_a_thousand_sends_three_requests_a_round() {
    for first in [1, 1_000, 100_000, 9_000_000] {
        let people = ids(first..first + 1_000);
        let mut page = Page::new(gateway());
        page.show(&strs(&people));
        page.run(secs(1), |page, request| page.active(request, secs(5)));
        assert!(page.sent.len() <= 3, "IDs from {first}: {} requests", page.sent.len());
        page.run(10 * MINUTE, |page, request| page.active(request, secs(5)));
        assert!(page.sent.len() <= 3 * 12, "IDs from {first}: {} requests", page.sent.len());
    }
}

/// Everybody is active again within `bound` of the end of the fault.
#[track_caller]
fn recovers(
    settings: PollSettings,
    people: &[String],
    fault: Option<RequestError>,
    bound: Duration,
) {
    for minutes in [1, 4, 60] {
        let mut page = Page::new(settings);
        page.show(&strs(people));
        let reply_to_all = |page: &mut Page, request: &Request| match &request.query {
            Query::AllUsers => {
                let presence = Presence {
                    last_active: Some(page.server_now() - secs(5)),
                    ..Presence::default()
                };
                let realm = people.iter().map(|person| (user(person), Ok(presence))).collect();
                let reply = Response::Realm(page.reply(realm));
                page.list.handle_response(request.id, reply, page.now);
            }
            _ => page.active(request, secs(5)),
        };
        page.run(3 * MINUTE, reply_to_all);
        page.run(minutes * MINUTE, |page, request| {
            // Without an error the request hangs until the engine cancels it.
            if let Some(error) = fault {
                page.fail(request, error);
            }
        });
        page.run(bound, reply_to_all);
        for person in people {
            assert_eq!(page.status(person), Status::Active, "{person}, {fault:?}, {minutes} min");
        }
    }
}

#[test]
fn page_and_gateway_recover_soon_after_any_fault() {
    let people = ids(1..1_001);
    let emails: Vec<_> = people.iter().map(|id| format!("user{id}@x")).collect();
    for fault in [
        Some(RequestError::Unreachable),
        Some(RequestError::Status { code: 502, retry_after: None }),
        Some(RequestError::InvalidResponse),
        Some(RequestError::RateLimited { retry_after: None }),
        None,
    ] {
        recovers(gateway().interval(secs(30)), &people, fault, secs(75));
        recovers(zulip().interval(secs(15)), &emails, fault, secs(40));
    }
}

#[test]
fn absent_verified_user_is_offline_from_the_first_reply() {
    let absent = |page: &mut Page, request: &Request| {
        let reply = match &request.query {
            Query::User(_) => Response::User(page.reply(Err(NoPresenceReason::NoData))),
            _ => Response::Realm(page.reply(RealmPresence::default())),
        };
        page.list.handle_response(request.id, reply, page.now);
    };
    let people: Vec<_> = ids(0..500).iter().map(|id| format!("user{id}@x")).collect();
    for verified_users in [true, false] {
        let mut page = Page::new(settings(Endpoint::Zulip { verified_users }));
        // Otherwise an empty reply may mean that the organisation has presence disabled.
        page.list.set_presence_disabled(false, page.now);
        page.show(&strs(&people));
        page.step();
        let request = page.take();
        absent(&mut page, &request);
        let expected = if verified_users { Status::Offline } else { Status::Unknown };
        assert!(people.iter().all(|person| page.status(person) == expected));
        // Their own query found no data: unknown.
        page.run(60 * MINUTE, absent);
        assert!(people.iter().all(|person| page.status(person) == Status::Unknown));
    }
}

#[test]
fn query_of_their_own_tells_when_an_absent_user_was_last_active() {
    let mut page = Page::showing(zulip_of_verified_users(), &["away@x"]);
    page.run(10 * MINUTE, as_zulip);
    let view = page.list.view(&user("away@x"), page.now);
    assert_eq!(view.status, Status::Offline);
    assert!(view.last_active.is_some());
    assert_eq!(page.changes, [("away@x".to_owned(), Status::Offline)]);
}

#[test]
fn interval_can_be_changed() {
    let mut page = Page::showing(gateway(), &["12"]);
    page.run(10 * MINUTE, |page, request| page.active(request, secs(5)));
    page.list.set_interval(secs(15));
    let before = page.sent.len();
    page.run(11 * MINUTE, |page, request| page.active(request, secs(5)));
    assert!(page.sent.len() - before >= 36, "{}", page.sent.len() - before);
}

/// The seconds at which Zulip is asked for everybody, with hints at `hints`.
fn hinted(settings: PollSettings, hints: &[u64], span: Duration) -> Vec<u64> {
    let mut page = Page::showing(settings, &["ada@x"]);
    for second in 0..span.as_secs() {
        if hints.contains(&second) {
            page.list.hint(page.now);
        }
        page.run(secs(1), as_zulip);
    }
    page.sent.iter().map(|(second, _)| *second).collect()
}

#[test]
fn hint_makes_the_organisation_wide_request_due() {
    for (hints, expected) in [
        (vec![], vec![0]),
        (vec![0], vec![0, 2]),
        (vec![20], vec![0, 20]),
        (vec![1], vec![0, 2]),
        (vec![20, 21], vec![0, 20, 22]),
        (vec![20, 22], vec![0, 20, 22]),
        (vec![20, 21, 22, 23, 24, 25], vec![0, 20, 22, 24, 26]),
        (vec![20, 20, 20], vec![0, 20]),
    ] {
        assert_eq!(hinted(zulip(), &hints, secs(40)), expected, "{hints:?}");
    }
    // The interval counts from the hinted request on.
    let seconds = hinted(zulip(), &[20], secs(100));
    assert!(matches!(seconds[..], [0, 20, next] if (74..=86).contains(&next)), "{seconds:?}");
}

#[test]
fn hints_are_bounded() {
    let every_second: Vec<_> = (0..600).collect();
    for interval in [10, 15, 60] {
        let most = 20 + 60 / (interval * 9 / 10) as usize + 1;
        let seconds = hinted(zulip().interval(secs(interval)), &every_second, 10 * MINUTE);
        for (index, second) in seconds.iter().enumerate() {
            let minute = seconds[index..].iter().filter(|at| **at < second + 60).count();
            assert!(minute <= most, "{minute} in a minute, interval {interval}: {seconds:?}");
        }
        assert!(seconds.windows(2).all(|pair| pair[1] >= pair[0] + 2), "{seconds:?}");
        assert!(seconds.len() >= 200, "interval {interval}: {}", seconds.len());
    }
    let seconds = hinted(zulip().budget(5), &every_second, 10 * MINUTE);
    assert!(seconds.windows(6).all(|six| six[5] >= six[0] + 60), "{seconds:?}");
}

#[test]
fn hint_while_a_request_is_in_flight_makes_another_one_due() {
    let mut page = Page::showing(zulip(), &["ada@x"]);
    page.pass(secs(1));
    page.list.hint(page.now);
    assert_eq!(page.step().requests, []);
    page.pass(secs(2));
    let request = page.take();
    as_zulip(&mut page, &request);
    assert_eq!(page.step().requests.len(), 1);
}

#[test]
fn hint_neither_ends_a_back_off_nor_asks_for_nobody() {
    let hint = |page: &mut Page| {
        page.list.hint(page.now);
        page.step().requests.len()
    };
    for (error, wait) in [
        (RequestError::Unreachable, 2),
        (RequestError::RateLimited { retry_after: Some(secs(90)) }, 90),
        (RequestError::Unauthorized, 300),
    ] {
        let mut page = Page::showing(zulip(), &["ada@x"]);
        let request = page.take();
        page.fail(&request, error);
        for _ in 0..wait {
            assert_eq!(hint(&mut page), 0, "{error:?}");
            page.pass(secs(1));
        }
    }
    let mut page = Page::new(zulip());
    assert_eq!(hint(&mut page), 0, "nobody is watched");
    page.list.watch(&user("ada@x"), page.now);
    assert_eq!(hint(&mut page), 0, "nobody is on screen");
    page.list.sleep();
    page.list.show(&user("ada@x"));
    assert_eq!(hint(&mut page), 0, "asleep");
    page.list.wake(page.now);
    assert_eq!(page.step().requests.len(), 1);
    // Single requests are not hurried: a page that asks Zulip itself has their interval.
    let mut page = Page::showing(zulip(), &["12"]);
    page.run(secs(20), as_zulip);
    assert_eq!(hint(&mut page), 0);
}

/// Replies to single queries by `single`, and for everybody with those in `present`, active 5 s ago.
fn reply_as_zulip(
    page: &mut Page,
    request: &Request,
    present: &[&str],
    single: impl Fn(&UserRef) -> Result<Presence, NoPresenceReason>,
) {
    let active = Presence { last_active: Some(page.server_now() - secs(5)), ..Presence::default() };
    let response = match &request.query {
        Query::User(user) => Response::User(page.reply(single(user))),
        _ => Response::Realm(
            page.reply(present.iter().map(|written| (user(written), Ok(active))).collect()),
        ),
    };
    page.list.handle_response(request.id, response, page.now);
}

/// How long the first of `users`, of whom Zulip had no presence for half an hour, is unknown after
/// they came.
#[track_caller]
fn unknown_for(users: &[&str], reason: NoPresenceReason) -> Option<Duration> {
    let mut page = Page::showing(zulip().interval(secs(30)), users);
    page.run(30 * MINUTE, |page, request| {
        reply_as_zulip(page, request, &["else@x"], |_| Err(reason));
    });
    let came = page.elapsed();
    for _ in 0..60 * 60 {
        page.run(secs(1), |page, request| {
            let active =
                Presence { last_active: Some(page.server_now() - secs(5)), ..Presence::default() };
            let present = if users[0].contains('@') { users[0] } else { "else@x" };
            reply_as_zulip(page, request, &[present], |asked| {
                if *asked == user(users[0]) { Ok(active) } else { Err(reason) }
            });
        });
        if page.status(users[0]) == Status::Active {
            return Some(page.elapsed() - came);
        }
    }
    None
}

#[test]
fn who_had_no_presence_is_seen_soon_after_they_come() {
    let ten = ids(1..11);
    let forty = ids(1..41);
    for (users, reason, most) in [
        (vec!["12"], NoPresenceReason::NoData, Some(secs(66))),
        (strs(&ten), NoPresenceReason::NoData, Some(secs(66))),
        (strs(&forty), NoPresenceReason::NoData, Some(2 * MINUTE)),
        (vec!["12"], NoPresenceReason::Other, Some(secs(66))),
        // Created, allowed or reactivated later.
        (vec!["12"], NoPresenceReason::NoSuchUser, Some(secs(330))),
        (vec!["12"], NoPresenceReason::NotPermitted, Some(secs(330))),
        // A bot stays one.
        (vec!["12"], NoPresenceReason::Bot, None),
        // The organisation-wide reply has them.
        (vec!["ada@x"], NoPresenceReason::NoData, Some(secs(33))),
        (vec!["ada@x"], NoPresenceReason::NoSuchUser, Some(secs(33))),
    ] {
        let waited = unknown_for(&users, reason);
        assert_eq!(waited.is_some(), most.is_some(), "{users:?} {reason:?}");
        assert!(waited <= most, "{users:?} {reason:?}: {waited:?}");
    }
}

#[test]
fn queries_about_people_without_data_leave_room_for_the_others() {
    let present = ids(1..11);
    for absent in [0, 10, 100, 1_000] {
        let people = ids(1..11 + absent);
        let mut page = Page::new(zulip().interval(secs(30)));
        page.show(&strs(&people));
        let reply = |page: &mut Page, request: &Request| {
            let active =
                Presence { last_active: Some(page.server_now() - secs(5)), ..Presence::default() };
            reply_as_zulip(page, request, &[], |user| {
                let is_present = present.contains(&user.to_string());
                if is_present { Ok(active) } else { Err(NoPresenceReason::NoData) }
            });
        };
        page.run(60 * MINUTE, reply);
        page.sent.clear();
        page.run(60 * MINUTE, reply);
        let about = |written: &String| {
            let query = Query::User(user(written));
            page.sent.iter().filter(|(_, sent)| *sent == query).count()
        };
        let least = present.iter().map(about).min();
        assert!(least >= Some(100), "{absent} without data: {least:?} in an hour");
        let singles = people.iter().skip(10).map(about).sum::<usize>();
        // Ten with data are asked about twenty times a minute, which leaves ten. A thousand were
        // asked about once in the first hour or so, and are again after a hundred minutes.
        assert!(singles <= 60 * 11, "{absent} without data: {singles} queries");
        assert!(singles >= 350 || absent < 10, "{absent} without data: {singles} queries");
    }
}

#[test]
fn organisation_without_presence_is_unknown() {
    let nobody = |page: &mut Page, request: &Request| {
        reply_as_zulip(page, request, &[], |_| Ok(Presence::default()));
    };
    for settings in [zulip(), zulip_of_verified_users()] {
        // Disabled from the beginning, whether that is known or not.
        for disabled in [None, Some(true)] {
            let mut page = Page::new(settings);
            if let Some(disabled) = disabled {
                page.list.set_presence_disabled(disabled, page.now);
            }
            page.show(&["ada@x", "bob@x"]);
            page.run(30 * MINUTE, nobody);
            assert_eq!(page.changes, [], "{settings:?} {disabled:?}");
            assert!(page.sent.iter().all(|(_, query)| *query == Query::AllUsers));
            assert!((25..=35).contains(&page.sent.len()), "{}", page.sent.len());
        }
        // Disabled while people are shown.
        let mut page = Page::showing(settings, &["ada@x"]);
        let active = |page: &mut Page, request: &Request| {
            reply_as_zulip(page, request, &["ada@x"], |_| Err(NoPresenceReason::NoData));
        };
        page.run(MINUTE, active);
        assert_eq!(page.status("ada@x"), Status::Active);
        page.list.set_presence_disabled(true, page.now);
        assert_eq!(page.status("ada@x"), Status::Unknown);
        page.run(30 * MINUTE, nobody);
        page.show(&["bob@x"]);
        page.run(30 * MINUTE, nobody);
        let statuses: Vec<_> = page.changes.iter().map(|(_, status)| *status).collect();
        assert_eq!(statuses, [Status::Active, Status::Unknown]);
        // And enabled again.
        page.list.set_presence_disabled(false, page.now);
        page.run(secs(3), active);
        assert_eq!(page.status("ada@x"), Status::Active);
    }
    // Without a word about it: nobody is shown as offline.
    let mut page = Page::showing(zulip_of_verified_users(), &["ada@x"]);
    page.run(MINUTE, |page, request| {
        reply_as_zulip(page, request, &["ada@x"], |_| Err(NoPresenceReason::NoData));
    });
    page.run(30 * MINUTE, nobody);
    let statuses: Vec<_> = page.changes.iter().map(|(_, status)| *status).collect();
    assert_eq!(statuses, [Status::Active, Status::Unknown]);
}

#[test]
fn single_requests_leave_room_for_those_about_everybody() {
    for budget in [5, 10, 20, 30, 60, 200] {
        let many: Vec<String> = (0..150).map(|n| format!("absent{n}@example.com")).collect();
        let settings = zulip_of_verified_users().interval(secs(15)).budget(budget);
        let mut page = Page::showing(settings, &strs(&many));
        page.show(&["ada@example.com"]);
        page.run(20 * MINUTE, |page, request| match &request.query {
            Query::AllUsers => {
                let ada = (user("ada@example.com"), Ok(page.active_presence(secs(5))));
                let reply = page.reply(std::iter::once(ada).collect());
                page.list.handle_response(request.id, Response::Realm(reply), page.now);
            }
            _ => page.active(request, 30 * 24 * 60 * MINUTE),
        });
        let about_all: Vec<u64> = page
            .sent
            .iter()
            .filter(|(_, query)| *query == Query::AllUsers)
            .map(|(second, _)| *second)
            .collect();
        let longest = about_all.windows(2).map(|pair| pair[1] - pair[0]).max().expect("many");
        // By the interval, or a third of the budget.
        let expected = 17.max(60 * 3 / u64::from(budget));
        assert!(longest <= expected, "budget {budget}: {longest} s");
        assert!(page.sent.len() > about_all.len(), "budget {budget}: single requests are sent");
    }
}

#[test]
fn refresh_during_a_request_is_not_forgotten() {
    let mut page = Page::showing(gateway(), &["12"]);
    page.pass(secs(1));
    page.list.refresh(&user("12"), page.now);
    let request = page.take();
    page.active(&request, secs(5));
    page.run(secs(30), |page, request| page.active(request, secs(5)));
    let seconds: Vec<u64> = page.sent.iter().map(|(second, _)| *second).collect();
    assert_eq!(seconds, [0, 10], "as soon as one after a reply");
}
