//! What pages with a stream know.

use std::collections::HashMap;
use std::time::Duration;

use zulip_presence_core::{Observation, UserRef};

use crate::zulip::user_status::UserStatus;

/// What pages with a stream know.
#[derive(Debug, Default)]
pub(super) struct News {
    pub(super) people: HashMap<UserRef, Followed>,
    /// When collected reports were sent last.
    pub(super) sent_at: Duration,
    /// What was sent no longer holds.
    pub(super) is_outdated: bool,
}

/// A person whom a stream is about.
#[derive(Debug)]
pub(super) struct Followed {
    /// How many different lists of people include them.
    pub(super) lists: usize,
    /// What every page knows, or something newer. `None`: no data.
    pub(super) known: Option<Observation>,
    /// What they say of themselves, as every page knows.
    pub(super) status: Option<UserStatus>,
    /// Something newer was observed that was not sent.
    pub(super) is_collected: bool,
}

impl News {
    /// Everybody is news: how pages compute statuses has changed.
    pub(super) fn resend(&mut self) {
        self.is_outdated = true;
    }
}
