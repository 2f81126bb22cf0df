//! Console warnings for the page author: one line for each kind of mistake, which names the fix.

use std::cell::RefCell;

/// Maximum length of an author's text that a warning quotes, in characters.
const MAX_QUOTED: usize = 80;

thread_local! {
    static TOLD: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Writes `line` to the console, followed by `about`. Once per page, even if `about` differs the
/// next time.
pub(crate) fn warn_once(line: &'static str, about: &str) {
    let is_new = TOLD.with_borrow_mut(|told| {
        let is_new = !told.contains(&line);
        if is_new {
            told.push(line);
        }
        is_new
    });
    if is_new {
        let mut text = String::from("zulip-presence: ");
        text.push_str(line);
        if !about.is_empty() {
            text.push_str(" Here: ");
            text.extend(about.chars().take(MAX_QUOTED));
        }
        web_sys::console::warn_1(&text.into());
    }
}
