// Types for Preact.
import type { HTMLAttributes } from "preact";
import type {
  LivePresence,
  PresenceChangeEvent,
  ZulipPresenceAttributes,
  ZulipPresenceElement,
} from "./index.js";

export * from "./index.js";

/**
 * What is known of a person, for components that draw it themselves; they render again when the status changes. Unknown before the first
 * reply, on a server, and while its HTML is hydrated. For Preact 10 and later.
 */
export function usePresence(user: string | number): LivePresence;

declare module "preact" {
  namespace JSX {
    interface IntrinsicElements {
      "zulip-presence": Omit<HTMLAttributes<ZulipPresenceElement>, keyof ZulipPresenceAttributes> &
        ZulipPresenceAttributes & {
          "onpresence-change"?: (event: PresenceChangeEvent) => void;
        };
    }
  }
}
