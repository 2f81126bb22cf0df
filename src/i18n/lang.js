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
