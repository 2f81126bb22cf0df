// The stylesheet of the badges: a constructed one, because a strict Content-Security-Policy forbids others.

/** The rules, in parts. */
const styles = [];
/** Maps each document to its stylesheet, which works only in the document that created it. */
const sheets = new Map();

/** Adds rules to the style. */
export function addStyle(...rules) {
  styles.push(...rules);
  // Rule by rule: a browser then restyles only the elements that the rule matches, not every badge.
  for (const sheet of sheets.values())
    for (const rule of rules) sheet.insertRule(rule, sheet.cssRules.length);
}

/** The stylesheet for a document and its shadow roots. Throws in documents without a window, and in browsers from before 2023. */
export function sheetOf(document) {
  let sheet = sheets.get(document);
  if (!sheet) {
    sheet = new document.defaultView.CSSStyleSheet();
    sheet.replaceSync(styles.join(""));
    for (const other of sheets.keys()) if (!other.defaultView) sheets.delete(other);
    sheets.set(document, sheet);
  }
  return sheet;
}

/** Adds the style to a document, once. Throws like `sheetOf`. */
export function adoptStyle(document) {
  const sheet = sheetOf(document);
  const { adoptedStyleSheets } = document;
  if (!adoptedStyleSheets.includes(sheet)) adoptedStyleSheets.push(sheet);
}
