// What the hooks of all frameworks share: a person's presence as an object that stays the same until something of it changes.
import { zulipPresence } from "./index.js";

export function presenceStore(user) {
  user = `${user}`;
  const refresh = () => zulipPresence.refresh(user);
  /** Before the first reply; on a server; and while a page from a server is hydrated. */
  const unknown = { user, status: "unknown", lastActive: null, message: "", refresh };
  let snapshot = unknown;

  return {
    unknown,
    /** What is known now, without a request. */
    getSnapshot() {
      const { status, lastActive, message } = zulipPresence.get(user);
      if (
        status !== snapshot.status ||
        lastActive?.getTime() !== snapshot.lastActive?.getTime() ||
        message !== snapshot.message
      )
        snapshot = { user, status, lastActive, message, refresh };
      return snapshot;
    },
    /** Requests presence, and calls back whenever the snapshot may have changed. Returns what ends it. */
    subscribe(onChange) {
      let isOver = false;
      const changed = () => {
        if (!isOver) onChange();
      };
      const unsubscribe = zulipPresence.subscribe(user, changed);
      // A reply that came between the snapshot and the subscription is no change.
      zulipPresence.ready.then(changed);
      return () => {
        isOver = true;
        unsubscribe();
      };
    },
  };
}
