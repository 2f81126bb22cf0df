// window.zulipPresence.

import { date } from "./date.js";
import { updateAll } from "./element.js";
import { load, wasm } from "./load.js";
import { changeSettings } from "./settings.js";
import { subscribe } from "./subscribe.js";

export function definePageApi() {
  // Not ??=: an element with this ID is a property of window too.
  window.zulipPresence = {
    get ready() {
      return load();
    },
    get(user) {
      user = `${user}`;
      return {
        user,
        status: wasm?.statusOf(user) ?? "unknown",
        lastActive: date(wasm?.lastActiveOf(user)),
        message: wasm?.messageOf(user) ?? "",
      };
    },
    subscribe(user, callback) {
      user = `${user}`;
      const subscription = subscribe(user, (presence) => callback?.(presence));
      return () => {
        subscription.end();
        callback = null;
      };
    },
    refresh(user) {
      wasm?.refreshUser(`${user}`);
    },
    configure(options) {
      changeSettings(options);
      updateAll();
    },
  };
}
