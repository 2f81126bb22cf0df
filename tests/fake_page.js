// A page whose clocks, timers, network and visibility the test controls. Everything else is the real browser's.

const real = {
  fetch: window.fetch,
  setTimeout: window.setTimeout,
  clearTimeout: window.clearTimeout,
  now: Date.now,
  monotonic: performance.now,
  addEventListener: EventTarget.prototype.addEventListener,
  removeEventListener: EventTarget.prototype.removeEventListener,
  warn: console.warn,
};

/** Noon of Monday 2026-11-23, UTC. */
const NOON = 1_795_435_200_000;

let passed = 0;
let timers = new Map();
let timerId = 0;
let presences = {};
let outage = null;
let isZulip = false;
let isLive = false;
/** The open streams: `{ url, signal, body }`. */
let streams = [];
let requests = [];
let waiting = [];
let warnings = [];
let visibility = "visible";
let listeners = 0;

export function install() {
  listeners = 0;
  EventTarget.prototype.addEventListener = function (...all) {
    listeners += 1;
    return real.addEventListener.apply(this, all);
  };
  EventTarget.prototype.removeEventListener = function (...all) {
    listeners -= 1;
    return real.removeEventListener.apply(this, all);
  };
  passed = 0;
  timers = new Map();
  presences = {};
  outage = null;
  isZulip = false;
  isLive = false;
  streams = [];
  requests = [];
  waiting = [];
  warnings = [];
  visibility = "visible";
  Date.now = () => NOON + passed;
  performance.now = () => passed;
  window.setTimeout = (callback, delay) => {
    timers.set(++timerId, { at: passed + (delay ?? 0), callback });
    return timerId;
  };
  window.clearTimeout = (id) => timers.delete(id);
  window.fetch = fetch;
  console.warn = (...parts) => warnings.push(parts.join(" "));
  Object.defineProperty(document, "visibilityState", { configurable: true, get: () => visibility });
}

export function uninstall() {
  Object.assign(EventTarget.prototype, {
    addEventListener: real.addEventListener,
    removeEventListener: real.removeEventListener,
  });
  Date.now = real.now;
  performance.now = real.monotonic;
  window.setTimeout = real.setTimeout;
  window.clearTimeout = real.clearTimeout;
  window.fetch = real.fetch;
  console.warn = real.warn;
  delete document.visibilityState;
}

/** Lets time pass, and waits for everything that follows from it. */
export async function advance(ms) {
  const end = passed + ms;
  for (;;) {
    await settled();
    const due = [...timers]
      .filter(([, { at }]) => at <= end)
      .sort(([, a], [, b]) => a.at - b.at)[0];
    if (!due) break;
    const [id, { at, callback }] = due;
    timers.delete(id);
    passed = Math.max(passed, at);
    callback();
  }
  passed = end;
  await settled();
}

/** Waits for everything that needs no time: a task after all tasks that are queued now, a few times over. */
export async function settled() {
  for (let i = 0; i < 5; i++) {
    await new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => {
        port1.close();
        resolve();
      };
      port2.postMessage(null);
    });
  }
}

/** Sets the reported timestamps, in seconds before now; `{}` for no data. */
export function set_presence(user, active_ago_s, idle_ago_s) {
  const at = (ago_s) => (ago_s === undefined ? undefined : (NOON + passed) / 1000 - ago_s);
  presences[user] = { active_timestamp: at(active_ago_s), idle_timestamp: at(idle_ago_s) };
}

/**
 * "down": no network; "silent": no reply ever; "primitive": rejects with a value that is not an Error; "throw": fetch itself throws; an
 * HTTP status; or "".
 */
export function set_outage(kind) {
  outage = kind;
}

/** The network replies as Zulip itself, or as a gateway, which it is unless told otherwise. */
export function set_zulip(is_zulip) {
  isZulip = is_zulip;
}

/** Whether the gateway has streams; by default it has none. */
export function set_live(is_live) {
  isLive = is_live;
}

/** How many streams are open. */
export function stream_count() {
  return streams.length;
}

