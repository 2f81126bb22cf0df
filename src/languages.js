// Part of the glue: the words of other languages than English, of which a page loads the one that it is written in.

/** Fetches a section of src/words.txt. WORDS is what the build knows of them: `{language: [URL, digest]}`. */
function fetchWords(language) {
  const [url, integrity] = WORDS[language];
  // As the glue was asked for, so that an upgrade never mixes versions.
  url.search = new URL(import.meta.url).search;
  fetch(url, { integrity })
    .then((response) => (response.ok ? response.text() : ""))
    .catch(() => "")
    .then((table) => learn_words(language, table));
}

/** A page that changes its language, or that of a part, has its badges follow. */
function observeLanguages() {
  new MutationObserver(relabel).observe(document, { subtree: true, attributeFilter: ["lang"] });
}
