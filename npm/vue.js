// For Vue 3.3 and later.
import { computed, getCurrentInstance, onMounted, shallowRef, toValue, watch } from "vue";
import { presenceStore } from "./store.js";

export * from "./index.js";

export function usePresence(user) {
  // Unknown first, as a server has it.
  const presence = shallowRef(presenceStore(toValue(user)).unknown);
  const follow = () =>
    watch(
      () => `${toValue(user)}`,
      (key, _previous, onCleanup) => {
        const store = presenceStore(key);
        const update = () => (presence.value = store.getSnapshot());
        update();
        onCleanup(store.subscribe(update));
      },
      { immediate: true, flush: "sync" },
    );
  if (getCurrentInstance()) onMounted(follow);
  else follow();
  return {
    status: computed(() => presence.value.status),
    lastActive: computed(() => presence.value.lastActive),
    message: computed(() => presence.value.message),
    refresh: () => presence.value.refresh(),
  };
}
