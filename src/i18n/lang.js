/** The nearest `lang` of the element or its ancestors, also outside of its shadow roots. */
export function langOf(element) {
  for (let at = element; at; at = at.getRootNode().host) {
    const found = at.closest("[lang]");
    if (found) return found.getAttribute("lang");
  }
  return "";
}

/** Calls back whenever the page changes a `lang`. */
export function observeLang(callback) {
  new MutationObserver(callback).observe(document, { subtree: true, attributeFilter: ["lang"] });
}
