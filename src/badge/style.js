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

/**
 * Adds the style to a document or a shadow root; again in each document that the shadow root is moved to. Throws in documents without a
 * window, and in browsers from before 2023.
 */
export function adoptStyle(root) {
  const document = root.ownerDocument ?? root;
  let sheet = sheets.get(document);
  if (!sheet) {
    sheet = new document.defaultView.CSSStyleSheet();
    sheet.replaceSync(styles.join(""));
    for (const other of sheets.keys()) if (!other.defaultView) sheets.delete(other);
    sheets.set(document, sheet);
  }
  const { adoptedStyleSheets } = root;
  // Faster than push() where there are none, as in a new shadow root.
  if (!adoptedStyleSheets.includes(sheet)) root.adoptedStyleSheets = [...adoptedStyleSheets, sheet];
}
