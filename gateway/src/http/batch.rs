//! Replies about many people: what a batch and every message of a stream consist of.

use std::fmt::Write as _;

use zulip_presence_core::{ClockReading, Observation, Timestamp, UserRef};

use crate::http::error::ApiError;
use crate::http::users::{is_slim, users};
use crate::store::{Lookup, Store};
use crate::zulip::user_status::UserStatus;
use crate::zulip::wire::{RenderOptions, push_presence, push_slim_presence, push_timestamp};

/// Whom a request is about.
#[derive(Debug)]
pub(crate) struct Batch {
    /// The keys of the reply, as JSON strings, and the user that each names; each key once.
    pub(crate) asked: Vec<(String, Option<UserRef>)>,
    /// Only the modern fields.
    pub(crate) is_slim: bool,
}

impl Batch {
    /// Parses the query of a request.
    ///
    /// # Errors
    /// [`ApiError::Users`] for an invalid one.
    pub(crate) fn parse(query: Option<&str>) -> Result<Self, ApiError> {
        let query = query.unwrap_or_default();
        Ok(Self { asked: users(query)?, is_slim: is_slim(query)? })
    }

    /// Those who are named.
    pub(crate) fn users(&self) -> impl Iterator<Item = &UserRef> {
        self.asked.iter().filter_map(|(_, user)| user.as_ref())
    }

    /// The reply about everybody. `None`: wait for Zulip, if `can_wait`.
    ///
    /// # Errors
    /// [`ApiError::Unavailable`] where nothing is known of anybody.
    pub(crate) fn body(
        &self,
        store: &mut Store,
        can_wait: bool,
        now: ClockReading,
    ) -> Option<Result<String, ApiError>> {
        self.users().for_each(|user| store.watch(user, now));
        let look_up = |user: &UserRef| store.lookup(user, can_wait, now);
        let replies: Vec<_> =
            self.asked.iter().map(|(_, user)| user.as_ref().map(look_up)).collect();
        if replies.iter().flatten().any(|reply| matches!(reply, Lookup::Pending)) {
            return None;
        }
        let is_unavailable =
            replies.iter().flatten().any(|reply| matches!(reply, Lookup::Unavailable));
        let is_known =
            replies.iter().flatten().any(|reply| matches!(reply, Lookup::CachedPresence(_)));
        // A user who was added during an outage has no data yet. The others are still served.
        if is_unavailable && !is_known {
            return Some(Err(ApiError::unavailable(store, now)));
        }
        let render = store.render(now);
        let mut body = BodyWriter::new(self.asked.len(), store.shows_statuses());
        for ((key, user), reply) in self.asked.iter().zip(&replies) {
            if let Some(status) = user.as_ref().and_then(|user| store.status_message(user)) {
                body.push_status(key, status);
            }
            match reply {
                Some(Lookup::CachedPresence(known)) => {
                    body.push(key, known.at, |json| push_entry(self.is_slim, known, render, json));
                }
                _ => body.push_no_data(key),
            }
        }
        Some(Ok(body.finish(render)))
    }
}

/// Appends what is sent of one person.
pub(crate) fn push_entry(
    is_slim: bool,
    known: &Observation,
    render: RenderOptions,
    json: &mut String,
) {
    let push = if is_slim { push_slim_presence } else { push_presence };
    push(known, render, json);
}

/// Writes a reply.
#[derive(Debug)]
pub(crate) struct BodyWriter {
    json: String,
    separator: &'static str,
    /// When the oldest part of it was observed.
    observed_at: Option<Timestamp>,
    /// What people say of themselves; `None`: hidden.
    statuses: Option<String>,
}

impl BodyWriter {
    /// For about `users` entries, and what they say of themselves where `shows_statuses`.
    pub(crate) fn new(users: usize, shows_statuses: bool) -> Self {
        let mut json = String::with_capacity(128 + 80 * users);
        json.push_str(r#"{"result":"success","msg":"","presences":{"#);
        let statuses = shows_statuses.then(String::new);
        Self { json, separator: "", observed_at: None, statuses }
    }

    /// Adds an entry of what was `observed_at`.
    pub(crate) fn push(
        &mut self,
        key: &str,
        observed_at: Timestamp,
        write: impl FnOnce(&mut String),
    ) {
        self.push_key(key);
        write(&mut self.json);
        self.observed_at = Some(self.observed_at.map_or(observed_at, |at| at.min(observed_at)));
    }

    /// Adds the entry of somebody without presence.
    pub(crate) fn push_no_data(&mut self, key: &str) {
        self.push_key(key);
        self.json.push_str("{}");
    }

    fn push_key(&mut self, key: &str) {
        let _ = write!(self.json, "{}{key}:", self.separator);
        self.separator = ",";
    }

    /// Adds what somebody says of themselves. Whoever has an entry and is not added says nothing.
    pub(crate) fn push_status(&mut self, key: &str, status: &UserStatus) {
        if let Some(statuses) = &mut self.statuses {
            let separator = if statuses.is_empty() { "" } else { "," };
            let _ = write!(statuses, "{separator}{key}:");
            status.push(statuses);
        }
    }

    /// The whole reply.
    pub(crate) fn finish(mut self, render: RenderOptions) -> String {
        self.json.push('}');
        if let Some(statuses) = &self.statuses {
            let _ = write!(self.json, r#","user_statuses":{{{statuses}}}"#);
        }
        push_metadata(self.observed_at.unwrap_or(render.now), render, &mut self.json);
        self.json
    }
}

/// Closes a reply.
pub(crate) fn push_metadata(observed_at: Timestamp, render: RenderOptions, json: &mut String) {
    json.push_str(r#","server_timestamp":"#);
    push_timestamp(observed_at, json);
    json.push_str(r#","server_presence_offline_threshold_seconds":"#);
    let _ = write!(json, "{}}}", render.offline_threshold.as_secs());
}
