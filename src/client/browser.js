// What the client needs in JavaScript: URLs of endpoints, requests that may be in flight before the WebAssembly has loaded
// (src/element/preload.js), and which elements are on screen. One module: the server of wasm-bindgen-test hangs now and then when a page
// loads five modules at once.

/**
 * The URL of an endpoint, which may be relative to the page: absolute, without query and fragment, with a slash at its end. Undefined unless
 * it is an http or https URL without a user.
 */
export function resolveEndpoint(written) {
  try {
    const { href, origin, pathname } = new URL(written, document.baseURI);
    // Other schemes have another origin or none. A URL with a user, which fetch refuses, does not begin with its origin.
    if (written && origin.startsWith("http") && href.startsWith(origin))
      return (origin + pathname).replace(/\/?$/, "/");
  } catch {
    // No URL at all.
  }
  return undefined;
}

// The bounds of the engine's groups, presence/src/watchlist; a test in src/client/fetch.rs compares what comes of them.
const MAX_GROUP = 500;
const MAX_GROUP_BYTES = 3_744;
const GROUP_FRAME_BYTES = 46;

/** The groups of people in the order of the page, `{ ids, path }`, as the engine makes them. `ids` are user IDs, each once. */
export function groupsOf(ids) {
  const groups = [];
  let bytes = Infinity;
  for (const id of ids) {
    bytes += "%2C".length + id.length;
    if (bytes > MAX_GROUP_BYTES || groups.at(-1).length >= MAX_GROUP) {
      groups.push([]);
      bytes = GROUP_FRAME_BYTES + "%2C".length + id.length;
    }
    groups.at(-1).push(id);
  }
  return groups.map((ids) => {
    const users = encodeURIComponent(`[${[...ids].sort((a, b) => a - b)}]`);
    return { ids, path: `realm/presence?users=${users}&slim_presence=true` };
  });
}

/** Requests in flight, by URL: `{ response, controller }`. */
let begun = new Map();

/** From now on, sending one of these requests gives its response, once. */
export function takeOver(requests) {
  begun = requests;
}

/** Like fetch, but takes over a request that is already in flight. */
export function send(request) {
  const { url, signal } = request;
  const early = begun.get(url);
  begun.delete(url);
  if (!early || early.controller.signal.aborted) return fetch(request);
  signal.addEventListener("abort", () => early.controller.abort());
  return early.response;
}

/** Elements this close to the screen count as visible, so that they have a result when they are scrolled into view. */
const MARGIN = "200px";

/** Maps each observed element to its callback. */
const callbacks = new WeakMap();
let observer;

/** Calls `callback(isVisible, hasBox)` soon, and whenever the element enters or leaves the screen. */
export function observeVisibility(element, callback) {
  // Simulated documents, such as jsdom's, have no screen.
  if (!globalThis.IntersectionObserver) return queueMicrotask(() => callback(true, true));
  observer ??= new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting, boundingClientRect: box } of entries)
        callbacks.get(target)?.(isIntersecting, box.x || box.y || box.width || box.height);
    },
    { rootMargin: MARGIN },
  );
  callbacks.set(element, callback);
  observer.observe(element);
}

export function unobserveVisibility(element) {
  observer?.unobserve(element);
  callbacks.delete(element);
}
