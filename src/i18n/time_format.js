// Times and dates in words, by the browser's Intl.

/** From tag to `Intl.RelativeTimeFormat`: to make one takes a browser longer than a hundred badges. */
const formats = { __proto__: null };

/** "5 minutes ago", in the language `tag` as the page writes it; in `lang` where that is no language tag. */
export function formatAgo(tag, lang, count, unit) {
  formats[tag] ??= new Intl.RelativeTimeFormat(locale(tag, lang), { numeric: "auto" });
  return formats[tag].format(-count, unit);
}

/** "May 3, 2026", likewise. */
export function formatDate(tag, lang, ms) {
  return new Date(ms).toLocaleDateString(locale(tag, lang), { dateStyle: "long" });
}

/** The reader's offset from UTC at an instant, in minutes (east is positive). */
export const utcOffset = (ms) => -new Date(ms).getTimezoneOffset();

function locale(tag, lang) {
  try {
    return Intl.getCanonicalLocales(tag || lang);
  } catch {
    return lang;
  }
}
