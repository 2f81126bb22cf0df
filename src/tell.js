// Part of the glue: what passes between the page's elements and the WebAssembly, in one call each where it would take a dozen.

/** The `detail` of events and subscriptions. */
function detail(user, status, previous, lastActive_ms) {
  return {
    user,
    status,
    previous,
    lastActive: lastActive_ms === undefined ? null : new Date(lastActive_ms),
  };
}

/** What an element wants, with NUL between: user, label, endpoint, details, language, and the name, which is any text. */
function read(element) {
  const attribute = (name) => element.getAttribute(name) ?? "";
  return [
    attribute("user"),
    attribute("label"),
    attribute("endpoint"),
    element.hasAttribute("details") ? "details" : "",
    language(element),
    attribute("name"),
  ].join("\0");
}

/** The nearest `lang`, also outside of the shadow that the element is in. */
function language(element) {
  for (let at = element; at; at = at.getRootNode().host) {
    const found = at.closest("[lang]");
    if (found) return found.getAttribute("lang");
  }
  return "";
}

/** Reflects the status, and tells the page if it is another one. Listeners that throw are the browser's to report. */
function reflect(element, status, lastActive_ms) {
  const previous = element.getAttribute("status");
  if (previous === status) return;
  element.setAttribute("status", status);
  element.dispatchEvent(
    new CustomEvent("presence-change", {
      bubbles: true,
      composed: true,
      detail: detail(element.getAttribute("user"), status, previous, lastActive_ms),
    }),
  );
}
