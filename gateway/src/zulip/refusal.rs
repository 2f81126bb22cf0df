//! Why Zulip refuses an account, or knows nothing at an address: by the `code` of its reply, and by its
//! `msg` where the code is UNAUTHORIZED, as it is for most (docs/zulip-wire.md §4).

use std::fmt;

use serde::Deserialize;

/// What Zulip says by 401, 403 or 404.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Refusal {
    /// The key is not, or no longer, that of the account.
    Key,
    /// The request arrived without a key.
    NoKey,
    /// The bot was deactivated.
    BotDeactivated,
    /// The organisation was deactivated.
    OrganisationDeactivated,
    /// The account belongs to another organisation of this server.
    OtherOrganisation,
    /// This server has no organisation of this name.
    NoOrganisation,
    /// The bot is an incoming webhook, which may read nothing.
    WebhookBot,
}

impl Refusal {
    /// Parses the body of a reply; `None` if it says nothing more than its status.
    pub(crate) fn parse(status: u16, body: &[u8]) -> Option<Self> {
        #[derive(Deserialize)]
        struct Body {
            code: String,
            #[serde(default)]
            msg: String,
        }
        if !matches!(status, 401 | 403 | 404) {
            return None;
        }
        let Body { code, msg } = serde_json::from_slice(body).ok()?;
        Some(match code.as_str() {
            "INVALID_API_KEY" | "AUTHENTICATION_FAILED" => Self::Key,
            "UNAUTHENTICATED_USER" => Self::NoKey,
            "USER_DEACTIVATED" => Self::BotDeactivated,
            "REALM_DEACTIVATED" => Self::OrganisationDeactivated,
            "NONEXISTENT_SUBDOMAIN" => Self::NoOrganisation,
            "UNAUTHORIZED" if msg.contains("API key") => Self::Key,
            "UNAUTHORIZED" if msg.contains("webhook") => Self::WebhookBot,
            "UNAUTHORIZED" if msg.contains("subdomain") => Self::OtherOrganisation,
            "UNAUTHORIZED" if msg.starts_with("Account is deactivated") => Self::BotDeactivated,
            "UNAUTHORIZED" if msg.contains("organization has been deactivated") => {
                Self::OrganisationDeactivated
            }
            "UNAUTHORIZED" if msg.starts_with("Not logged in") || msg.contains("header") => {
                Self::NoKey
            }
            _ => return None,
        })
    }

    /// What an administrator can do about it.
    pub(crate) fn remedy(self) -> &'static str {
        match self {
            Self::Key => {
                "check email and key: regenerate the key in Zulip and put the new zuliprc in place"
            }
            Self::NoKey => "let no proxy before Zulip drop the header Authorization",
            Self::BotDeactivated => {
                "reactivate the bot in Zulip (Settings > Bots), or put the zuliprc of another one in place"
            }
            Self::OrganisationDeactivated => {
                "an administrator of the Zulip server can reactivate the organisation"
            }
            Self::OtherOrganisation => {
                "the site and the bot must be of one organisation: put the zuliprc in place as Zulip offers it for download"
            }
            Self::NoOrganisation => {
                "check the subdomain in the site: this server has no organisation of that name"
            }
            Self::WebhookBot => {
                "put the zuliprc of a bot of the type \"Generic bot\" in place: an incoming webhook may read nothing"
            }
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Key => "the key is wrong",
            Self::NoKey => "the request arrived without the key",
            Self::BotDeactivated => "the bot is deactivated",
            Self::OrganisationDeactivated => "the organisation is deactivated",
            Self::OtherOrganisation => "the bot belongs to another organisation of this server",
            Self::NoOrganisation => "there is no organisation at this address",
            Self::WebhookBot => "the bot is an incoming webhook",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_messages_name_the_refusal() {
        use Refusal::{
            BotDeactivated, Key, NoKey, NoOrganisation, OrganisationDeactivated, OtherOrganisation,
            WebhookBot,
        };
        for (status, code, msg, expected) in [
            (401, "UNAUTHORIZED", "Invalid API key", Some(Key)),
            (401, "UNAUTHORIZED", "Malformed API key", Some(Key)),
            (401, "INVALID_API_KEY", "Clé d'API invalide", Some(Key)),
            (401, "UNAUTHORIZED", "Account is deactivated", Some(BotDeactivated)),
            (401, "USER_DEACTIVATED", "", Some(BotDeactivated)),
            // Before feature level 76.
            (403, "USER_DEACTIVATED", "", Some(BotDeactivated)),
            (403, "REALM_DEACTIVATED", "", Some(OrganisationDeactivated)),
            (401, "REALM_DEACTIVATED", "", Some(OrganisationDeactivated)),
            (
                401,
                "UNAUTHORIZED",
                "This organization has been deactivated",
                Some(OrganisationDeactivated),
            ),
            (
                401,
                "UNAUTHORIZED",
                "Account is not associated with this subdomain",
                Some(OtherOrganisation),
            ),
            (
                401,
                "UNAUTHORIZED",
                "This API is not available to incoming webhook bots.",
                Some(WebhookBot),
            ),
            (
                401,
                "UNAUTHORIZED",
                "Not logged in: API authentication or user session required",
                Some(NoKey),
            ),
            (401, "UNAUTHORIZED", "Missing authorization header for basic auth", Some(NoKey)),
            (401, "UNAUTHENTICATED_USER", "", Some(NoKey)),
            (404, "NONEXISTENT_SUBDOMAIN", "Invalid subdomain", Some(NoOrganisation)),
            (401, "UNAUTHORIZED", "Ungültiger Schlüssel", None),
            (403, "BAD_REQUEST", "Access denied", None),
            (500, "REALM_DEACTIVATED", "", None),
        ] {
            let body = serde_json::json!({"result": "error", "code": code, "msg": msg});
            assert_eq!(
                Refusal::parse(status, body.to_string().as_bytes()),
                expected,
                "{status} {code} {msg}"
            );
        }
        for body in ["", "<html>", "[]", "{}", r#"{"code":401}"#] {
            assert_eq!(Refusal::parse(401, body.as_bytes()), None, "{body}");
        }
    }
}
