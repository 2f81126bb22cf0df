// Requests the first replies while the WebAssembly is still under way, for pages of the plain kind. Who is asked when is decided by the
// engine; where it asks for the same URLs, it gets these replies.

import { httpUrl } from "./script-tag.js";

// The bounds of the engine, presence/src/watchlist; a test in src/client/fetch.rs compares them.
const MAX_GROUP = 500;
const MAX_GROUP_BYTES = 3_744;
const GROUP_FRAME_BYTES = 46;
const MAX_IN_FLIGHT = 4;
/** After which the engine gives a request up. */
const TIMEOUT_MS = 10_000;

/** Requests under way, by URL: `{ response, controller }`. */
export const preloaded = new Map();

/** `isVisible` tells which elements are on screen. */
export function preload({ endpoint, credentials, email }, defaultEndpoint, isVisible) {
  if (document.hidden || credentials || email) return;
  const base = httpUrl(endpoint || defaultEndpoint)?.replace(/\/$/, "");
  if (!base || /[?#@]/.test(base)) return;
  /** From user ID to whether the person is on screen, in the order of the document. */
  const people = new Map();
  for (const element of document.querySelectorAll("zulip-presence")) {
    const user = element.getAttribute("user");
    if (!/^[1-9]\d{0,9}$/.test(user) || element.hasAttribute("endpoint")) return;
    people.set(user, people.get(user) || isVisible(element));
  }
  const groups = [];
  let bytes = Infinity;
  for (const id of people.keys()) {
    bytes += "%2C".length + id.length;
    if (bytes > MAX_GROUP_BYTES || groups.at(-1).length >= MAX_GROUP) {
      groups.push([]);
      bytes = GROUP_FRAME_BYTES + "%2C".length + id.length;
    }
    groups.at(-1).push(id);
  }
  groups
    .filter((group) => group.some((id) => people.get(id)))
    .slice(0, MAX_IN_FLIGHT)
    .forEach((group) => request(base, group));
}

function request(base, group) {
  const users = encodeURIComponent(`[${group.sort((a, b) => a - b)}]`);
  const controller = new AbortController();
  const request = new Request(`${base}/realm/presence?users=${users}&slim_presence=true`, {
    signal: controller.signal,
  });
  // A page's own fetch may throw, or return whatever it likes.
  const response = (async () => fetch(request))();
  // Whoever takes it over hears of a failure.
  response.catch(() => {});
  setTimeout(() => controller.abort(), TIMEOUT_MS);
  preloaded.set(request.url, { response, controller });
}
