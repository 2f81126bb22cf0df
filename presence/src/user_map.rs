//! A map keyed by user: a sorted vector. The standard library's `BTreeMap` adds 2,922 bytes to the
//! page's bundle, the crate `litemap` 1,239 (bench/NOTES.md).

use std::collections::BinaryHeap;

use crate::UserRef;

/// Sorted by user, without duplicates.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct UserMap<T>(Vec<(UserRef, T)>);

impl<T> UserMap<T> {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn get(&self, user: &UserRef) -> Option<&T> {
        let index = self.index(user).ok()?;
        Some(&self.0[index].1)
    }

    pub(crate) fn get_mut(&mut self, user: &UserRef) -> Option<&mut T> {
        let index = self.index(user).ok()?;
        Some(&mut self.0[index].1)
    }

    /// Inserts `value`, or replaces the value of `user`.
    pub(crate) fn insert(&mut self, user: UserRef, value: T) {
        match self.index(&user) {
            Ok(index) => self.0[index].1 = value,
            Err(index) => self.0.insert(index, (user, value)),
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&UserRef, &mut T) -> bool) {
        self.0.retain_mut(|(user, value)| keep(user, value));
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&UserRef, &T)> {
        self.0.iter().map(|(user, value)| (user, value))
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (&UserRef, &mut T)> {
        self.0.iter_mut().map(|(user, value)| (&*user, value))
    }

    pub(crate) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|(_, value)| value)
    }

    pub(crate) fn values_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.0.iter_mut().map(|(_, value)| value)
    }

    fn index(&self, user: &UserRef) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(user))
    }
}

impl<T> Default for UserMap<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> FromIterator<(UserRef, T)> for UserMap<T> {
    /// If a user occurs several times, the first counts.
    fn from_iter<I: IntoIterator<Item = (UserRef, T)>>(all: I) -> Self {
        // A heap sort takes a tenth of the code of the standard library's sort.
        let mut values = Vec::new();
        let mut users = BinaryHeap::new();
        for (index, (user, value)) in all.into_iter().enumerate() {
            users.push((user, index));
            values.push(Some(value));
        }
        let mut sorted = Self::new();
        for (user, index) in users.into_sorted_vec() {
            let is_first = sorted.0.last().is_none_or(|(last, _)| *last != user);
            if let (true, Some(value)) = (is_first, values[index].take()) {
                sorted.0.push((user, value));
            }
        }
        sorted
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn users() -> impl Strategy<Value = Vec<(UserRef, u8)>> {
        let user = prop_oneof![
            (0..20_u64).prop_map(UserRef::Id),
            "[a-c]@[a-c]".prop_map(|email| UserRef::Email(email.into()))
        ];
        prop::collection::vec((user, any::<u8>()), 0..40)
    }

    fn list(map: &UserMap<u8>) -> Vec<(UserRef, u8)> {
        map.iter().map(|(user, value)| (user.clone(), *value)).collect()
    }

    proptest! {
        #[test]
        fn inserting_makes_what_a_tree_makes(entries in users()) {
            let mut map = UserMap::new();
            for (user, value) in entries.clone() {
                map.insert(user, value);
            }
            let tree: BTreeMap<_, _> = entries.iter().cloned().collect();
            prop_assert_eq!(list(&map), tree.clone().into_iter().collect::<Vec<_>>());
            for (user, _) in entries {
                prop_assert_eq!(map.get(&user), tree.get(&user));
            }
            map.retain(|_, value| *value > 100);
            prop_assert_eq!(list(&map), tree.into_iter().filter(|(_, value)| *value > 100).collect::<Vec<_>>());
        }

        #[test]
        fn collecting_keeps_the_first(entries in users()) {
            let map: UserMap<_> = entries.iter().cloned().collect();
            let tree: BTreeMap<_, _> = entries.into_iter().rev().collect();
            prop_assert_eq!(list(&map), tree.into_iter().collect::<Vec<_>>());
        }
    }
}
