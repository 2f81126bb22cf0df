//! Whatever a `zuliprc` says, it gives an account whose site is a URL, or an error that does not
//! print the key.

use std::collections::HashMap;

use zulip_presence_gateway::{CredentialsError, ZulipCredentials, fuzzing};

/// The key, which is to be seen nowhere.
const KEY: &str = "OPENSESAME";

/// Checks `input` as a `zuliprc`.
pub fn check(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(entries) = fuzzing::zuliprc(&text) else {
        return;
    };
    let account = account(&entries);
    let printed = match &account {
        Ok(account) => format!("{account:?}"),
        Err(error) => format!("{error} {error:?}"),
    };
    assert!(!printed.contains(KEY), "{printed}");
    if let Ok(account) = account {
        check_site(&account);
    }
}

/// The account of a file without a key; we give ours. Nothing is read from the disk.
fn account(entries: &HashMap<String, String>) -> Result<ZulipCredentials, CredentialsError> {
    let entry = |name: &str| entries.get(name).filter(|value| !value.contains(KEY)).cloned();
    ZulipCredentials::load(None, |variable| match variable {
        "ZULIP_API_KEY" => Some(KEY.to_owned()),
        "ZULIP_EMAIL" => entry("email"),
        "ZULIP_SITE" => entry("site"),
        "ZULIP_ALLOW_INSECURE" => entry("insecure"),
        "ZULIP_CERT" => entry("client_cert"),
        "ZULIP_CERT_KEY" => entry("client_cert_key"),
        "ZULIP_CERT_BUNDLE" => entry("cert_bundle"),
        _ => None,
    })
}

/// The client that sends the key finds a server in the site, and nothing else.
fn check_site(account: &ZulipCredentials) {
    let site = &account.site;
    let url = url::Url::parse(&format!("{site}/api/v1/users/12/presence")).expect("a URL");
    let host = url.host().expect("a host");
    let here = match host {
        url::Host::Domain(name) => name == "localhost",
        url::Host::Ipv4(address) => address.is_loopback(),
        url::Host::Ipv6(address) => address.is_loopback(),
    };
    match url.scheme() {
        "https" => {}
        "http" => assert!(account.tls.insecure || here, "{site} would carry the key in clear"),
        other => panic!("{site} is {other}"),
    }
    assert!(url.username().is_empty() && url.password().is_none(), "{site} holds credentials");
    assert!(
        url.path().ends_with("/api/v1/users/12/presence")
            && url.query().is_none()
            && url.fragment().is_none(),
        "{site} hides the path"
    );
    assert!(!site.contains(char::is_whitespace), "{site}");
}
