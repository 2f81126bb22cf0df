// The network of tests/browser.rs: answers in place of window.fetch as a gateway does, as the test says.
//
// A page's monitoring script wraps fetch in the same way, so the widget must bear it.

/** URLs that were asked, by endpoint. */
const asked = new Map();
/** Entries by user; null: the endpoint is out of reach. By endpoint. */
const entries = new Map();

const original = window.fetch;
window.fetch = async (request, ...rest) => {
  const url = new URL(request.url ?? request, document.baseURI);
  const endpoint = url.pathname.split("/api/v1/")[0];
  if (!entries.has(endpoint)) return original.call(window, request, ...rest);
  asked.get(endpoint).push(url.pathname + url.search);
  const known = entries.get(endpoint);
  if (!known) throw new TypeError("Failed to fetch");
  const users = JSON.parse(url.searchParams.get("users"));
  const presences = Object.fromEntries(users.map((user) => [user, known[user] ?? {}]));
  const body = { result: "success", msg: "", presences, server_timestamp: Date.now() / 1000 };
  return Response.json(body);
};

/** From now on `endpoint` says of each user when they were active and connected, in seconds ago: `{"12": [5, 5]}`; "null": it is out of reach. */
export function answer(endpoint, json) {
  const at = (ago) => (ago === null ? {} : Date.now() / 1000 - ago);
  const ages = JSON.parse(json);
  const presence = ([active, idle]) =>
    Object.fromEntries(
      Object.entries({ active_timestamp: active, idle_timestamp: idle })
        .filter(([, ago]) => ago !== null)
        .map(([key, ago]) => [key, at(ago)]),
    );
  entries.set(
    endpoint,
    ages && Object.fromEntries(Object.entries(ages).map(([user, ago]) => [user, presence(ago)])),
  );
  if (!asked.has(endpoint)) asked.set(endpoint, []);
}

export function requests(endpoint) {
  return asked.get(endpoint).slice();
}

/** Tells the page that the network is back. */
export function online() {
  window.dispatchEvent(new Event("online"));
}

/** Lines that went to the console since the last call. */
const lines = [];
for (const level of ["warn", "error"]) {
  const write = console[level];
  console[level] = (...words) => {
    lines.push(words.join(" "));
    write.apply(console, words);
  };
}
export function console_lines() {
  return lines.splice(0);
}
