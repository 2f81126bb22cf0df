// Which elements are on screen or close to it: one IntersectionObserver for the whole page.

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
