// Types for React 19. (React 18 has no events for custom elements, and writes `overlay={false}` as an attribute.)
import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type {
  PresenceChangeEvent,
  ZulipPresenceAttributes,
  ZulipPresenceElement,
} from "./index.js";

export * from "./index.js";

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
