// Types for Preact.
import type { HTMLAttributes } from "preact";
import type {
  PresenceChangeEvent,
  ZulipPresenceAttributes,
  ZulipPresenceElement,
} from "./index.js";

export * from "./index.js";

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
