// For pages whose script tag says data-scan: their editors leave no <zulip-presence> in place, so any element may say
// data-zulip-presence="12" and gets a badge at its end. A script, as it weighs a fifth of the same in WebAssembly.

const MARK = "data-zulip-presence";
const MARKED = `[${MARK}]`;
/** From the badge's attribute to the one of the marked element. None for the endpoint: whoever may write marks shall not send readers to a server. */
const ATTRIBUTES = [
  ["user", MARK],
  ...["name", "label", "details"].map((name) => [name, `${MARK}-${name}`]),
];
/** Badges that an element gets within so many milliseconds. Whoever takes them away again and again does not want one. */
const MAX_BADGES = 10;
const PERIOD_MS = 10_000;

/** From marked elements to when they got their badges. */
const insertions = new WeakMap();
let observer;

/** Puts a badge into every marked element of the page, now and later. */
export function scan() {
  if (observer) return;
  observer = new MutationObserver((records) => {
    for (const { target, attributeName, addedNodes, removedNodes } of records) {
      if (attributeName === "contenteditable") scanSubtree(target);
      else if (attributeName) upgrade(target);
      // Morphing servers, templates and scripts replace what an element holds, badge included.
      else if (target.matches?.(MARKED)) upgrade(target, [...removedNodes].find(isBadge));
      for (const node of addedNodes) scanSubtree(node);
    }
  });
  observer.observe(document, {
    subtree: true,
    childList: true,
    attributeFilter: ["contenteditable", ...ATTRIBUTES.map(([, mark]) => mark)],
  });
  scanSubtree(document);
}

function scanSubtree(node) {
  if (node.matches?.(MARKED)) upgrade(node);
  node.querySelectorAll?.(MARKED).forEach((element) => upgrade(element));
}

/** Gives the element its badge: `removed`, which knows its status already, or a new one. */
function upgrade(element, removed) {
  // Copies and saved pages have theirs already.
  let badge = badgeOf(element);
  // What is edited is saved: the badge would be, too.
  if (!element.matches(MARKED) || element.isContentEditable) return badge?.remove();
  if (!badge) {
    if (!mayInsert(element)) return;
    badge = removed && !removed.parentNode ? removed : document.createElement("zulip-presence");
  }
  for (const [name, mark] of ATTRIBUTES) {
    const value = element.getAttribute(mark);
    if (value === null) badge.removeAttribute(name);
    else if (value !== badge.getAttribute(name)) badge.setAttribute(name, value);
  }
  if (!badge.parentNode) element.append(badge);
}

function mayInsert(element) {
  const now = performance.now();
  const recent = (insertions.get(element) ?? []).filter((at) => now - at < PERIOD_MS);
  insertions.set(element, recent);
  return recent.length < MAX_BADGES && recent.push(now);
}

const badgeOf = (element) => [...element.children].find(isBadge);
const isBadge = ({ localName }) => localName === "zulip-presence";
