// What texts need of the browser in JavaScript: the languages of the page, and times and dates in words, by Intl. One module, for the reason
// in src/client/browser.js.

/** The nearest `lang` of the element or its ancestors, also outside of its shadow roots. */
export function langOf(element) {
  for (let at = element; at; at = at.getRootNode().host) {
    const found = at.closest("[lang]");
    if (found) return found.getAttribute("lang");
  }
  return "";
}

const callbacks = new Set();
let observer;

/** Calls back whenever the page changes a `lang`; outside of shadow roots. */
export function observeLang(callback) {
  callbacks.add(callback);
  if (observer) return;
  observer = new MutationObserver(() => callbacks.forEach((callback) => callback()));
  observer.observe(document, { subtree: true, attributeFilter: ["lang"] });
}

export function unobserveLang(callback) {
  callbacks.delete(callback);
  if (callbacks.size) return;
  observer?.disconnect();
  observer = undefined;
}

/** Maps each tag to its `Intl.RelativeTimeFormat`: creating one takes longer than a hundred badges. */
const formats = { __proto__: null };

/** "5 minutes ago", in the language `tag` as the page writes it; in `lang` if that is not a valid language tag. */
export function formatAgo(tag, lang, count, unit) {
  formats[tag] ??= new Intl.RelativeTimeFormat(locale(tag, lang), { numeric: "auto" });
  return formats[tag].format(-count, unit);
}

/** "May 3, 2026", likewise. */
export function formatDate(tag, lang, ms) {
  return new Date(ms).toLocaleDateString(locale(tag, lang), { dateStyle: "long" });
}

function locale(tag, lang) {
  try {
    return Intl.getCanonicalLocales(tag || lang);
  } catch {
    return lang;
  }
}
