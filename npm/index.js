/** The page's own view of presence; on a server nothing is asked, and all is unknown. */
export const zulipPresence = globalThis.window?.zulipPresence ?? {
  ready: Promise.resolve(false),
  get: (user) => ({ user: `${user}`, status: "unknown", lastActive: null, message: "" }),
  subscribe: () => () => {},
  refresh() {},
  configure() {},
};
