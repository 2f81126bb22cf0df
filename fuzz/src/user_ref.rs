//! Whatever a page calls a person becomes one safe path segment, or no URL at all.

use serde_json::Value;
use zulip_presence_core::UserRef;
use zulip_presence_core::watchlist::{MAX_GROUP, MAX_GROUP_BYTES, Query};

/// Checks every line of `input` as a user, and all of them as one group.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let mut users = Vec::new();
    for written in text.split('\n') {
        let Ok(user) = written.parse::<UserRef>() else {
            continue;
        };
        check_user(written, &user);
        users.push(user);
    }
    users.sort();
    users.dedup();
    users.truncate(MAX_GROUP);
    if !users.is_empty() {
        check_group(users);
    }
}

fn check_user(written: &str, user: &UserRef) {
    assert_eq!(user.to_string().parse().as_ref(), Ok(user), "its own notation names somebody else");
    assert_eq!(
        format!(" {written}\t").parse().as_ref(),
        Ok(user),
        "blanks around make another person"
    );
    let segment = user.path_segment();
    let mut bytes = segment.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let hex = [bytes.next(), bytes.next()]
                    .map(|digit| digit.and_then(|digit| char::from(digit).to_digit(16)));
                let [Some(high), Some(low)] = hex else {
                    panic!("half an escape in {segment}");
                };
                decoded.push(
                    u8::try_from(high << 4 | low).expect("two hexadecimal digits are a byte"),
                );
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                decoded.push(byte)
            }
            _ => panic!("{segment} leaves its segment"),
        }
    }
    let decoded = String::from_utf8(decoded).expect("an escaped string is UTF-8");
    assert_eq!(decoded, user.to_string());
    match user {
        UserRef::Id(id) => assert!(*id <= 9_999_999_999),
        UserRef::Email(email) => {
            assert!(email.len() <= 254);
            assert!(
                email.bytes().filter(|byte| *byte == b'@').count() == 1
                    && !email.starts_with('@')
                    && !email.ends_with('@')
            );
            assert!(
                !email
                    .chars()
                    .any(|c| c.is_control() || c.is_whitespace() || c == '/' || c == '\\')
            );
        }
    }
    assert!(!["", ".", ".."].contains(&segment.as_str()));
    assert_eq!(Query::User(user.clone()).path(), format!("users/{segment}/presence"));
    assert!(segment.len() <= MAX_GROUP_BYTES, "no group could hold them");
}

/// The `users` of a group's path are the JSON list of the users: IDs as numbers, emails as strings.
fn check_group(users: Vec<UserRef>) {
    let path = Query::Group(users.clone()).path();
    let list = path
        .strip_prefix("realm/presence?users=")
        .and_then(|rest| rest.strip_suffix("&slim_presence=true"))
        .expect("a group requests the organisation's presence");
    let mut json = Vec::new();
    let mut bytes = list.bytes();
    while let Some(byte) = bytes.next() {
        json.push(if byte == b'%' {
            let hex =
                String::from_utf8(vec![bytes.next().unwrap_or(b'?'), bytes.next().unwrap_or(b'?')])
                    .unwrap_or_default();
            u8::from_str_radix(&hex, 16).expect("an escape has two hexadecimal digits")
        } else {
            byte
        });
    }
    let read: Vec<Value> = serde_json::from_slice(&json).expect("the users are a JSON list");
    let read: Vec<_> = read
        .into_iter()
        .map(|user| match user {
            Value::Number(id) => UserRef::Id(id.as_u64().expect("an ID is a whole number")),
            Value::String(email) => UserRef::Email(email.into()),
            other => panic!("{other} is no user"),
        })
        .collect();
    assert_eq!(read, users);
}
