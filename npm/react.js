// For React 18 and later.
import { useMemo, useSyncExternalStore } from "react";
import { presenceStore } from "./store.js";

export * from "./index.js";

export function usePresence(user) {
  const key = `${user}`;
  const store = useMemo(() => presenceStore(key), [key]);
  return useSyncExternalStore(store.subscribe, store.getSnapshot, () => store.unknown);
}
