//! Zulip's side of the wire: the client, the directory of users, and the presence objects.

pub(crate) mod allow_list;
pub(crate) mod client;
pub(crate) mod directory;
pub(crate) mod event_queue;
pub(crate) mod failure;
pub(crate) mod refusal;
pub(crate) mod tls;
pub(crate) mod user_status;
pub(crate) mod wire;
