// Tries again what failed to load, by the engine's rules for requests (docs/design.md §6).

import { settings } from "./script-tag.js";

const FIRST_WAIT_MS = 5_000;
/** What ends a wait: the network is back, or the page is shown, or comes back. */
const EVENTS = ["online", "pageshow", "visibilitychange"];

/** Functions that each end a wait. */
const waits = new Set();
/** How often waits were ended so far. */
let wakes = 0;

const isHidden = () => document.visibilityState === "hidden";

/** Ends all waits, unless the page is hidden: that one loads nothing. Nor does the first `pageshow`, after `load`, say anything new. */
export function wake({ persisted } = {}) {
  if (isHidden() || persisted === false) return;
  wakes += 1;
  for (const end of waits) end();
}

/**
 * Calls `attempt(failures)` until it succeeds, and resolves to its result. `onFailure(error, failures)` may return false to end this.
 * `failures` counts those so far.
 */
export async function retry(attempt, onFailure) {
  for (let failures = 0; ;) {
    const wakesBefore = wakes;
    listen();
    try {
      return await attempt(failures);
    } catch (error) {
      failures += 1;
      if (onFailure?.(error, failures) === false) return undefined;
    }
    // What happened during the attempt ends the wait for the next one.
    if (wakes === wakesBefore) await new Promise((resolve) => wait(failures, resolve));
  }
}

function wait(failures, onEnd) {
  const interval_ms = Math.min(Math.max(+settings.interval || 30, 15), 60) * 1000;
  const longest_ms = Math.min(FIRST_WAIT_MS * 2 ** (failures - 1), interval_ms);
  let timer;
  const end = () => {
    clearTimeout(timer);
    waits.delete(end);
    onEnd();
  };
  const begin = () => {
    // Again, because document.open() removes all listeners.
    listen();
    timer = setTimeout(
      () => (isHidden() ? begin() : end()),
      longest_ms * (0.5 + Math.random() / 2),
    );
  };
  waits.add(end);
  begin();
}

function listen() {
  // In the capturing phase the window also hears of events that do not bubble.
  for (const type of EVENTS) addEventListener(type, wake, true);
}
