// Has the browser bring the first replies while the WebAssembly is still under way. A hint and no more, for pages of the
// plain kind: who is asked when is decided by the engine, and where it asks for the same URLs, the browser has them already.

// The bounds of a group, as in presence/src/watchlist/query.rs.
const MAX_GROUP = 500;
const MAX_GROUP_BYTES = 3_744;
const GROUP_FRAME_BYTES = 46;
const MAX_IN_FLIGHT = 4;
const MAX_A_MINUTE = 60;
/** After which the engine gives a request up. */
const TIMEOUT_MS = 10_000;

/** `isVisible` tells which elements are on screen. */
export function preload({ endpoint, credentials, email }, defaultEndpoint, isVisible) {
  if (document.readyState === "loading" || document.hidden || credentials || email) return;
  const base = URL.parse?.(endpoint || defaultEndpoint, document.baseURI)?.href.replace(/\/$/, "");
  if (!/^https?:\/\/[^?#@]*$/.test(base)) return;
  /** From user ID to whether the person is on screen, in the order of the document. */
  const people = new Map();
  for (const element of document.querySelectorAll("zulip-presence")) {
    const user = element.getAttribute("user");
    if (!/^[1-9]\d{0,9}$/.test(user) || element.hasAttribute("endpoint")) return;
    people.set(user, people.get(user) || isVisible(element));
  }
  const ids = [...people.keys()];
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
  const wanted = groups
    .filter((group) => group.some((id) => people.get(id)))
    .slice(0, MAX_A_MINUTE);
  for (const group of wanted.splice(0, MAX_IN_FLIGHT)) request(group);

  /** One after the other: the engine asks for them in the same order, and no more at a time. */
  function request(group) {
    const users = encodeURIComponent(`[${group.sort((a, b) => a - b)}]`);
    const next = () => {
      if (wanted.length && !document.hidden) request(wanted.shift());
    };
    const link = Object.assign(document.createElement("link"), {
      rel: "preload",
      as: "fetch",
      crossOrigin: "",
      href: `${base}/realm/presence?users=${users}&slim_presence=true`,
      onload: next,
    });
    document.head.append(link);
    // One that hangs would hang all further requests for the same URL: the browser's cache lets one at a time through.
    setTimeout(() => link.remove(), TIMEOUT_MS);
  }
}
