// For pages whose script tag says data-scan: their editors leave no <zulip-presence> in place, so any element may say
// data-zulip-presence="12" and gets a badge at its end. A script, as it weighs a fifth of the same in WebAssembly.

const MARK = "data-zulip-presence";
const MARKED = `[${MARK}]`;
/** From the badge's attribute to the one of the marked element. */
const ATTRIBUTES = [
  ["user", MARK],
  ...["name", "label", "details", "endpoint"].map((name) => [name, `${MARK}-${name}`]),
];
let observer;

/** Puts a badge into every marked element of the page, now and later. */
export function scan() {
  if (observer) return;
  observer = new MutationObserver((records) => {
    for (const { target, attributeName, addedNodes } of records) {
      // The page may have replaced what the element held, badge included. Whoever takes the badge away and adds nothing is let be.
      if (attributeName || (addedNodes.length && target.matches?.(MARKED))) upgrade(target);
      for (const node of addedNodes) scanSubtree(node);
    }
  });
  observer.observe(document, {
    subtree: true,
    childList: true,
    attributeFilter: ATTRIBUTES.map(([, marked]) => marked),
  });
  scanSubtree(document);
}

function scanSubtree(node) {
  if (node.matches?.(MARKED)) upgrade(node);
  node.querySelectorAll?.(MARKED).forEach(upgrade);
}

function upgrade(element) {
  // Copies and saved pages have theirs already.
  let badge = [...element.children].find(({ localName }) => localName === "zulip-presence");
  if (!element.matches(MARKED)) return badge?.remove();
  badge ??= document.createElement("zulip-presence");
  for (const [name, marked] of ATTRIBUTES) {
    const value = element.getAttribute(marked);
    if (value === null) badge.removeAttribute(name);
    else if (value !== badge.getAttribute(name)) badge.setAttribute(name, value);
  }
  if (!badge.parentNode) element.append(badge);
}
