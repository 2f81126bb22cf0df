// The script tag, and the settings from its attributes, `window.zulipPresence` and `zulipPresence.configure`.

import { resolveEndpoint } from "../client/browser.js";

const FILE = "/zulip-presence.js";
/** By the names of `dataset`. */
const SETTING_NAMES = [
  "endpoint",
  "interval",
  "offlineAfter",
  "credentials",
  "email",
  "apiKey",
  "zulip",
  "live",
  "scan",
];

/** The script that runs this code. Null in a module, after import() and in evaluated text. */
const current = globalThis.document?.currentScript;
/** The script tag: the one that runs this code, or else the one that names the file. */
export const script =
  current?.src || current?.dataset.endpoint
    ? current
    : globalThis.document?.querySelector(`script[src*="${FILE}"]`);

/** Whether the page allows only this zulip-presence.js. */
export const isPinned = () =>
  !!script?.integrity ||
  [...document.querySelectorAll("script[type=importmap]")].some(({ text }) =>
    /"integrity"[^]*zulip-presence\.js/.test(text),
  );

export const settings = {};
// The tag overrides what the page set there beforehand.
for (const name of SETTING_NAMES) {
  const value = globalThis.zulipPresence?.[name];
  if (value != null) settings[name] = value;
}
Object.assign(settings, script?.dataset);

const ofScript = script?.src.startsWith("http") ? script.src : undefined;
/** Whether the script is zulip-presence.js itself, not a file that it was combined with. */
export const isOwnFile = !!ofScript?.includes(FILE);

/** The base URL of the files: the script's, or the gateway's if the script is another file. Undefined if neither is known. */
export function baseUrl() {
  if (isOwnFile || settings.email) return ofScript;
  const [ofGateway, ...rest] = resolveEndpoint(settings.endpoint)?.split(/api\/v1\/$/) ?? [];
  return rest.length ? ofGateway : ofScript;
}

/** The endpoint if none is set; undefined if it is not known. */
export function defaultEndpoint() {
  const base = baseUrl() ?? (IS_PACKAGE ? document.baseURI : undefined);
  return base && new URL("api/v1", base).href;
}

/** Whether marked elements get badges. */
export const wantsScan = () => "scan" in settings;
