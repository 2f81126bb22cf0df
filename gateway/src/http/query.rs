//! Query parameters.

/// A parameter occurs more than once. This program, caches in front of it and Zulip may use
/// different ones: a reply about one user would be cached under another's name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DuplicateParameter;

/// The raw value of the parameter `name`. Names are case-sensitive here, unlike in some caches
/// (nginx's `$arg_…`).
///
/// # Errors
/// [`DuplicateParameter`].
pub(crate) fn parameter<'a>(
    query: &'a str,
    name: &str,
) -> Result<Option<&'a str>, DuplicateParameter> {
    let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let mut values =
        pairs.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let first = values.next();
    if values.next().is_some() { Err(DuplicateParameter) } else { Ok(first) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_parameters_are_refused() {
        assert_eq!(parameter("a=1&users=2", "users"), Ok(Some("2")));
        assert_eq!(parameter("Users=2", "users"), Ok(Some("2")));
        assert_eq!(parameter("xusers=2&users", "users"), Ok(None));
        for query in ["users=1&users=2", "users=1&x&Users=1", "users=&USERS="] {
            assert_eq!(parameter(query, "users"), Err(DuplicateParameter), "{query}");
        }
    }
}
