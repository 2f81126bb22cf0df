// Times and dates in words, by the browser's Intl.

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
