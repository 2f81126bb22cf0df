/** Converts milliseconds since 1970, the WebAssembly's format of instants, to a Date; null if there is none. */
export const date = (ms) => (ms == null ? null : new Date(ms));
