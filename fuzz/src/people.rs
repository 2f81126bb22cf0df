//! Whatever a people file says, nobody is shown whom it does not let be shown.

use std::collections::BTreeSet;

use zulip_presence_core::UserRef;
use zulip_presence_gateway::fuzzing::People;

/// Checks `input` as a people file against a plain reading of its lines.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let people = match People::parse(&text) {
        Ok(people) => people,
        Err(line) => {
            let wrong = text.lines().nth(line - 1).expect("the line is there");
            assert!(!wrong.trim().is_empty(), "an empty line names nobody, and need not");
            return;
        }
    };
    let lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    let (excluding, including): (Vec<_>, Vec<_>) =
        lines.filter(|line| !line.is_empty()).partition(|line| line.starts_with('!'));
    let user = |name: &&str| name.strip_prefix('!').unwrap_or(name).parse::<UserRef>().ok();
    let excluded: BTreeSet<_> = excluding.iter().filter_map(user).collect();
    let included: BTreeSet<_> = including.iter().filter_map(user).collect();
    let strangers = [UserRef::Id(987_654_321), UserRef::Email("stranger@example.com".into())];
    let named: Vec<_> = included.iter().chain(&excluded).chain(&strangers).take(30).collect();
    let everybody_else = included.is_empty() && !excluded.is_empty();
    for id in named.iter().filter(|user| matches!(user, UserRef::Id(_))) {
        for email in named.iter().filter(|user| matches!(user, UserRef::Email(_))) {
            let is_named =
                |names: &BTreeSet<UserRef>| names.contains(*id) || names.contains(*email);
            let expected = !is_named(&excluded) && (is_named(&included) || everybody_else);
            assert_eq!(people.includes(id, email), expected, "{id} {email} in {text:?}");
            if expected {
                assert!(people.could_include(id) || people.could_include(email));
            }
        }
    }
    for user in named {
        let expected = !excluded.contains(user) && (included.contains(user) || everybody_else);
        assert_eq!(people.could_include(user), expected, "{user} in {text:?}");
    }
}
