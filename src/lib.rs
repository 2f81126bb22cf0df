//! A live Zulip presence badge for any page.
