// What is in an element's shadow root before the WebAssembly draws there: the unknown badge.

/** The core's drawing of "unknown". */
const UNKNOWN =
  "M6.8 2.1A6 6 0 0 0 2.1 6.8l2.2.4a3.8 3.8 0 0 1 2.9-2.9zM9.2 2.1A6 6 0 0 1 13.9 6.8l-2.2.4a3.8 3.8 0 0 0-2.9-2.9zM13.9 9.2A6 6 0 0 1 9.2 13.9l-.4-2.2a3.8 3.8 0 0 0 2.9-2.9zM6.8 13.9A6 6 0 0 1 2.1 9.2l2.2-.4a3.8 3.8 0 0 0 2.9 2.9z";

/** The style of all badges; the WebAssembly adds to it. */
export let sheet;
const template = globalThis.document && createTemplate();

/** Fills a new shadow root. Returns the element around slot and badge. */
export function fill(shadow) {
  if (sheet) shadow.adoptedStyleSheets = [sheet];
  shadow.append(template.cloneNode(true));
  return shadow.lastChild;
}

/** A new unknown badge in place of whatever was drawn. Returns it. */
export function resetBadge(wrapper) {
  wrapper.lastChild.replaceWith(template.lastChild.lastChild.cloneNode(true));
  return wrapper.lastChild;
}

function createTemplate() {
  const template = document.createDocumentFragment();
  try {
    sheet = new CSSStyleSheet();
    sheet.replaceSync(CRITICAL_STYLE);
  } catch {
    // A browser from before 2023, which shows this badge and never another.
    template.append(createElement("style", null, CRITICAL_STYLE));
  }
  const path = createElement("path", { d: UNKNOWN });
  const icon = createElement(
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
  const badge = createElement("span", null, icon);
  const wrapper = createElement("span", null, createElement("slot"), badge);
  wrapper.className = "zulip-presence";
  badge.className = "zulip-presence-badge";
  template.append(wrapper);
  return template;
}

/** What has attributes is SVG. */
function createElement(name, attributes, ...children) {
  const element = attributes
    ? document.createElementNS("http://www.w3.org/2000/svg", name)
    : document.createElement(name);
  for (const attribute in attributes) element.setAttribute(attribute, attributes[attribute]);
  element.append(...children);
  return element;
}
