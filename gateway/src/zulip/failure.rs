//! What the log and the doctor say of a failed request to Zulip.

use zulip_presence_core::reply::RequestError;

/// What happened.
pub(crate) fn describe(failure: RequestError) -> String {
    match failure {
        RequestError::Unreachable => "unreachable".into(),
        RequestError::TimedOut => "timed out".into(),
        RequestError::Unauthorized => "401 unauthorized".into(),
        RequestError::RateLimited { retry_after: Some(wait) } => {
            format!("429 rate limited for {} s", wait.as_secs_f32().ceil())
        }
        RequestError::RateLimited { retry_after: None } => "429 rate limited".into(),
        RequestError::Status { code, .. } => format!("status {code}"),
        RequestError::InvalidResponse => "not a reply of Zulip's API".into(),
    }
}

/// What an administrator can do about it.
pub(crate) fn remedy(failure: RequestError) -> &'static str {
    match failure {
        RequestError::Unreachable | RequestError::TimedOut => {
            "check that the site is right and can be reached from here"
        }
        RequestError::Unauthorized => {
            "check email and key: regenerate the key in Zulip and put the new zuliprc in place"
        }
        RequestError::RateLimited { .. } => {
            "something else uses the same key: give the gateway a bot of its own, or lower --budget"
        }
        RequestError::Status { code: 300..=399, .. } => {
            "the site redirects: write the address to which it does into the zuliprc"
        }
        RequestError::Status { .. } => "see the Zulip server's own logs",
        RequestError::InvalidResponse => {
            "check that the site is the Zulip organisation itself, not a login proxy before it"
        }
    }
}
