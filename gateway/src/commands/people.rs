//! Lists the users who can be shown, for page authors and people files. Names are never served over
//! HTTP.

use std::fmt::Write as _;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zulip_presence_core::reply::RequestError;

use crate::config::cli::{ListFormat, Settings};
use crate::config::credentials::ZulipCredentials;
use crate::printable::{escaped, printable};
use crate::zulip::allow_list::{AllowList, PeopleError};
use crate::zulip::client::ZulipClient;
use crate::zulip::directory::{Directory, Kind};
use crate::zulip::failure::FailedRequest;
use crate::zulip::tls::TlsError;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Why there is no list.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// The people file cannot be used.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// The client cannot be created.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Zulip sent no list of users.
    #[error("the list of users cannot be read: {0}")]
    Zulip(FailedRequest),
}

#[derive(Serialize)]
struct Person<'a> {
    user_id: u64,
    full_name: &'a str,
    email: &'a str,
}

/// The active human users that `settings` allows to be shown, ordered by ID.
///
/// # Errors
/// [`ListError`].
pub async fn list(
    settings: &Settings,
    credentials: ZulipCredentials,
    format: ListFormat,
) -> Result<String, ListError> {
    let allowed = settings.people.as_deref().map(AllowList::load).transpose()?.unwrap_or_default();
    let client = ZulipClient::new(credentials)?;
    let failed = |error| ListError::Zulip(FailedRequest(error));
    let reply = tokio::time::timeout(TIMEOUT, client.get("users"))
        .await
        .unwrap_or(Err(RequestError::TimedOut.into()))
        .map_err(failed)?;
    render(&reply.body, &allowed, format).ok_or_else(|| failed(reply.error()))
}

fn render(body: &[u8], allowed: &AllowList, format: ListFormat) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        members: Vec<Row>,
    }
    #[derive(Deserialize)]
    struct Row {
        user_id: u64,
        full_name: String,
        email: String,
    }
    let directory = Directory::parse(body).ok()?;
    let mut rows = serde_json::from_slice::<Body>(body).ok()?.members;
    rows.retain(|row| {
        let member = directory.find(&zulip_presence_core::UserRef::Id(row.user_id));
        member.is_some_and(|member| member.kind == Kind::Human && allowed.includes(member))
    });
    rows.sort_by_key(|row| row.user_id);
    let people = rows.iter().map(|Row { user_id, full_name, email }| Person {
        user_id: *user_id,
        full_name,
        email,
    });
    let people: Vec<Person<'_>> = people.collect();
    Some(match format {
        ListFormat::Table => table(&people),
        ListFormat::Csv => csv(&people),
        ListFormat::Json => json(&people)?,
    })
}

