//! What the author of the page is told: one line for each kind of mistake, which names the fix.

use std::cell::RefCell;

/// Longest part of an author's own text that is repeated to them, in characters.
const MAX_QUOTED: usize = 80;

thread_local! {
    static TOLD: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// Writes `line` to the console, followed by what it is about. Once a page, whatever it is about
/// the next time.
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
            let end = about.char_indices().nth(MAX_QUOTED).map_or(about.len(), |(at, _)| at);
            text.push_str(" Here: ");
            text.push_str(about.get(..end).unwrap_or_default());
        }
        web_sys::console::warn_1(&text.into());
    }
}
