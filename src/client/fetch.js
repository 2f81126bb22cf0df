// Sends the client's requests. The first ones of a page may be in flight before the WebAssembly has loaded (src/element/preload.js).

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
