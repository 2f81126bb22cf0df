// For pages whose script tag has data-scan, because their editors remove <zulip-presence>: any element with data-zulip-presence="12" gets a
// badge at its end. A script, because the same in WebAssembly takes five times as many bytes.

const MARK = "data-zulip-presence";
const MARKED = `[${MARK}]`;
/** Pairs of the badge's attribute and the marked element's. Not the endpoint: authors of marks must not send readers to another server. */
const ATTRIBUTES = [
  ["user", MARK],
  ...["name", "label", "details"].map((name) => [name, `${MARK}-${name}`]),
];
/** Maximum number of badges that an element gets in PERIOD_MS. A script that keeps removing them does not want one. */
const MAX_BADGES = 10;
const PERIOD_MS = 10_000;

/** Maps marked elements to the times at which they got badges. */
const insertions = new WeakMap();
let observer;

/** Puts a badge into every marked element of the page, now and later. */
export function scan() {
  if (observer) return;
  observer = new MutationObserver((records) => {
    for (const { target, attributeName, addedNodes, removedNodes } of records) {
      if (attributeName === "contenteditable") scanSubtree(target);
      else if (attributeName) upgrade(target);
      // Morphing servers, templates and scripts replace an element's content, the badge included.
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

/** Gives the element its badge: `removed`, which already has its status, or a new one. */
function upgrade(element, removed) {
  // Copies and saved pages already have a badge.
  let badge = badgeOf(element);
  // Edited content is saved, and a badge would be saved with it.
  if (!element.matches(MARKED) || element.isContentEditable) return badge?.remove();
  if (!badge) {
    if (!mayInsert(element)) return upgradeLater(element);
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

/** Elements that get their badge when PERIOD_MS is over. */
const waiting = new Set();

function upgradeLater(element) {
  if (waiting.has(element)) return;
  waiting.add(element);
  setTimeout(() => {
    waiting.delete(element);
    if (element.isConnected) upgrade(element);
  }, PERIOD_MS);
}

const badgeOf = (element) => [...element.children].find(isBadge);
const isBadge = ({ localName }) => localName === "zulip-presence";
