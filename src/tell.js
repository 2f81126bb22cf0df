// Part of the glue: what the page's own code is told, in one call from the WebAssembly where it would take a dozen.

/** The `detail` of events and subscriptions. */
function detail(user, status, previous, lastActive_ms) {
  return {
    user,
    status,
    previous,
    lastActive: lastActive_ms === undefined ? null : new Date(lastActive_ms),
  };
}

/** Reflects the status of an element, and tells the page. Listeners that throw are the browser's to report. */
function reflect(element, status, previous, lastActive_ms) {
  element.setAttribute("status", status);
  element.dispatchEvent(
    new CustomEvent("presence-change", {
      bubbles: true,
      composed: true,
      detail: detail(element.getAttribute("user"), status, previous, lastActive_ms),
    }),
  );
}
