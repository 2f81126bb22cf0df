//! What a request asks for, and its URL.

use std::sync::Arc;

use crate::UserRef;
use crate::reply::{HttpReply, RealmPresence, Reply, RequestError, UserPresence};
use crate::user_ref::percent_encode;

/// Maximum users of a group.
pub const MAX_GROUP: usize = 500;
/// Maximum bytes of a group's path and query: 4,000 for the whole URL, less 256 for the endpoint.
pub const MAX_GROUP_BYTES: usize = 3_744;
const GROUP_PREFIX: &str = "realm/presence?users=%5B";
const STREAM_PREFIX: &str = "realm/presence/stream?users=%5B";
/// `slim_presence` is Zulip's own parameter: only `active_timestamp` and `idle_timestamp`.
const GROUP_SUFFIX: &str = "%5D&slim_presence=true";
/// Bytes of a group's path and query without its members.
pub(super) const GROUP_FRAME_BYTES: usize = GROUP_PREFIX.len() + GROUP_SUFFIX.len();

/// What a request asks for.
///
/// ```
/// use zulip_presence_core::UserRef;
/// use zulip_presence_core::watchlist::Query;
///
/// assert_eq!(Query::User(UserRef::Id(12)).path(), "users/12/presence");
/// assert_eq!(
///     Query::Group(vec![UserRef::Id(12), UserRef::Id(13)]).path(),
///     "realm/presence?users=%5B12%2C13%5D&slim_presence=true",
/// );
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Query {
    /// `GET users/{user}/presence`.
    User(UserRef),
    /// `GET realm/presence?users=[…]&slim_presence=true`, sorted, at most [`MAX_GROUP`] users.
    Group(Vec<UserRef>),
    /// `GET realm/presence`: everybody.
    AllUsers,
    /// `GET users/{user}/status`: what they say of themselves.
    Message(UserRef),
    /// `GET realm/presence/stream?users=[…]&slim_presence=true`: a gateway's server-sent events,
    /// each a reply to `Group`.
    Stream(Vec<UserRef>),
}

/// The parsed reply to a [`Query`]: [`Query::User`] gets `User`, [`Query::Message`] gets
/// `Message`, the others get `Realm`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Response {
    /// About one person.
    User(Reply<UserPresence>),
    /// About many.
    Realm(Reply<RealmPresence>),
    /// What one person says of themselves, if anything.
    Message(Reply<Option<Arc<str>>>),
}

impl Query {
    /// Path and query below `…/api/v1/`, percent-encoded. The same people give the same bytes on
    /// every page, so that HTTP caches can serve them.
    #[must_use]
    pub fn path(&self) -> String {
        match self {
            Self::User(user) => ["users/", &user.path_segment(), "/presence"].concat(),
            Self::Message(user) => ["users/", &user.path_segment(), "/status"].concat(),
            Self::AllUsers => "realm/presence".into(),
            Self::Group(users) => group_path(GROUP_PREFIX, users),
            Self::Stream(users) => group_path(STREAM_PREFIX, users),
        }
    }

    /// Parses the reply to this query.
    ///
    /// # Errors
    /// [`RequestError`] for every reply without presence.
    pub fn parse_reply(&self, reply: &HttpReply<'_>) -> Result<Response, RequestError> {
        match self {
            Self::User(_) => reply.parse_user().map(Response::User),
            Self::Message(_) => reply.parse_message().map(Response::Message),
            Self::Group(_) | Self::Stream(_) | Self::AllUsers => {
                reply.parse_realm().map(Response::Realm)
            }
        }
    }
}

fn group_path(prefix: &str, users: &[UserRef]) -> String {
    let mut path = String::from(prefix);
    for (index, user) in users.iter().enumerate() {
        if index > 0 {
            path.push_str("%2C");
        }
        push_member(user, &mut path);
    }
    path.push_str(GROUP_SUFFIX);
    path
}

/// `user` as JSON, percent-encoded: an ID as a number, an email as a string. No email contains a
/// control character or `\`, so only `"` needs escaping.
fn push_member(user: &UserRef, path: &mut String) {
    match user {
        UserRef::Id(id) => path.push_str(&id.to_string()),
        UserRef::Email(email) => {
            path.push_str("%22");
            for (index, part) in email.split('"').enumerate() {
                if index > 0 {
                    path.push_str("%5C%22");
                }
                percent_encode(part, path);
            }
            path.push_str("%22");
        }
    }
}

/// Bytes that `user` adds to a group's path.
pub(super) fn member_bytes(user: &UserRef) -> usize {
    let mut member = String::from("%2C");
    push_member(user, &mut member);
    member.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn users(written: &[&str]) -> Vec<UserRef> {
        written.iter().filter_map(|user| user.parse().ok()).collect()
    }

    #[test]
    fn paths() {
        assert_eq!(Query::User(UserRef::Id(12)).path(), "users/12/presence");
        let group = Query::Group(users(&["12", "ada@example.com", "a\"b@c"]));
        assert_eq!(
            group.path(),
            "realm/presence?users=%5B12%2C%22ada%40example.com%22%2C%22a%5C%22b%40c%22%5D&slim_presence=true"
        );
        assert_eq!(Query::AllUsers.path(), "realm/presence");
    }

    #[test]
    fn member_bytes_add_up_to_the_path_length() {
        let group = users(&["12", "ada@example.com", "a\"é@c"]);
        let members: usize = group.iter().map(member_bytes).sum();
        assert_eq!(GROUP_FRAME_BYTES + members - "%2C".len(), Query::Group(group).path().len());
    }
}
