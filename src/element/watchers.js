// Who is watched: by the elements of the page, and by its callbacks. What they ask for reaches the WebAssembly together, and views come back
// together: a call for each would cost more than what it carries.

import { observeLang } from "../i18n/browser.js";
import { load, wasm } from "./load.js";
import { preload } from "./preload.js";

/** In the core's order. */
const STATUSES = ["active", "idle", "offline", "unknown"];
/** How long the first people wait for those whom the parser may find. */
const MAX_WAIT_MS = 1_000;

/** The connected watchers, by their IDs. */
const watchers = new Map();
let lastId = 0;
/** Watchers to update at the end of the current task. */
const dirty = new Set();
/** Each of its messages is a task. */
let channel;
let hasPreloaded = false;
let hasBegun = false;
/** The watchers that were there when that wait was over, if it was over before the parser was. */
let first = [];

/** What watches a person. Subclasses have `watched` and `onView(view)`; those with a badge also `rootOf()`, `show()` and `observe()`. */
export class Watcher {
  #id = ++lastId;
  /** On screen, or so close to it that the status must be there before it is scrolled into view. */
  isVisible = true;

  connect() {
    watchers.set(this.#id, this);
    this.update();
  }

  disconnect() {
    watchers.delete(this.#id);
    this.update();
  }

  get isConnected() {
    return watchers.has(this.#id);
  }

  /** To be called whenever `isVisible` or `watched` has changed. */
  update() {
    if (!dirty.size) {
      // The parser runs microtasks after every element: a message gathers all elements that it creates in one task.
      if (isParsing() && globalThis.MessageChannel) flushInTask();
      else queueMicrotask(flush);
    }
    dirty.add(this);
  }

  /** What the WebAssembly gets of it, in its order. */
  get values() {
    const { user, details, name = "", label = "", endpoint = "", lang = "" } = this.watched;
    const flags = (this.isVisible ? "v" : "") + (this.rootOf ? "b" : "") + (details ? "d" : "");
    return [this.#id, flags, user, name, label, endpoint, lang];
  }

  refresh() {
    wasm?.refreshWatcher(this.#id);
  }

  free() {
    wasm.freeWatcher(this.#id);
  }
}

/** Connects the watchers with the WebAssembly, once it is loaded. */
export function connectWatchers() {
  wasm.connectPage({
    rootOf: (id) => watchers.get(id)?.rootOf(),
    onViews(views, messages) {
      // A copy: what listeners call may move the memory of the WebAssembly.
      views = views.slice();
      messages = messages.split("\0");
      for (let at = 0; at < views.length; at += 3) {
        try {
          watchers.get(views[at])?.onView(view(views[at + 1], views[at + 2], messages[at / 3]));
        } catch (error) {
          // Of a callback of the page. The others get their news; and what is thrown into the WebAssembly harms it.
          reportError(error);
        }
      }
    },
  });
  observeLang(updateAll);
}

/** What is known of a person; `lastActive_ms` is since 1970, NaN if it is not known. */
export const view = (status, lastActive_ms, message) => ({
  status: STATUSES[status],
  lastActive_ms,
  message,
});

export const UNKNOWN = { status: "unknown", lastActive_ms: NaN, message: "" };

/** A view as pages get it. */
export const forPage = ({ status, lastActive_ms, message }) => ({
  status,
  lastActive: Number.isNaN(lastActive_ms) ? null : new Date(lastActive_ms),
  message,
});

/** Updates all watchers, after the WebAssembly was loaded or configured. */
export function updateAll() {
  // The same groups as those that were requested early.
  if (wasm && first.length) {
    updateWatchers(first);
    wasm.stopWaiting();
    first = [];
  }
  for (const watcher of watchers.values()) watcher.update();
}

function flush() {
  // Again and again, because document.open() removes all listeners.
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  const updated = [...dirty];
  dirty.clear();
  if (wasm === undefined && updated.some(({ isConnected }) => isConnected)) load();
  if (!wasm) return;
  updateWatchers(updated);
  // Afterwards, so that a person whose element was replaced stays watched.
  for (const watcher of updated) if (!watcher.isConnected) watcher.free();
}

/** Passes the values of those that are connected in one string, separated by NUL, which no attribute of a page needs. */
function updateWatchers(updated) {
  const connected = updated.filter(({ isConnected }) => isConnected);
  const values = connected.flatMap(({ values }) => values);
  wasm.updateWatchers(values.map((value) => `${value}`.replaceAll("\0", "")).join("\0"));
}

/** Draws everybody, and asks for their presence: pages are printed without having been scrolled. */
function beforePrint() {
  for (const watcher of watchers.values()) watcher.show?.();
  flush();
}

function afterPrint() {
  for (const watcher of watchers.values()) watcher.observe?.();
}

function flushInTask() {
  if (!channel) {
    channel = new MessageChannel();
    channel.port1.onmessage = flush;
  }
  channel.port2.postMessage(null);
}

const isParsing = () => document.readyState === "loading";

/** To be called when it is known who is on screen. Not with a bundler: its page may set the endpoint later. */
export function preloadOnce() {
  if (IS_PACKAGE || hasPreloaded) return;
  hasPreloaded = true;
  // After all that the observer reports together.
  queueMicrotask(() => {
    if (!isParsing()) return begin();
    document.addEventListener("DOMContentLoaded", begin);
    setTimeout(begin, MAX_WAIT_MS);
  });
}

/** Requests the first replies, once the document is parsed, or the parser has had its time. */
function begin() {
  if (hasBegun) return;
  hasBegun = true;
  if (wasm) wasm.stopWaiting();
  else if (wasm === undefined) {
    preload([...watchers.values()]);
    if (isParsing()) first = [...watchers.values()];
  }
}
