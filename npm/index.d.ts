/** What a badge shows. `unknown` is not `offline`: nothing can be said. */
export type PresenceStatus = "active" | "idle" | "offline" | "unknown";

/** What is known of a person. */
export interface Presence {
  /** As it was asked: user ID or Zulip API email. */
  user: string;
  status: PresenceStatus;
  /** When the person was last active, where the endpoint tells. */
  lastActive: Date | null;
  /** What the person says of themselves in Zulip: an emoji, a text, or both, where the gateway shows it; else "". */
  message: string;
}

/** What the hooks of React and Preact return. */
export interface LivePresence extends Presence {
  /** Requests their presence at once, but not more often than every 10 s. */
  refresh(): void;
}

/** A change of somebody's status or message. */
export interface PresenceChange extends Presence {
  previous: PresenceStatus;
}

/** Bubbles from a badge, out of shadow roots too, whenever its status or message changes, and only then. */
export type PresenceChangeEvent = CustomEvent<PresenceChange>;

/** The words beside a badge. */
export type PresenceLabel = "none" | "status" | "last-active" | "message";

/** The attributes of `<zulip-presence>`. */
export interface ZulipPresenceAttributes {
  /** User ID (which never changes) or Zulip API email. */
  user: string | number;
  /** The person's name, for those who hear the page. */
  name?: string;
  /** The words beside the badge. Default: `none`. */
  label?: PresenceLabel;
  /** Whether the badge sits on the corner of what the element holds. */
  overlay?: boolean | "";
  /** Whether the badge is a button that tells when the person was last active. */
  details?: boolean | "";
  /** For this element, another endpoint than the page's. */
  endpoint?: string;
}

/** `<zulip-presence>`. Its attributes may change at any time. */
export interface ZulipPresenceElement extends HTMLElement {
  get user(): string;
  set user(user: string | number);
  /** "" where there is none. */
  name: string;
  /** "" where there is none. */
  label: PresenceLabel | "";
  overlay: boolean;
  details: boolean;
  /** "" where there is none. */
  endpoint: string;
  /** Also a custom state, for CSS: `zulip-presence:state(active)`. */
  readonly status: PresenceStatus;
  /** When the person was last active, where the endpoint tells. */
  readonly lastActive: Date | null;
  /** What the person says of themselves in Zulip, where the gateway shows it; else "". */
  readonly message: string;
  /** Asks about the person at once, but not more often than every 10 s. */
  refresh(): void;
}

/** The settings of a page: what a script tag says by `data-` attributes. */
export interface PresenceSettings {
  /** Where a gateway's API begins, such as `https://presence.example.com/api/v1`. Default: `api/v1`, relative to the page. */
  endpoint?: string;
  /** Seconds between two requests, 15 to 60. Default: 30. */
  interval?: number | `${number}`;
  /** Seconds after which a reported timestamp no longer counts, 60 to 3600. Default: what the endpoint says, else 200. */
  offlineAfter?: number | `${number}`;
  /** Whether cookies go along. Default: `same-origin`. */
  credentials?: "same-origin" | "include" | "omit";
  /** Whether a visible page reads the gateway's stream, by which whoever comes is shown at once. Default: `on`. */
  live?: "on" | "off";
  /** Once it is there, elements with `data-zulip-presence` get badges too. */
  scan?: "" | true;
  /** The address of your Zulip, such as `https://chat.example.com`: details then link to a direct message. */
  zulip?: string;
  /** For trials that only you can reach: the bot's address. `endpoint` is then Zulip's own. */
  email?: string;
  /** The bot's key. **Everybody who can read the page can then do all that the bot can.** */
  apiKey?: string;
}

/** The page's own view of presence. On a server nothing is asked, and all is unknown. */
export interface ZulipPresence {
  /**
   * Loads what badges need. True once it runs; pending while that is loading, or fails and is tried again; false once it is
   * certain that it never will: on a server, in a simulated document such as jsdom's, in a browser from before 2024, or if the
   * page's policy forbids it.
   */
  readonly ready: Promise<boolean>;
  /** What is known of somebody now, without asking. */
  get(user: string | number): Presence;
  /** Asks about somebody like a badge on screen does, and calls back upon every change. Returns what ends it. */
  subscribe(user: string | number, callback: (change: PresenceChange) => void): () => void;
  /** Requests the presence of somebody whom the page follows at once, but not more often than every 10 s. */
  refresh(user: string | number): void;
  /** Changes some settings; the others stay. */
  configure(settings: PresenceSettings): void;
}

export const zulipPresence: ZulipPresence;

declare global {
  interface Window {
    zulipPresence: ZulipPresence;
  }
  interface HTMLElementTagNameMap {
    "zulip-presence": ZulipPresenceElement;
  }
  interface GlobalEventHandlersEventMap {
    "presence-change": PresenceChangeEvent;
  }
}
