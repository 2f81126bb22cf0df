// The content of an element's shadow root: a slot for the page's own content, and the badge, in which the WebAssembly draws.

import { addStyle, sheetOf } from "../badge/style.js";

/** The core's drawing of "unknown". */
const UNKNOWN =
  "M6.8 2.1A6 6 0 0 0 2.1 6.8l2.2.4a3.8 3.8 0 0 1 2.9-2.9zM9.2 2.1A6 6 0 0 1 13.9 6.8l-2.2.4a3.8 3.8 0 0 0-2.9-2.9zM13.9 9.2A6 6 0 0 1 9.2 13.9l-.4-2.2a3.8 3.8 0 0 0 2.9-2.9zM6.8 13.9A6 6 0 0 1 2.1 9.2l2.2-.4a3.8 3.8 0 0 0 2.9 2.9z";

/** The element around slot and badge, with its slot. */
const wrapper = globalThis.document && createElement("span", null, createElement("slot"));
let emptyBadge, unknown;
if (wrapper) {
  wrapper.className = "zulip-presence";
  emptyBadge = createElement("span");
  emptyBadge.className = "zulip-presence-badge";
  unknown = emptyBadge.cloneNode();
  unknown.append(createUnknownIcon());
}

addStyle(CRITICAL_STYLE);

/** The badge that is shown first. */
export const unknownBadge = () => unknown.cloneNode(true);

/** Fills a new shadow root. Returns the element around slot and badge. */
export function fill(shadow, badge = unknownBadge()) {
  const root = wrapper.cloneNode(true);
  root.append(badge);
  shadow.append(root);
  adopt(shadow);
  return root;
}

/** Gives the shadow root its style; again in each document that it is moved to. */
export function adopt(shadow) {
  try {
    // Assigned without a look at what was there: that takes five times as long.
    shadow.adoptedStyleSheets = [sheetOf(shadow.ownerDocument)];
  } catch {
    // A document without a window, or a browser from before 2023, which never shows any other badge.
    if (!shadow.querySelector("style"))
      shadow.prepend(createElement("style", null, CRITICAL_STYLE));
  }
}

/** Returns an empty badge. Calls `onDrawn(badge)` when something is drawn in it, which Yew may do in a later task. */
export function emptyRoot(onDrawn) {
  const root = emptyBadge.cloneNode();
  const observer = new MutationObserver(() => {
    observer.disconnect();
    onDrawn(root);
  });
  observer.observe(root, { childList: true });
  return root;
}

function createUnknownIcon() {
  const path = createElement("path", { d: UNKNOWN });
  return createElement(
    "svg",
    {
      "data-status": "unknown",
      part: "badge",
      viewBox: "0 0 16 16",
      role: "img",
      "aria-label": "Status unknown",
    },
    path,
  );
}

/** Creates an SVG element if there are attributes, else an HTML element. */
function createElement(name, attributes, ...children) {
  const element = attributes
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const attribute in attributes) element.setAttribute(attribute, attributes[attribute]);
  element.append(...children);
  return element;
}
