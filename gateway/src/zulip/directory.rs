//! Who is in the organisation: `GET /users` turned into a map from ID and email to one person.

use std::collections::HashMap;

use serde::Deserialize;
use zulip_presence_core::UserRef;

/// Everybody in the organisation.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    members: Vec<Member>,
    by_id: HashMap<u64, u32>,
    by_email: HashMap<UserRef, u32>,
}

/// One account.
#[derive(Debug)]
pub(crate) struct Member {
    /// The only stable key.
    pub(crate) id: UserRef,
    /// The API email, the key of Zulip's organisation-wide reply.
    pub(crate) email: UserRef,
    /// The kind of account.
    pub(crate) kind: Kind,
}

/// The kinds of accounts, as regards presence.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// Only these have presence.
    Human,
    /// Zulip rejects them with a message of its own.
    Bot,
    /// Zulip replies as if they did not exist.
    Deactivated,
}

/// The body is not that of `GET /users`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct InvalidDirectory;

impl Directory {
    /// Parses the body of `GET /users`.
    ///
    /// # Errors
    /// [`InvalidDirectory`] for any other body.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, InvalidDirectory> {
        #[derive(Deserialize)]
        struct Body {
            result: String,
            members: Vec<Row>,
        }
        #[derive(Deserialize)]
        struct Row {
            user_id: u64,
            email: String,
            #[serde(default)]
            is_bot: bool,
            #[serde(default = "yes")]
            is_active: bool,
        }
        fn yes() -> bool {
            true
        }
        let body: Body = serde_json::from_slice(body).map_err(|_| InvalidDirectory)?;
        if body.result != "success" {
            return Err(InvalidDirectory);
        }
        let mut directory = Self::default();
        for row in body.members {
            // An invalid email could never be requested.
            let Ok(email) = row.email.parse::<UserRef>() else {
                continue;
            };
            let kind = match (row.is_active, row.is_bot) {
                (false, _) => Kind::Deactivated,
                (true, true) => Kind::Bot,
                (true, false) => Kind::Human,
            };
            let at = u32::try_from(directory.members.len()).map_err(|_| InvalidDirectory)?;
            directory.by_id.insert(row.user_id, at);
            directory.by_email.insert(email.clone(), at);
            directory.members.push(Member { id: UserRef::Id(row.user_id), email, kind });
        }
        Ok(directory)
    }

    /// The account that `user` names.
    #[must_use]
    pub(crate) fn find(&self, user: &UserRef) -> Option<&Member> {
        let at = match user {
            UserRef::Id(id) => self.by_id.get(id),
            UserRef::Email(_) => self.by_email.get(user),
        };
        self.members.get(*at? as usize)
    }

    /// How many accounts there are.
    #[must_use]
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// How many accounts are active, bots included.
    #[must_use]
    pub(crate) fn active_accounts(&self) -> usize {
        self.members.iter().filter(|member| member.kind != Kind::Deactivated).count()
    }

    /// The accounts that have presence.
    pub(crate) fn humans(&self) -> impl Iterator<Item = &Member> {
        self.members.iter().filter(|member| member.kind == Kind::Human)
    }
}
