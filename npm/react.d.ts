// Types for React 19. (React 18 has no events for custom elements, and writes `overlay={false}` as an attribute.)
import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type {
  LivePresence,
  PresenceChangeEvent,
  ZulipPresenceAttributes,
  ZulipPresenceElement,
} from "./index.js";

export * from "./index.js";

/**
 * What is known of a person, for components that draw it themselves; they render again when the status changes. Unknown before the first
 * reply, on a server, and while its HTML is hydrated. For React 18 and later.
 */
export function usePresence(user: string | number): LivePresence;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "zulip-presence": DetailedHTMLProps<
        HTMLAttributes<ZulipPresenceElement>,
        ZulipPresenceElement
      > &
        ZulipPresenceAttributes & {
          "onpresence-change"?: (event: PresenceChangeEvent) => void;
        };
    }
  }
}
