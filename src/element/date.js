/** From milliseconds since 1970, as the WebAssembly tells instants; null where there is none. */
export const date = (ms) => (ms == null ? null : new Date(ms));
