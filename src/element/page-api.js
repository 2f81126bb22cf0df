// window.zulipPresence.

import { load, wasm } from "./load.js";
import { preloaded } from "./preload.js";
import { wake } from "./retry.js";
import { defaultEndpoint, settings, wantsScan } from "./script-tag.js";
import { forPage, UNKNOWN, updateAll, view, Watcher } from "./watchers.js";

export function definePageApi() {
  // Not ??=: an element with this ID is a property of window too.
  window.zulipPresence = {
    get ready() {
      return load();
    },
    get(user) {
      user = `${user}`;
      return { user, ...forPage(wasm ? view(...wasm.presenceOf(user)) : UNKNOWN) };
    },
    subscribe(user, callback) {
      const subscription = new Subscription(`${user}`, callback);
      subscription.connect();
      return () => subscription.disconnect();
    },
    refresh(user) {
      wasm?.refreshUser(`${user}`);
    },
    configure(options) {
      Object.assign(settings, options);
      // Requests by the old settings do not match the new ones.
      preloaded.clear();
      if (wasm) applySettings();
      else if (wantsScan()) load();
      // What could not be loaded may be elsewhere.
      wake();
      updateAll();
    },
  };
}

/** A callback of the page, called on every change of the user's status, last activity or message. */
class Subscription extends Watcher {
  #callback;
  #view;

  constructor(user, callback) {
    super();
    this.watched = { user };
    this.#callback = callback;
  }

  onView(view) {
    const previous = this.#view;
    this.#view = view;
    // The first report is not a change.
    if (!previous || JSON.stringify(previous) === JSON.stringify(view)) return;
    const { user } = this.watched;
    this.#callback?.({ user, ...forPage(view), previous: previous.status });
  }
}

/** Passes the settings of the page to the WebAssembly. All watchers must be updated afterwards. */
export function applySettings() {
  const given = Object.entries(settings).filter(([, value]) => value != null);
  wasm.configure(defaultEndpoint(), new Map(given.map(([name, value]) => [name, `${value}`])));
  if (wantsScan()) wasm.scan();
}
