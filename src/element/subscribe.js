// Callbacks of the page: each subscribes to a person as an element does, but has no badge.

import { PresenceHandle } from "wasm-bindgen";
import { date } from "./date.js";

/** Maps each handle to its user. */
const handles = new Map();

/** Calls back on every change of the user's status or last activity. Returns a function that ends the subscription. */
export function subscribe(user, callback) {
  let known;
  const handle = new PresenceHandle(document.documentElement, (status, lastActive_ms) => {
    const previous = known;
    known = status;
    // The first report is not a change.
    if (previous) callback({ user, status, previous, lastActive: date(lastActive_ms) });
  });
  handles.set(handle, user);
  handle.update(user);
  handle.setVisible(true);
  return () => {
    handles.delete(handle);
    handle.free();
  };
}

/** To be called after the settings of the page have changed. */
export function updateSubscriptions() {
  for (const [handle, user] of handles) handle.update(user);
}
