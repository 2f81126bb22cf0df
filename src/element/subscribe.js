// Callbacks of the page: each subscribes to a person as an element does, but has no badge.

import { date } from "./date.js";
import { load, wasm } from "./load.js";

const subscriptions = new Set();

/** Calls back on every change of the user's status, last activity or message. */
export function subscribe(user, callback) {
  const subscription = { begin, end };
  let handle, known;
  subscriptions.add(subscription);
  load().then(() => handle ?? begin());
  return subscription;

  function begin() {
    if (!wasm || !subscriptions.has(subscription)) return;
    const former = handle;
    handle = new wasm.PageSubscription(user, (...now) => {
      const before = known;
      known = now;
      // The first report is not a change.
      if (!before || before.every((value, at) => value === now[at])) return;
      const [status, lastActive_ms, message] = now;
      callback({ user, status, previous: before[0], lastActive: date(lastActive_ms), message });
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
