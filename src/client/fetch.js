// How the client's requests are sent. The first ones of a page may be under way before the WebAssembly is (src/element/preload.js).

/** Requests under way, by URL: `{ response, controller }`. */
let begun = new Map();

/** From now on whoever sends one of these requests gets its response, once. */
export function takeOver(requests) {
  begun = requests;
}

/** Like fetch. */
export function send(request) {
  const { url, signal } = request;
  const early = begun.get(url);
  begun.delete(url);
  if (!early || early.controller.signal.aborted) return fetch(request);
  signal.addEventListener("abort", () => early.controller.abort());
  return early.response;
}
