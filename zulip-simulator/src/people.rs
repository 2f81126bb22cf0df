//! The people of the simulated organisation.

use std::time::Duration;

use serde_json::{Value, json};

use crate::activity::Activity;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// The bot of the simulated organisation.
pub const EMAIL: &str = "presence-bot@example.com";
/// Its key, which is valid in the simulation only.
pub const KEY: &str = "simulated";

/// One account.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: u64,
    pub(crate) email: String,
    pub(crate) full_name: String,
}

/// The people of the demo directory, as `demo-people.tsv` lists them.
pub(crate) fn people() -> Vec<Person> {
    let rows = include_str!("../demo-people.tsv").lines().skip(1);
    let person = |row: &str| {
        let mut columns = row.split('\t');
        let id = columns.next()?.parse().ok()?;
        let full_name = columns.next()?.to_owned();
        Some(Person { id, email: columns.next()?.to_owned(), full_name })
    };
    rows.filter_map(person).collect()
}

/// The people of the gallery page, who never change: one for each status and for each wording of
/// "last active".
pub(crate) fn gallery() -> [(u64, &'static str, Activity); 10] {
    let left = |seconds| Activity::Left(Duration::from_secs(seconds));
    [
        (3001, "Ines Fonseca", Activity::AtTheDesk),
        (3002, "Jonas Lindqvist", Activity::AwayFromTheDesk),
        (3003, "Meera Pillai", left(3 * HOUR)),
        (3004, "Oskar Brandt", Activity::NeverSeen),
        (3005, "Salma Haddad", left(12 * MINUTE)),
        (3006, "Pavel Dvorak", left(HOUR)),
        (3007, "Grace Mwangi", left(DAY)),
        (3008, "Emeka Nwosu", left(4 * DAY)),
        (3009, "Lucie Moreau", left(120 * DAY)),
        (3010, "Anton Kuznetsov", left(500 * DAY)),
    ]
}

/// What some people of the demo page and of the gallery say of themselves.
pub(crate) fn statuses() -> [(u64, Value); 7] {
    let says = |text: &str, emoji: &str, code: &str| json!({"status_text": text, "emoji_name": emoji, "emoji_code": code, "reaction_type": "unicode_emoji"});
    [
        (12, says("Pairing until noon", "laptop", "1f4bb")),
        (17, says("On holiday until Monday", "beach", "1f3d6")),
        (23, json!({"status_text": "Back at three"})),
        (439, says("Write a ticket first, please", "ticket", "1f3ab")),
        (3001, says("In a meeting", "calendar", "1f4c5")),
        (3002, says("", "coffee", "2615")),
        (3005, says("בחופשה עד יום ראשון", "palm_tree", "1f334")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_person() {
        let people = people();
        assert_eq!(people.len(), include_str!("../demo-people.tsv").lines().count() - 1);
        assert!(people.len() >= 60);
        assert!(
            people.iter().all(|person| person.email.contains('@') && !person.full_name.is_empty())
        );
    }
}
