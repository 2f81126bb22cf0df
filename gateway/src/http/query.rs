//! Query parameters.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Why a parameter cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum ParameterError {
    /// It occurs more than once. This program, caches in front of it and Zulip may use different
    /// ones: a reply about one user would be cached under another's name.
    #[error("is there more than once")]
    Repeated,
    /// Its name is percent-encoded. Caches that look for it by name do not find it, and would store
    /// all such replies as one.
    #[error("has a percent-encoded name")]
    EncodedName,
    /// Its value is not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
}

/// The decoded value of the parameter `name`, in whatever case. A parameter without `=` has an empty
/// value.
///
/// # Errors
/// [`ParameterError`].
pub(crate) fn parameter<'a>(
    query: &'a str,
    name: &str,
) -> Result<Option<Cow<'a, str>>, ParameterError> {
    let pairs = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let is_meant =
        |found: &str| form_decoded(found).is_some_and(|found| found.eq_ignore_ascii_case(name));
    let mut found = pairs.filter(|(found, _)| is_meant(found));
    let Some((written, value)) = found.next() else {
        return Ok(None);
    };
    if found.next().is_some() {
        return Err(ParameterError::Repeated);
    }
    if !written.eq_ignore_ascii_case(name) {
        return Err(ParameterError::EncodedName);
    }
    form_decoded(value).map(Some).ok_or(ParameterError::NotUtf8)
}

/// `application/x-www-form-urlencoded`: `+` is a space. `None`: not UTF-8.
fn form_decoded(text: &str) -> Option<Cow<'_, str>> {
    if text.contains('+') {
        let text = text.replace('+', " ");
        return Some(Cow::Owned(percent_decode_str(&text).decode_utf8().ok()?.into_owned()));
    }
    percent_decode_str(text).decode_utf8().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_decoded() {
        for (query, expected) in [
            ("a=1&users=2", Some("2")),
            ("Users=2", Some("2")),
            ("USERS=%5B2%5D", Some("[2]")),
            ("users=a+b%2Bc", Some("a b+c")),
            ("x=1&users", Some("")),
            ("users=a=b", Some("a=b")),
            ("xusers=2&user%2573=3&users%00=4&+users=5&%FFusers=6", None),
            ("", None),
        ] {
            assert_eq!(parameter(query, "users"), Ok(expected.map(Cow::Borrowed)), "{query}");
        }
        assert_eq!(parameter("users=%FF", "users"), Err(ParameterError::NotUtf8));
    }

    #[test]
    fn encoded_names_are_refused() {
        for query in ["%75sers=2", "x=1&user%53=2", "%55%53%45%52%53"] {
            assert_eq!(parameter(query, "users"), Err(ParameterError::EncodedName), "{query}");
        }
    }

    #[test]
    fn duplicate_parameters_are_refused() {
        for query in [
            "users=1&users=2",
            "users=1&x&Users=1",
            "users=&USERS=",
            "%75sers=[13]&users=[12]",
            "users=[12]&user%73=[13]",
            "users=[12]&%55%53%45%52%53=[13]",
            "users&users=[12]",
            "users=[12]&users",
        ] {
            assert_eq!(parameter(query, "users"), Err(ParameterError::Repeated), "{query}");
        }
    }
}
