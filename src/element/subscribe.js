// Callbacks of the page: each subscribes to a person as an element does, but has no badge.

import { date } from "./date.js";
import { load, wasm } from "./load.js";

const subscriptions = new Set();

/** Calls back on every change of the user's status or last activity. */
export function subscribe(user, callback) {
  const subscription = { begin, end };
  let handle, known;
  subscriptions.add(subscription);
  load().then(() => handle ?? begin());
  return subscription;

  function begin() {
    if (!wasm || !subscriptions.has(subscription)) return;
    const former = handle;
    handle = new wasm.PageSubscription(user, (status, lastActive_ms) => {
      const previous = known;
      known = { status, lastActive_ms };
      // The first report is not a change.
      if (!previous || (previous.status === status && previous.lastActive_ms === lastActive_ms))
        return;
      callback({ user, status, previous: previous.status, lastActive: date(lastActive_ms) });
    });
    former?.free();
  }

  function end() {
    subscriptions.delete(subscription);
    handle?.free();
    handle = undefined;
  }
}

/** To be called after the settings of the page have changed. */
export function updateSubscriptions() {
  for (const { begin } of subscriptions) begin();
}
