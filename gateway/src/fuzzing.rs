//! The private parsers of outside input: for `fuzz/` alone, which builds with `--cfg fuzzing`.

use std::collections::HashMap;

use zulip_presence_core::UserRef;

use crate::config::ini::Ini;
use crate::http;
use crate::zulip::allow_list::AllowList;
use crate::zulip::directory::{Directory, Kind, Member};

/// The keys of the reply to `realm/presence?…` as JSON, and the user that each names.
#[must_use]
pub fn users(query: &str) -> Option<Vec<(String, Option<UserRef>)>> {
    http::users::users(query).ok()
}

/// The entries of a `zuliprc` that are read.
///
/// # Errors
/// An invalid line, or a `%` that cannot be expanded.
pub fn zuliprc(text: &str) -> Result<HashMap<String, String>, String> {
    let ini = Ini::parse(text).map_err(|error| error.to_string())?;
    let mut entries = HashMap::new();
    for name in
        ["email", "key", "site", "insecure", "cert_bundle", "client_cert", "client_cert_key"]
    {
        if let Some(value) = ini.get("api", name).map_err(|error| error.to_string())? {
            entries.insert(name.to_owned(), value);
        }
    }
    Ok(entries)
}

/// A people file.
#[derive(Debug)]
pub struct People(AllowList);

impl People {
    /// Parses a people file.
    ///
    /// # Errors
    /// The number of the invalid line.
    pub fn parse(text: &str) -> Result<Self, usize> {
        AllowList::parse(text).map(Self).map_err(|at| at.0)
    }

    /// Whether the user with these two names may be seen.
    #[must_use]
    pub fn includes(&self, id: &UserRef, email: &UserRef) -> bool {
        self.0.includes(&Member { id: id.clone(), email: email.clone(), kind: Kind::Human })
    }

    /// Whether a user known only by this name could be seen.
    #[must_use]
    pub fn could_include(&self, user: &UserRef) -> bool {
        self.0.could_include(user)
    }
}

/// The ID and the email of `user` in the body of `GET /users`.
#[must_use]
pub fn directory(body: &[u8], user: &UserRef) -> Option<(UserRef, UserRef)> {
    let directory = Directory::parse(body).ok()?;
    directory.find(user).map(|member| (member.id.clone(), member.email.clone()))
}
