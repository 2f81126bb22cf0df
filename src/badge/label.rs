//! The text beside a badge.

/// Which text is shown beside a badge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Label {
    /// None.
    #[default]
    None,
    /// The status: "Active now", "Idle", "Offline".
    Status,
    /// When the person was last active: "Active 5 minutes ago".
    LastActive,
    /// What the person says of themselves in Zulip, else the status.
    Message,
}

impl Label {
    /// Parses the attribute `label`. Unknown values mean no text.
    #[must_use]
    pub fn from_attribute(written: &str) -> Self {
        match written {
            "status" => Self::Status,
            "last-active" => Self::LastActive,
            "message" => Self::Message,
            _ => Self::None,
        }
    }
}
