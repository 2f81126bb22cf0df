import { createApp, createSSRApp, defineComponent, h, ref } from "vue";
import { usePresence } from "zulip-presence/vue";

export const Drawn = defineComponent(() => {
  const user = ref<number | string>(3001);
  const { status, lastActive, refresh } = usePresence(user);
  // @ts-expect-error There is no such status.
  status.value satisfies "busy";
  return () =>
    h("p", [
      h("output", { title: lastActive.value?.toISOString() ?? "never" }, status.value),
      h("button", { onClick: () => (user.value = "3003") }, "Next"),
      h("button", { onClick: refresh }, "Refresh"),
    ]);
});

export const wrong = () =>
  // @ts-expect-error It needs somebody.
  usePresence();

export function mount(element: Element, isFromServer: boolean) {
  const app = (isFromServer ? createSSRApp : createApp)(Drawn);
  app.mount(element);
  return () => app.unmount();
}
