// Types for the templates of Vue 3.
import type { HTMLAttributes } from "vue";
import type { PresenceChangeEvent, ZulipPresenceAttributes } from "./index.js";

export * from "./index.js";

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
