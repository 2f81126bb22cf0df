// Requests the first replies while the WebAssembly is loading, for simple pages. The engine decides who is requested when; if it requests
// the same URLs, it gets these replies.

import { groupsOf, resolveEndpoint } from "../client/browser.js";
import { defaultEndpoint, settings } from "./script-tag.js";

/** The limit of the engine, presence/src/watchlist. */
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
  groupsOf([...people.keys()])
    .filter(({ ids }) => ids.some((id) => people.get(id)))
    .slice(0, MAX_IN_FLIGHT)
    .forEach(({ path }) => request(base + path));
}

function request(url) {
  const controller = new AbortController();
  const request = new Request(url, { signal: controller.signal });
  // A page's own fetch may throw, or return any value.
  const response = (async () => fetch(request))();
  // The WebAssembly may load much later: what has failed by then is requested anew.
  response.catch(() => preloaded.delete(request.url));
  setTimeout(() => controller.abort(), TIMEOUT_MS);
  preloaded.set(request.url, { response, controller });
}
