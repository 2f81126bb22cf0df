//! The users who may be seen: the `--people` file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use zulip_presence_core::UserRef;

use crate::zulip::directory::Member;

/// The users whose presence is served. By default all.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AllowList {
    /// `None`: no line includes anybody, so all are included.
    included: Option<HashSet<UserRef>>,
    excluded: HashSet<UserRef>,
}

/// An invalid line, counted from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct InvalidLine(pub(crate) usize);

/// The `--people` file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PeopleError {
    /// It cannot be read.
    #[error("cannot read the people file {}: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// A line is invalid.
    #[error("{}:{line}: expected a user ID or an email, `!` before it to exclude, `#` before a comment", .path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// Counted from 1.
        line: usize,
    },
}

impl AllowList {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`PeopleError`] where it cannot be used.
    pub(crate) fn load(path: &Path) -> Result<Self, PeopleError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| PeopleError::Unreadable { path: path.to_owned(), source })?;
        Self::parse(&text)
            .map_err(|InvalidLine(line)| PeopleError::Line { path: path.to_owned(), line })
    }

    /// Parses a file of one ID or email per line; `#` begins a comment, `!` before a user excludes
    /// them. A file that includes nobody by name includes everybody except those excluded; but a
    /// file without any line includes nobody.
    ///
    /// # Errors
    /// The number of the first invalid line.
    pub(crate) fn parse(text: &str) -> Result<Self, InvalidLine> {
        let (mut included, mut excluded) = (HashSet::new(), HashSet::new());
        for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default().trim();
            if line.is_empty() {
                continue;
            }
            let (set, name) = match line.strip_prefix('!') {
                Some(name) => (&mut excluded, name),
                None => (&mut included, line),
            };
            set.insert(name.parse().map_err(|_| InvalidLine(at + 1))?);
        }
        let all_but = included.is_empty() && !excluded.is_empty();
        Ok(Self { included: (!all_but).then_some(included), excluded })
    }

    /// Whether `member` may be seen. An exclusion by either of their names wins.
    #[must_use]
    pub(crate) fn includes(&self, member: &Member) -> bool {
        let has = |set: &HashSet<UserRef>| set.contains(&member.id) || set.contains(&member.email);
        !has(&self.excluded) && self.included.as_ref().is_none_or(has)
    }

    /// Whether a user known only by this name could be included.
    #[must_use]
    pub(crate) fn could_include(&self, user: &UserRef) -> bool {
        !self.excluded.contains(user)
            && self.included.as_ref().is_none_or(|included| included.contains(user))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zulip::directory::Directory;

    fn seen(file: &str) -> Vec<u64> {
        let directory = Directory::parse(
            br#"{"result":"success","members":[{"user_id":1,"email":"A@x"},{"user_id":2,"email":"b@x"},{"user_id":3,"email":"c@x"}]}"#,
        )
        .expect("a directory");
        let allowed = AllowList::parse(file).expect("readable");
        let is_seen = |id: &u64| {
            directory.find(&UserRef::Id(*id)).is_some_and(|member| allowed.includes(member))
        };
        (1..=3).filter(is_seen).collect()
    }

    #[test]
    fn lines_include_and_exclude() {
        assert_eq!(seen("1\nb@x # Bea\n"), [1, 2]);
        assert_eq!(seen("# all but\n! a@X\n"), [2, 3]);
        assert_eq!(seen("1\n2\n!b@x"), [1]);
        assert_eq!(seen("01\r\n\r\n"), [1]);
        assert_eq!(seen(""), [0; 0]);
        assert_eq!(seen("# nobody yet\n"), [0; 0]);
        assert_eq!(AllowList::parse("1\n\nada\n"), Err(InvalidLine(3)));
    }
}
