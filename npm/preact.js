// For Preact 10 and later.
import { useLayoutEffect, useMemo, useState } from "preact/hooks";
import { presenceStore } from "./store.js";

export * from "./index.js";

export function usePresence(user) {
  const key = `${user}`;
  const store = useMemo(() => presenceStore(key), [key]);
  // Unknown first, as a server has it: Preact hydrates only what is the same. What is known comes before the browser paints.
  const [presence, setPresence] = useState(store.unknown);
  useLayoutEffect(() => {
    const update = () => setPresence(store.getSnapshot());
    update();
    return store.subscribe(update);
  }, [store]);
  return presence.user === key ? presence : store.unknown;
}
