//! Brings the words of other languages than English when a badge needs them. `languages.js`, a part
//! of the glue, fetches them.

use wasm_bindgen::prelude::wasm_bindgen;
use zulip_presence_widget::__private::{fetch_by, learn};

use crate::element::relabel;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = fetchWords)]
    fn fetch_words(language: &str);

    /// Calls [`relabel`] whenever the page changes a `lang`.
    #[wasm_bindgen(js_name = observeLanguages)]
    fn observe_languages();
}

/// From now on words are fetched.
pub(crate) fn start() {
    fetch_by(fetch_words);
    observe_languages();
}

/// Takes a section of `words.txt`, empty where it cannot be had.
#[wasm_bindgen]
pub fn learn_words(language: &str, table: &str) {
    learn(language, table);
    relabel();
}
