// Types for the templates of Vue 3.
import type { ComputedRef, HTMLAttributes, MaybeRefOrGetter } from "vue";
import type { PresenceChangeEvent, PresenceStatus, ZulipPresenceAttributes } from "./index.js";

export * from "./index.js";

/**
 * What is known of a person, for components that draw it themselves; it follows `user` if that is a ref or a getter. Unknown before the
 * first reply, on a server, and while its HTML is hydrated. For Vue 3.3 and later.
 */
export function usePresence(user: MaybeRefOrGetter<string | number>): {
  status: ComputedRef<PresenceStatus>;
  lastActive: ComputedRef<Date | null>;
  /** What the person says of themselves in Zulip, where the gateway shows it; else "". */
  message: ComputedRef<string>;
  /** Requests their presence at once, but not more often than every 10 s. */
  refresh(): void;
};

declare module "vue" {
  interface GlobalComponents {
    "zulip-presence": new () => {
      $props: HTMLAttributes &
        ZulipPresenceAttributes & {
          onPresenceChange?: (event: PresenceChangeEvent) => void;
        };
    };
  }
}
