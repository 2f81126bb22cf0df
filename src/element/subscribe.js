// Callbacks of the page: each follows a person as an element does, but has no badge.

import { PresenceHandle } from "wasm-bindgen";
import { date } from "./date.js";

/** From handles to whom each follows. */
const handles = new Map();

/** Calls back upon every change of the user's status or last activity. Returns what ends that. */
export function subscribe(user, callback) {
  let known;
  const handle = new PresenceHandle(document.documentElement, (status, lastActive_ms) => {
    const previous = known;
    known = status;
    // What is known at first is no change.
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

/** After the settings of the page have changed. */
export function updateSubscriptions() {
  for (const [handle, user] of handles) handle.update(user);
}