/** Sends what is known now by all open streams, in two pieces. */
export async function send_by_streams() {
  for (const { url, body } of streams) {
    const message = new TextEncoder().encode(`:\n\ndata: ${await batch(url).text()}\n\n`);
    body.enqueue(message.slice(0, 20));
    body.enqueue(message.slice(20));
  }
  await settled();
}

export function set_visibility(state) {
  visibility = state;
  document.dispatchEvent(new Event("visibilitychange"));
}

export function request_count() {
  return requests.length;
}

/** `url credentials header=value…` of the last request. */
export function last_request() {
  const { url, credentials, headers } = requests.at(-1);
  const written = [...headers].map(([name, value]) => ` ${name}=${value}`);
  return `${url} ${credentials}${written.join("")}`;
}

export function last_aborted() {
  return requests.at(-1).signal.aborted;
}

/** Listeners that were added and not removed since `install`. */
export function listener_count() {
  return listeners;
}

export function timer_count() {
  return timers.size;
}

export function warning_lines() {
  return warnings;
}

/** Resolves once there have been `count` requests. */
export function asked(count) {
  return new Promise((resolve) => {
    waiting.push({ count, resolve });
    tell();
  });
}

/** Resolves once `selector` is found in `root`. */
export function appears(root, selector) {
  return new Promise((resolve) => {
    const look = () => {
      if (!root.querySelector(selector)) return;
      observer.disconnect();
      resolve();
    };
    const observer = new MutationObserver(look);
    observer.observe(root, {
      subtree: true,
      childList: true,
      attributes: true,
      characterData: true,
    });
    look();
  });
}

/** Resolves once the browser has shown two more frames, and reported who is on screen. */
export function frames() {
  return new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
}

/** A new iframe in the page. */
export function iframe() {
  const element = document.createElement("iframe");
  document.body.prepend(element);
  return element;
}

function tell() {
  for (const { resolve } of waiting.filter(({ count }) => requests.length >= count)) resolve();
  waiting = waiting.filter(({ count }) => requests.length < count);
}

function fetch(request) {
  const url = new URL(request.url);
  if (url.pathname.endsWith("/stream")) return stream(url, request);
  requests.push(request);
  tell();
  if (outage === "throw") throw new Error("blocked by a monitoring script");
  return reply(url, request);
}

async function stream(url, { signal }) {
  if (!isLive) return new Response(null, { status: 204 });
  const opened = { url, signal };
  const body = new ReadableStream({ start: (controller) => (opened.body = controller) });
  streams.push(opened);
  signal.addEventListener("abort", () => {
    streams = streams.filter((stream) => stream !== opened);
    opened.body.error(signal.reason);
  });
  return new Response(body, { headers: { "Content-Type": "text/event-stream" } });
}

async function reply(url, { signal }) {
  if (outage === "down") throw new TypeError("Failed to fetch");
  if (outage === "primitive") throw "no";
  if (outage === "silent") {
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason)),
    );
  }
  if (outage) return new Response("<h1>An error</h1>", { status: Number(outage) });
  const single = /users\/([^/]+)\/presence$/.exec(url.pathname);
  if (single) return success({ presence: presences[decodeURIComponent(single[1])] ?? {} });
  if (isZulip) {
    const emails = Object.entries(presences).filter(([user]) => user.includes("@"));
    return success({ presences: Object.fromEntries(emails) });
  }
  const users = url.searchParams.get("users");
  if (!users) {
    const body = { result: "error", msg: "Missing 'users'", code: "REQUEST_VARIABLE_MISSING" };
    return Response.json(body, { status: 400 });
  }
  return batch(url);
}

function batch(url) {
  const users = url.searchParams.get("users");
  const entries = JSON.parse(users).map((user) => [user, presences[user] ?? {}]);
  return success({ presences: Object.fromEntries(entries) });
}

function success(body) {
  const server_timestamp = (NOON + passed) / 1000;
  const threshold = isZulip ? {} : { server_presence_offline_threshold_seconds: 200 };
  return Response.json({ result: "success", msg: "", ...body, server_timestamp, ...threshold });
}