fn table(people: &[Person<'_>]) -> String {
    let names: Vec<_> = people.iter().map(|person| printable(person.full_name)).collect();
    let ids = people.iter().map(|person| person.user_id.to_string().len()).max();
    let (id_width, name_width) = (
        ids.unwrap_or_default().max("ID".len()),
        names.iter().map(|name| name.chars().count()).max().unwrap_or_default().max("NAME".len()),
    );
    let mut text = format!("{:>id_width$}  {:<name_width$}  EMAIL\n", "ID", "NAME");
    for (person, name) in people.iter().zip(names) {
        let email = printable(person.email);
        let _ = writeln!(text, "{:>id_width$}  {name:<name_width$}  {email}", person.user_id);
    }
    text
}

/// CSV as in RFC 4180. Spreadsheets take what begins with one of `= + - @` for a formula: such a field
/// begins with an apostrophe. So does what a spreadsheet would take for a field of its own, which
/// separates by other characters in other countries.
fn csv(people: &[Person<'_>]) -> String {
    let quoted = |field: &str| {
        let mut text = String::with_capacity(field.len() + 2);
        let mut begins = true;
        for c in printable(field).chars() {
            if begins && matches!(c, '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠') {
                text.push('\'');
            }
            begins = matches!(c, ',' | ';' | '|')
                || begins && (c.is_whitespace() || c == '"' || c == '\u{fffd}');
            text.push(c);
        }
        format!("\"{}\"", text.replace('"', "\"\""))
    };
    let mut text = String::from("user_id,full_name,email\r\n");
    for Person { user_id, full_name, email } in people {
        let _ = write!(text, "{user_id},{},{}\r\n", quoted(full_name), quoted(email));
    }
    text
}

/// JSON, in which what is not seen is written as `\u…`: no character is lost.
fn json(people: &[Person<'_>]) -> Option<String> {
    let text = serde_json::to_string_pretty(people).ok()? + "\n";
    let escape = |c: char, out: &mut String| match c {
        // Between values; within them the serializer has escaped it.
        '\n' => out.push(c),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    };
    Some(escaped(&text, escape).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &str = r#"{"result":"success","members":[
        {"user_id":100,"email":"b@x","full_name":"Bea \"B\" \u001b[31m"},
        {"user_id":7,"email":"a@x","full_name":"Ada, Countess"},
        {"user_id":8,"email":"bot@x","full_name":"Bot","is_bot":true},
        {"user_id":9,"email":"gone@x","full_name":"Gone","is_active":false},
        {"user_id":10,"email":"hidden@x","full_name":"Hidden"}]}"#;

    #[test]
    fn active_humans_in_the_people_file_are_listed() {
        let allowed = AllowList::parse("!hidden@x").expect("readable");
        let list = |format| render(BODY.as_bytes(), &allowed, format).expect("a directory");
        assert_eq!(
            list(ListFormat::Table),
            " ID  NAME           EMAIL\n  7  Ada, Countess  a@x\n100  Bea \"B\" \u{fffd}[31m  b@x\n"
        );
        assert_eq!(
            list(ListFormat::Csv),
            "user_id,full_name,email\r\n7,\"Ada, Countess\",\"a@x\"\r\n100,\"Bea \"\"B\"\" \u{fffd}[31m\",\"b@x\"\r\n"
        );
        let json: serde_json::Value = serde_json::from_str(&list(ListFormat::Json)).expect("JSON");
        assert_eq!(json[0]["user_id"], 7);
        assert_eq!(json.as_array().map(Vec::len), Some(2));
        assert!(render(b"{}", &allowed, ListFormat::Json).is_none());
    }
    /// What `list` says of one person.
    fn listed(name: &str, email: &str, format: ListFormat) -> String {
        let members = serde_json::json!([{"user_id": 7, "email": email, "full_name": name}]);
        let body = serde_json::json!({"result": "success", "members": members}).to_string();
        render(body.as_bytes(), &AllowList::default(), format).expect("a directory")
    }

    #[test]
    fn no_name_becomes_a_formula() {
        for (name, field) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(1)", "'@SUM(1)"),
            ("\t=1", "\u{fffd}'=1"),
            ("\r=1", "\u{fffd}'=1"),
            ("\n=1", "\u{fffd}'=1"),
            ("\u{200b}=1", "\u{fffd}'=1"),
            ("  =1", "  '=1"),
            ("\"=1", "\"\"'=1"),
            ("＝1", "'＝1"),
            ("Ada;=1", "Ada;'=1"),
            ("Ada, =1", "Ada, '=1"),
            ("Ada-Bea = 1", "Ada-Bea = 1"),
        ] {
            let csv = listed(name, "a@x", ListFormat::Csv);
            assert_eq!(csv, format!("user_id,full_name,email\r\n7,\"{field}\",\"a@x\"\r\n"));
        }
        let csv = listed("Ada", "+a@x", ListFormat::Csv);
        assert!(csv.ends_with(",\"'+a@x\"\r\n"), "{csv}");
    }

    #[test]
    fn no_name_hides_or_reorders() {
        let name = "Ada\u{202e}eB\u{200b}\n\u{e0041}é";
        for format in [ListFormat::Table, ListFormat::Csv, ListFormat::Json] {
            let text = listed(name, "a@x", format);
            assert!(!text.contains(['\u{202e}', '\u{200b}', '\u{e0041}']), "{text:?}");
            assert!(text.contains('é'), "{text}");
            if format != ListFormat::Json {
                assert_eq!(text.lines().count(), 2, "{text:?}");
                assert!(text.contains("Ada\u{fffd}eB\u{fffd}\u{fffd}\u{fffd}é"), "{text:?}");
            }
        }
        let json: serde_json::Value =
            serde_json::from_str(&listed(name, "a@x", ListFormat::Json)).expect("JSON");
        assert_eq!(json[0]["full_name"], name, "programs get every character");
    }
}
