//! The parameters of `realm/presence`: whom it is about, and in which form.

use serde_json::Value;
use zulip_presence_core::UserRef;

use crate::http::query::{ParameterError, parameter};

/// Maximum people of one request.
const MAX_USERS: usize = 1_000;

/// Why `users` or `slim_presence` is invalid.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum UsersError {
    /// There is no `users`, or an empty one.
    #[error("Missing 'users' argument")]
    Missing,
    #[error(
        "users {0}: expected a JSON list of user IDs and emails, like [\"12\",\"ada@example.com\"]"
    )]
    Users(Problem),
    #[error("slim_presence: expected true or false, once")]
    Slim,
}

/// What is wrong with `users`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum Problem {
    #[error(transparent)]
    Parameter(ParameterError),
    #[error("is not JSON")]
    NotJson,
    #[error("is not a list")]
    NotAList,
    #[error("is empty")]
    Empty,
    #[error("has {0} entries, more than {MAX_USERS}")]
    TooMany(usize),
    #[error("holds something that is neither a string nor a number")]
    Entry,
}

/// The keys of the reply, as JSON strings, and the user that each names; each key once.
pub(crate) fn users(query: &str) -> Result<Vec<(String, Option<UserRef>)>, UsersError> {
    let written =
        parameter(query, "users").map_err(|error| UsersError::Users(Problem::Parameter(error)))?;
    let written = written.filter(|value| !value.is_empty()).ok_or(UsersError::Missing)?;
    parse(&written).map_err(UsersError::Users)
}

fn parse(written: &str) -> Result<Vec<(String, Option<UserRef>)>, Problem> {
    let value = serde_json::from_str(written).map_err(|_| Problem::NotJson)?;
    let Value::Array(list) = value else {
        return Err(Problem::NotAList);
    };
    if list.is_empty() {
        return Err(Problem::Empty);
    }
    if list.len() > MAX_USERS {
        return Err(Problem::TooMany(list.len()));
    }
    let mut asked: Vec<(String, Option<UserRef>)> = Vec::with_capacity(list.len());
    let mut seen = std::collections::HashSet::with_capacity(list.len());
    for entry in list {
        let key = match entry {
            Value::String(key) => key,
            Value::Number(number) => number.to_string(),
            _ => return Err(Problem::Entry),
        };
        if seen.insert(key.clone()) {
            let user = key.parse().ok();
            asked.push((Value::String(key).to_string(), user));
        }
    }
    Ok(asked)
}

/// Whether only the modern fields are requested.
pub(crate) fn is_slim(query: &str) -> Result<bool, UsersError> {
    match parameter(query, "slim_presence").as_ref().map(Option::as_deref) {
        Ok(None | Some("" | "false")) => Ok(false),
        Ok(Some("true")) => Ok(true),
        Ok(Some(_)) | Err(_) => Err(UsersError::Slim),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(query: &str) -> Vec<String> {
        users(query).expect(query).into_iter().map(|(key, _)| key).collect()
    }

    #[test]
    fn users_parameter_is_parsed() {
        assert_eq!(
            keys("users=[%2212%22,%22ada@example.com%22]"),
            [r#""12""#, r#""ada@example.com""#]
        );
        assert_eq!(keys("x=1&users=[12,12,\"012\"]"), [r#""12""#, r#""012""#]);
        assert_eq!(keys("users=%5B%22a%2Bb%40c%22%5D"), [r#""a+b@c""#]);
    }

    #[test]
    fn invalid_users_parameter_names_the_problem() {
        #[track_caller]
        fn says(query: &str, expected: &str) {
            match users(query) {
                Err(error @ UsersError::Users(_)) => {
                    let msg = error.to_string();
                    assert!(
                        msg.contains(expected) && msg.contains("expected a JSON list"),
                        "{msg}"
                    );
                }
                other => panic!("{query}: {other:?}"),
            }
        }
        for missing in ["", "users", "users=", "user=[1]"] {
            assert_eq!(users(missing), Err(UsersError::Missing), "{missing}");
        }
        says("users=[12]&users=[13]", "more than once");
        says("%75sers=[13]&users=[12]", "more than once");
        says("%75sers=[13]", "percent-encoded name");
        says("users=12,13", "not JSON");
        says("users=%ff", "not UTF-8");
        says("users=%2", "not JSON");
        says("users=12", "not a list");
        says("users={}", "not a list");
        says("users=[]", "empty");
        says("users=[[1]]", "neither");
        assert_eq!(is_slim("users=[1]"), Ok(false));
        assert_eq!(is_slim("users=[1]&slim_presence=true"), Ok(true));
        for invalid in ["slim_presence=1", "slim_presence=true&slim_presence=true"] {
            assert!(is_slim(invalid).is_err(), "{invalid}");
        }
        says("users=[null]", "neither");
        says("users=[{\"a\":1}]", "neither");
        let many: Vec<String> = (0..1_001).map(|id| id.to_string()).collect();
        says(&format!("users=[{}]", many.join(",")), "1001 entries");
        says(&format!("users={}1{}", "[".repeat(5_000), "]".repeat(5_000)), "not JSON");
    }
}
