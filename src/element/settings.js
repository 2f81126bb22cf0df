// Passes the settings of the page to the WebAssembly.

import { load, wasm } from "./load.js";
import { wake } from "./retry.js";
import { preloaded } from "./preload.js";
import { defaultEndpoint, SETTING_NAMES, settings, wantsScan } from "./script-tag.js";
import { updateSubscriptions } from "./subscribe.js";

export function applySettings() {
  const texts = SETTING_NAMES.map((name) =>
    settings[name] == null ? undefined : `${settings[name]}`,
  );
  wasm.configure(defaultEndpoint(), ...texts);
  updateSubscriptions();
  if (wantsScan()) wasm.scan();
}

/** Every element must be updated afterwards. */
export function changeSettings(options) {
  Object.assign(settings, options);
  // Requests by the old settings do not match the new ones.
  preloaded.clear();
  if (wasm) applySettings();
  else if (wantsScan()) load();
  // What could not be loaded may be elsewhere.
  wake();
}
