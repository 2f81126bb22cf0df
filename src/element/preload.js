// Requests the first replies while the WebAssembly is loading, for simple pages. The engine decides who is requested when; if it requests
// the same URLs, it gets these replies.

import { resolveEndpoint } from "../client/browser.js";
import { defaultEndpoint, settings } from "./script-tag.js";

// The bounds of the engine, presence/src/watchlist; a test in src/client/fetch.rs compares them.
const MAX_GROUP = 500;
const MAX_GROUP_BYTES = 3_744;
const GROUP_FRAME_BYTES = 46;
const MAX_IN_FLIGHT = 4;
/** The time-out of the engine's requests. */
const TIMEOUT_MS = 10_000;

/** Requests in flight, by URL: `{ response, controller }`. */
export const preloaded = new Map();

/** `watchers` in the order in which the engine gets to know them. */
export function preload(watchers) {
  if (document.hidden || settings.credentials || settings.email) return;
  const base = resolveEndpoint(settings.endpoint || defaultEndpoint());
  if (!base) return;
  /** Maps each user ID to whether the person is on screen. */
  const people = new Map();
  for (const { watched, isVisible } of watchers) {
    const { user, endpoint } = watched;
    if (!/^[1-9]\d{0,9}$/.test(user) || endpoint) return;
    people.set(user, people.get(user) || isVisible);
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
  const request = new Request(`${base}realm/presence?users=${users}&slim_presence=true`, {
    signal: controller.signal,
  });
  // A page's own fetch may throw, or return any value.
  const response = (async () => fetch(request))();
  // The WebAssembly may load much later: what has failed by then is requested anew.
  response.catch(() => preloaded.delete(request.url));
  setTimeout(() => controller.abort(), TIMEOUT_MS);
  preloaded.set(request.url, { response, controller });
}
