//! The people of the simulated organisation.

/// One account.
#[derive(Clone, Debug)]
pub(super) struct Person {
    pub(super) id: u64,
    pub(super) email: String,
    pub(super) full_name: String,
}

/// The people of the demo directory, as `gateway/demo-people.tsv` lists them.
pub(super) fn people() -> Vec<Person> {
    let rows = include_str!("../../demo-people.tsv").lines().skip(1);
    let person = |row: &str| {
        let mut columns = row.split('\t');
        let id = columns.next()?.parse().ok()?;
        let full_name = columns.next()?.to_owned();
        Some(Person { id, email: columns.next()?.to_owned(), full_name })
    };
    rows.filter_map(person).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_person() {
        let people = people();
        assert_eq!(people.len(), include_str!("../../demo-people.tsv").lines().count() - 1);
        assert!(people.len() >= 60);
        assert!(people.iter().all(|person| person.email.contains('@') && !person.full_name.is_empty()));
    }
}
